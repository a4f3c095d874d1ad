import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LayerRef, View } from '../../../src/model/layer.ts';
import type { TreeEntry } from '../../../src/model/tree-entry.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { hostArchitecture } from '../../../src/model/platform.ts';
import { RootfsBuilder } from '../../rigs/rootfs-builder.ts';
import { EPOCH, noWorkspace, RULES, smallRoot, WorkspaceRig } from '../../rigs/workspace.ts';

const BASE = `mkdir -p usr/lib/x usr/bin etc srv; ln -s usr/lib lib; ln -s /usr/bin bin; ln -s loop2 loop1; ln -s loop1 loop2
ln -s ../../../../etc up; chmod 700 usr/lib/x; chown 33:33 usr/lib/x; echo web:x:33:44::/:/bin/sh > etc/passwd; echo web:x:44: > etc/group; echo f > file`;

const text = (path: string, more: Partial<TreeEntry & { type: 'file' }> = {}): TreeEntry => ({
  type: 'file',
  path,
  mode: 0o644,
  owner: 'root',
  group: 'root',
  content: { type: 'text', text: `${path}\n` },
  ...more,
});

async function write(rig: WorkspaceRig, view: View, entries: readonly TreeEntry[]): Promise<LayerRef> {
  return await rig.workspace.writeLayer(entries, await rig.workspace.placementFacts(view, entries), RULES);
}

describe.skipIf(noWorkspace !== undefined)('layers of write-only steps', () => {
  test('paths follow the links of the image, and folders keep their attributes', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    const layer = await write(
      rig,
      [base],
      [text('/lib/x/a'), text('/bin/tool', { mode: 0o4755 }), text('/up/conf'), text('/srv/new/deep/f')],
    );
    expect(rig.paths(layer).join(', ')).toBe(
      '/etc d, /etc/conf f, /srv d, /srv/new d, /srv/new/deep d, /srv/new/deep/f f, ' +
        '/usr d, /usr/bin d, /usr/bin/tool f, /usr/lib d, /usr/lib/x d, /usr/lib/x/a f',
    );
    const view = [base, layer];
    expect(await rig.merged(view, 'stat -c "%a %u %g %F" lib lib/x usr/bin/tool srv/new')).toBe(
      '777 0 0 symbolic link\n700 33 33 directory\n4755 0 0 regular file\n755 0 0 directory',
    );
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
  });

  test('the same entries give the same layer on views that place them the same way', async () => {
    const rig = await WorkspaceRig.open();
    const one = await rig.layer([], 'mkdir etc; echo one > etc/one');
    const two = await rig.layer([], 'mkdir etc; echo two > two');
    const entries = [text('/etc/motd')];
    expect(await rig.workspace.placementFacts([one], entries)).toEqual(
      await rig.workspace.placementFacts([two], entries),
    );
    expect((await write(rig, [one], entries)).digest).toBe((await write(rig, [two], entries)).digest);
    const private_ = await rig.layer([], 'mkdir -m 700 etc');
    expect((await write(rig, [private_], entries)).digest).not.toBe(
      (await write(rig, [one], entries)).digest,
    );
  });

  test('owners by name come from the image', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    const layer = await write(
      rig,
      [base],
      [text('/srv/f', { owner: 'web', group: 'web' }), text('/srv/g', { owner: '7', group: 8 })],
    );
    expect(await rig.merged([base, layer], 'stat -c %u:%g srv/f srv/g')).toBe('33:44\n7:8');
    await expect(rig.workspace.placementFacts([base], [text('/f', { owner: 'nobody' })])).rejects.toThrow(
      'the image has no user "nobody"',
    );
    await expect(rig.workspace.placementFacts([base], [text('/f', { group: 'www' })])).rejects.toThrow(
      'the image has no group "www"',
    );
  });

  test('removals are whiteouts where the path exists, nothing where not', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    const layer = await write(
      rig,
      [base],
      [
        { type: 'remove', path: '/lib/x' },
        { type: 'remove', path: '/nowhere/f' },
        { type: 'remove', path: '/bin' },
      ],
    );
    expect(rig.paths(layer)).toEqual(['/bin w', '/usr d', '/usr/lib d', '/usr/lib/x w']);
    expect(await rig.merged([base, layer], 'ls; ls usr/lib')).toBe(
      'etc\nfile\nlib\nloop1\nloop2\nsrv\nup\nusr',
    );
  });

  test('folders, links and host files', async () => {
    const rig = await WorkspaceRig.open();
    const source = join(temporaryFolder(), 'source');
    writeFileSync(source, 'from the host', { mode: 0o600 });
    const layer = await write(
      rig,
      [],
      [
        text('/d/f', { content: { type: 'host-file', path: source } }),
        { type: 'directory', path: '/d', mode: 0o1777, owner: 3, group: 4 },
        { type: 'symlink', path: '/l', target: '/d/f', owner: 5, group: 6 },
      ],
    );
    expect(rig.manifest(layer)[0]).toMatch(/^\/d d 1777 3 4 /);
    expect(rig.manifest(layer).at(-1)).toMatch(/^\/l l - 5 6 \d+ - \/d\/f$/);
    expect(await rig.workspace.readText([layer], '/l')).toBe('from the host');
  });

  test('drop patterns do not apply to what a user asked for', async () => {
    const rig = await WorkspaceRig.open();
    const entries = [text('/tmp/x')];
    const facts = await rig.workspace.placementFacts([], entries);
    expect(rig.paths(await rig.workspace.writeLayer(entries, facts, { ...RULES, drop: ['tmp/'] }))).toEqual([
      '/tmp d',
      '/tmp/x f',
    ]);
  });

  test('link circles and files in the way are told', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    await expect(rig.workspace.placementFacts([base], [text('/loop1/f')])).rejects.toThrow(
      'leads in a circle',
    );
    await expect(rig.workspace.placementFacts([base], [text('/file/f')])).rejects.toThrow(
      '/file is not a folder',
    );
  });

  test('a folder lands where links of the image lead it, and does not take the place of the link', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], `${BASE}; mkdir var; ln -s ../run var/run; ln -s /usr/lib/x usr/deep`);
    const folder = (path: string): TreeEntry => ({
      type: 'directory',
      path,
      mode: 0o750,
      owner: 3,
      group: 4,
    });
    const layer = await write(rig, [base], [folder('/lib'), folder('/var/run'), folder('/usr/deep')]);
    expect(rig.paths(layer)).toEqual(['/run d', '/usr d', '/usr/lib d', '/usr/lib/x d']);
    expect(
      await rig.merged([base, layer], 'readlink lib var/run; stat -c "%a %u:%g" usr/lib run usr/lib/x'),
    ).toBe('usr/lib\n../run\n750 3:4\n750 3:4\n750 3:4');
  });

  test('access lists and attributes of the folders on the way are kept', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer(
      [],
      'mkdir -p srv/a srv/b; setfacl -m u:33:rwx,d:u:33:rw srv/a; setfattr -n user.note -v "x y" srv/a; chmod 2775 srv/b',
    );
    const show = 'getfacl -pn srv/a; getfattr -d srv/a; stat -c %a srv/b';
    const before = await rig.merged([base], show);
    const layer = await write(rig, [base], [text('/srv/a/f'), text('/srv/b/f')]);
    expect(await rig.merged([base, layer], show)).toBe(before);
    expect(before).toContain('default:user:33:rw-');
    // The sandbox's own files lie in folders of the image too: they change nothing of them either.
    const guarded = await rig.layer([], 'mkdir -p etc usr/sbin; setfacl -m u:33:rwx etc');
    const machine = await new RootfsBuilder(rig.workspace).launch({
      view: [guarded],
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      cacheFolder: () => Promise.reject(new Error('no cache')),
      signal: new AbortController().signal,
      onOutput: () => undefined,
    });
    await machine.writeFile('/etc/new', 'x');
    const ran = await machine.capture(RULES);
    expect(rig.paths(ran)).toEqual(['/etc d', '/etc/new f']);
    expect(await rig.merged([guarded, ran], 'getfacl -pn etc')).toContain('user:33:rwx');
  });

  test('one name of a file with several is replaced, the others stay', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer(
      [],
      'mkdir d; echo old > d/a; ln d/a d/b; ln d/a c; mkfifo d/pipe; mknod d/zero c 1 5',
    );
    const layer = await write(rig, [base], [text('/d/a'), text('/d/pipe'), text('/d/zero')]);
    expect(await rig.merged([base, layer], 'cat d/a d/b c d/pipe d/zero; stat -c %h d/a')).toBe(
      '/d/a\nold\nold\n/d/pipe\n/d/zero\n1',
    );
  });

  test('what a layer between deleted or replaced is not taken for what lies there', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir -p -m 700 gone hidden/in; ln -s gone link; chown 5:6 hidden/in');
    const between = await rig.layer([base], 'rm -r gone link hidden; mkdir -m 711 hidden; mkdir link');
    const layer = await write(rig, [base, between], [text('/gone/f'), text('/link/f'), text('/hidden/in/f')]);
    expect(
      await rig.merged(
        [base, between, layer],
        'stat -c "%n %a %u %F" gone link hidden hidden/in; ls gone link hidden/in',
      ),
    ).toBe(
      'gone 755 0 directory\nlink 755 0 directory\nhidden 711 0 directory\nhidden/in 755 0 directory\ngone:\nf\n\nhidden/in:\nf\n\nlink:\nf',
    );
  });

  test('a file where a folder is, and a folder where a file is, are refused, but not when a step deletes it first', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], `${BASE}; echo f > etc/f; ln -s f etc/link`);
    const placing = (...entries: TreeEntry[]) => rig.workspace.placementFacts([base], entries);
    const link: TreeEntry = { type: 'symlink', path: '/etc', target: '/x', owner: 0, group: 0 };
    const folder = (path: string): TreeEntry => ({
      type: 'directory',
      path,
      mode: 0o755,
      owner: 0,
      group: 0,
    });
    await expect(placing(text('/etc'))).rejects.toThrow(
      '/etc cannot become a file: the image has a folder there',
    );
    await expect(placing(link)).rejects.toThrow('/etc cannot become a link: the image has a folder there');
    await expect(placing(folder('/file'))).rejects.toThrow(
      '/file cannot become a folder: the image has a file there',
    );
    await expect(placing(folder('/etc/link'))).rejects.toThrow('the image has a file there');
    const removed = await write(rig, [base], [{ type: 'remove', path: '/etc' }]);
    const layer = await write(rig, [base, removed], [text('/etc')]);
    expect(await rig.merged([base, removed, layer], 'cat etc')).toBe('/etc');
    const both = await write(rig, [base], [{ type: 'remove', path: '/etc' }, text('/etc')]);
    expect(await rig.merged([base, both], 'cat etc')).toBe('/etc');
  });

  test('of two entries at one place the last counts, whatever they call it', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    const content = (words: string) => ({ content: { type: 'text' as const, text: words } });
    const layer = await write(
      rig,
      [base],
      [
        text('/lib/a', content('one')),
        text('/usr/lib/a', content('two')),
        text('/file', content('gone')),
        { type: 'remove', path: '/file' },
      ],
    );
    expect(rig.paths(layer)).toEqual(['/file w', '/usr d', '/usr/lib d', '/usr/lib/a f']);
    expect(await rig.merged([base, layer], 'cat usr/lib/a')).toBe('two');
  });

  test('entries that need what the same step takes away or makes are refused', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], BASE);
    const placing = (...entries: TreeEntry[]) => rig.workspace.placementFacts([base], entries);
    const link: TreeEntry = { type: 'symlink', path: '/www', target: '/srv', owner: 0, group: 0 };
    const folder: TreeEntry = { type: 'directory', path: '/srv', mode: 0o755, owner: 0, group: 0 };
    await expect(placing(link, text('/www/f'))).rejects.toThrow(
      '/www/f cannot be written: the same step makes a link at /www',
    );
    await expect(placing(text('/new/f'), text('/new'))).rejects.toThrow(
      'the same step writes a file at /new',
    );
    await expect(placing({ type: 'remove', path: '/srv' }, text('/srv/f'))).rejects.toThrow(
      'the same step deletes /srv',
    );
    await expect(placing({ type: 'remove', path: '/srv' }, folder)).rejects.toThrow(
      'the same step deletes it',
    );
  });

  test('names that are too long, and links to names that no template can spell', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], String.raw`mkdir "$(printf 'd\351')"; ln -s "$(printf 'd\351')" odd`);
    await expect(write(rig, [base], [text(`/${'x'.repeat(256)}`)])).rejects.toThrow('a path is too long');
    await expect(write(rig, [base], [text(`/${'deep/'.repeat(815)}f`)])).rejects.toThrow(
      'a path is too long',
    );
    await expect(write(rig, [base], [text('/odd/f')])).rejects.toThrow('a name that is not UTF-8');
    const long = `/${`${'y'.repeat(255)}/`.repeat(12)}f`;
    const layer = await write(rig, [base], [text(long)]);
    expect(rig.paths(layer).at(-1)).toBe(`${long} f`);
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
  });

  test('a missing host file is an expected failure, and nothing is stored', async () => {
    const rig = await WorkspaceRig.open();
    const entries = [text('/f', { content: { type: 'host-file', path: '/nonexistent/file' } })];
    const facts = await rig.workspace.placementFacts([], entries);
    await expect(rig.workspace.writeLayer(entries, facts, RULES)).rejects.toMatchObject({
      failures: [{ reason: 'input-missing' }],
    });
    expect(rig.store.listLayers()).toEqual([]);
  });
});

describe.skipIf(noWorkspace !== undefined)('looking into views', () => {
  test('agrees with what the kernel shows', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer(
      [],
      `${smallRoot()}
      mkdir -p a/b usr/lib/x srv; echo 1 > a/b/1; echo 2 > a/b/2; echo h > usr/bin/h; ln usr/bin/h usr/lib/h2
      ln -s loop2 loop1; ln -s loop1 loop2; ln -s ../../../../etc up; ln -s /a/b/../../up/group etc/abs`,
    );
    const two = await rig.layer(
      [base],
      'rm a/b/1; rm -r usr/lib/x; mkdir usr/lib/x; echo 3 > a/b/3; rm srv -r; echo s > srv',
    );
    const view = [base, two];
    const found = await rig.merged(view, 'find . -mindepth 1 -maxdepth 3 | sed "s/^.//"');
    const paths = await rig.workspace.glob(view, ['/*', '/*/*', '/*/*/*']);
    // Through links of folders the shell and we list more than `find` does.
    const physical = paths.filter((path) => !/^\/(bin|lib|lib64|sbin|up)\//.test(path));
    expect(physical).toEqual(found.split('\n').toSorted());
    for (const path of [
      '/a/b/1',
      '/a/b/2',
      '/a/b/3',
      '/lib/h2',
      '/bin/h',
      '/up/passwd',
      '/srv',
      '/loop1',
      '/etc',
      '/nope',
      '/etc/abs',
      '/srv/x',
    ]) {
      const shown = await rig.merged(view, `chroot . /bin/cat ${path} 2>/dev/null || echo MISSING`);
      expect((await rig.workspace.readText(view, path))?.trim() ?? 'MISSING', path).toBe(shown);
    }
  });

  test('links never lead out of the image', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer(
      [],
      'mkdir etc; ln -s ../../../../../../etc/hostname out; ln -s /etc/passwd abs; echo inside > etc/passwd; ln -s / root; ln -s /proc/self/root proc',
    );
    expect(await rig.workspace.readText([base], '/out')).toBeUndefined();
    expect(await rig.workspace.readText([base], '/abs')).toBe('inside\n');
    expect(await rig.workspace.readText([base], '/root/root/root/etc/passwd')).toBe('inside\n');
    expect(await rig.workspace.readText([base], '/proc/etc/passwd')).toBeUndefined();
    const active = await rig.workspace.activate([base]);
    expect(await rig.workspace.readActive(active, '/out')).toBeUndefined();
    expect(await rig.workspace.readActive(active, '/root/abs')).toBe('inside\n');
    await rig.workspace.writeActive(active, { path: '/out', content: 'x', mode: 0o600, uid: 1, gid: 2 });
    expect(
      rig
        .manifest(await rig.workspace.commit(active, RULES))
        .find((line) => line.startsWith('/etc/hostname ')),
    ).toMatch(/ f 0600 1 2 /);
  });

  test('needs no helper process', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir etc; echo x > etc/x');
    const other = await WorkspaceRig.open(rig.workspace.storeDirectory);
    const { readdirSync } = await import('node:fs');
    const before = readdirSync(rig.store.activeDirectory).length;
    expect(await other.workspace.glob([base], ['/etc/*'])).toEqual(['/etc/x']);
    await other.workspace.placementFacts([base], [text('/etc/y')]);
    expect(readdirSync(rig.store.activeDirectory).length).toBe(before);
  });
});
