import { describe, expect, test } from 'vitest';
import { EPOCH, noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

describe.skipIf(noWorkspace !== undefined)('overlays and commits', () => {
  test('a deleted file is a whiteout, and only where something lies below', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir etc; echo a > etc/a; echo b > etc/b');
    const layer = await rig.layer([base], 'rm etc/a; echo new > etc/new; rm etc/new');
    expect(rig.paths(layer)).toEqual(['/etc d', '/etc/a w']);
    expect(await rig.merged([base, layer], 'ls etc')).toBe('b');
  });

  test('a folder that was replaced is opaque; one that is new is not', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir -p opt/app; echo old > opt/app/old');
    const layer = await rig.layer(
      [base],
      'rm -r opt/app; mkdir opt/app opt/new; echo x > opt/app/x; echo y > opt/new/y',
    );
    const lines = rig.manifest(layer).filter((line) => line.includes(' d '));
    expect(lines.find((line) => line.startsWith('/opt/app '))).toMatch(/ opaque$/);
    expect(lines.find((line) => line.startsWith('/opt/new '))).toMatch(/ -$/);
    expect(await rig.merged([base, layer], 'ls opt/app')).toBe('x');
    // An opaque mark on a new folder would hide what a step beside this one puts there.
    const beside = await rig.layer([base], 'mkdir opt/new; echo z > opt/new/z');
    expect(await rig.merged([base, beside, layer], 'ls opt/new')).toBe('y\nz');
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
  });

  test('what was rewritten or touched without change is no change', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer(
      [],
      'mkdir -p etc d/e; echo same > etc/same; chmod 640 etc/same; ln etc/same etc/link; ln -s x etc/sym',
    );
    const layer = await rig.layer(
      [base],
      'cat etc/same > t; cat t > etc/same; rm t; touch d/e/f; rm d/e/f; chmod 700 d; chmod 755 d; rm etc/sym; ln -s x etc/sym',
    );
    expect(rig.paths(layer)).toEqual([]);
    expect(layer.entries).toBe(1);
    const changed = await rig.layer([base], 'chmod 600 etc/same');
    expect(rig.paths(changed)).toEqual(['/etc d', '/etc/same f']);
  });

  test('hard links stay links, whatever their order on disk', async () => {
    const rig = await WorkspaceRig.open();
    const first = await rig.layer([], 'echo x > b; ln b a; ln b c');
    const second = await rig.layer([], 'echo x > c; ln c b; ln c a');
    expect(rig.paths(first)).toEqual(['/a f', '/b h', '/c h']);
    expect(second.digest).toBe(first.digest);
    expect(await rig.merged([first], 'stat -c %h a b c')).toBe('3\n3\n3');
    expect(await rig.workspace.verify(first.digest)).toBe('intact');
  });

  test('the same content gives the same digest; every attribute that means something changes it', async () => {
    const rig = await WorkspaceRig.open();
    const script = 'mkdir d; echo x > d/f; chown 5:6 d/f; ln -s f d/l; mkfifo d/p';
    const first = await rig.layer([], script);
    expect((await rig.layer([], `sleep 0.01; ${script}`)).digest).toBe(first.digest);
    for (const change of [
      'chmod 600 d/f',
      'chown 6 d/f',
      'echo y > d/f',
      'ln -sf g d/l',
      'touch -d 2001-01-01 d/f',
      'setfattr -n user.a -v b d/f',
      'chmod 2755 d',
    ]) {
      expect((await rig.layer([], `${script}; ${change}`)).digest, change).not.toBe(first.digest);
    }
  });

  test('times are whole seconds and not newer than the epoch, in the manifest and on disk', async () => {
    const rig = await WorkspaceRig.open();
    const layer = await rig.layer(
      [],
      'touch -d 2001-01-01T00:00:00.9Z old; touch new; ln -s x l; mkdir d; touch d/f',
    );
    const times = rig.manifest(layer).map((line) => Number(line.split(' ')[5]));
    expect(new Set(times)).toEqual(new Set([EPOCH, 978_307_200]));
    const onDisk = await rig.merged([layer], 'stat -c %.9Y old new l d d/f');
    expect(onDisk.split('\n')).toEqual([
      '978307200.000000000',
      ...Array.from({ length: 4 }, () => `${EPOCH}.000000000`),
    ]);
  });

  test('names of any bytes', async () => {
    const rig = await WorkspaceRig.open();
    const odd = String.raw`printf 'caf\351 \134 \n=x'`;
    const layer = await rig.layer(
      [],
      `echo x > "$(${odd})"; mkdir "$(${odd}).d"; ln -s "$(${odd})" l; setfattr -n user.k -v v "$(${odd})"`,
    );
    const name = String.raw`/caf\351\040\134\040\012=x`;
    expect(rig.paths(layer)).toEqual([`${name} f`, `${name}.d d`, '/l l']);
    expect(rig.manifest(layer)[0]).toMatch(/ user\.k=76$/);
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
    const next = await rig.layer(
      [layer],
      `rm "$(${odd})"; setfattr -n user.overlay.origin -v x . 2>/dev/null || true`,
    );
    expect(rig.paths(next)).toEqual([`${name} w`]);
  });

  test('capabilities, ACL-like and user attributes are kept; sockets and foreign labels are not', async () => {
    const rig = await WorkspaceRig.open();
    const layer = await rig.layer(
      [],
      `cp /bin/true ping; setcap cap_net_raw+ep ping; setfattr -n user.note -v hi ping; setfattr -n trusted.host -v no ping
       perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "sock", Listen => 1)'`,
    );
    expect(rig.paths(layer)).toEqual(['/ping f']);
    const attributes = rig.manifest(layer)[0]?.split(' ').slice(8);
    expect(attributes).toEqual([expect.stringMatching(/^security\.capability=01000002/), 'user.note=6869']);
    expect(await rig.merged([layer], 'getcap ping')).toBe('ping cap_net_raw=ep');
    // A copy by the overlay keeps them too.
    const next = await rig.layer([layer], 'chmod 700 ping');
    expect(rig.manifest(next)[0]).toContain('security.capability=');
  });

  test('device nodes, access lists, sparse files and long paths come back as they were', async () => {
    const rig = await WorkspaceRig.open();
    // 12 folders of 250 bytes: past what one file system call takes with the store's own path before it.
    const deep = Array.from({ length: 12 }, (_, at) => `${at}`.padEnd(250, 'x')).join('/');
    const layer = await rig.layer(
      [],
      `mknod disk b 8 1; mknod null c 1 3; mkfifo pipe; mknod hidden c 0 1
       echo x > listed; setfacl -m u:33:r listed; mkdir inherited; setfacl -d -m g:44:rx inherited
       truncate -s 64M sparse; printf end >> sparse
       mkdir -p ${deep}; echo deep > ${deep}/f`,
    );
    const lines = new Map(rig.manifest(layer).map((line) => [line.split(' ')[0], line]));
    expect(lines.get('/disk')).toMatch(/ b \d+ 0 0 \d+ - 8:1$/);
    expect(lines.get('/null')).toMatch(/ c \d+ 0 0 \d+ - 1:3$/);
    expect(lines.get('/hidden')).toMatch(/ c .* 0:1$/);
    expect(lines.get('/listed')).toContain(' system.posix_acl_access=');
    expect(lines.get('/inherited')).toContain(' system.posix_acl_default=');
    expect(lines.get(`/${deep}/f`)).toMatch(/ f /);
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
    // A second layer that touches them all without change is empty; a change is kept whole.
    const same = await rig.layer([layer], `touch listed sparse disk ${deep}/f`);
    expect(rig.paths(same)).toEqual([]);
    const above = await rig.layer([layer], 'echo y >> listed; chmod 700 inherited');
    const shown = await rig.merged(
      [layer, above],
      `stat -c '%n %F %t:%T' disk null; getfacl -pn listed inherited; stat -c %s sparse; du -k sparse | cut -f1; cat ${deep}/f`,
    );
    expect(shown).toContain('disk block special file 8:1\nnull character special file 1:3');
    expect(shown).toContain('user:33:r--');
    expect(shown).toContain('default:group:44:r-x');
    const [size, kilobytes] = shown.split('\n').slice(-3).map(Number);
    expect(size).toBe(64 * 2 ** 20 + 3);
    expect(kilobytes).toBeLessThan(1024);
    expect(shown.endsWith('deep')).toBe(true);
  });

  test('dropped paths leave no trace, but a deletion among them is kept', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir -p var/cache/x; echo 1 > var/cache/x/old');
    const drop = ['var/log/', 'var/cache/x/', 'etc/key_*_id'];
    const layer = await rig.layer(
      [base],
      'mkdir -p var/log/a etc; echo l > var/log/a/l; echo k > etc/key_a_id; echo n > var/cache/x/new; rm var/cache/x/old; echo e > e',
      { drop },
    );
    expect(rig.paths(layer)).toEqual([
      '/e f',
      '/etc d',
      '/var d',
      '/var/cache d',
      '/var/cache/x d',
      '/var/cache/x/old w',
      '/var/log d',
    ]);
    expect(await rig.merged([layer], 'find . -name "key*" -o -name l')).toBe('');
  });

  test('attributes of the root folder come from below', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'chmod 750 .; chown 0:7 .; touch -d 2001-01-01 .');
    const layer = await rig.layer([base], 'echo x > x');
    expect(await rig.merged([base, layer], 'stat -c "%a %g" .')).toBe('750 7');
  });

  test.each([45, 120, 480])('%i layers are all there', { timeout: 120_000 }, async (count) => {
    const rig = await WorkspaceRig.open();
    const view = [];
    for (let index = 0; index < count; index += 1) {
      const path = `/f${index}`;
      const entries = [
        {
          type: 'file' as const,
          path,
          mode: 0o644,
          owner: 0,
          group: 0,
          content: { type: 'text' as const, text: path },
        },
      ];
      view.push(
        await rig.workspace.writeLayer(entries, await rig.workspace.placementFacts([], entries), {
          sourceDateEpoch: EPOCH,
          drop: [],
        }),
      );
    }
    expect(await rig.merged(view, 'ls | wc -l')).toBe(String(count));
    const top = await rig.layer(view, 'ls | wc -l > n; rm f0');
    expect(rig.paths(top)).toEqual(['/f0 w', '/n f']);
    if (count === 480)
      await expect(rig.workspace.activate([...view, top])).rejects.toThrow('at most 480 layers');
  });

  test('a layer that occurs twice in a view counts once, at its top', async () => {
    const rig = await WorkspaceRig.open();
    const one = await rig.layer([], 'echo 1 > f');
    const two = await rig.layer([], 'echo 2 > f');
    expect(await rig.merged([one, two, one], 'cat f')).toBe('1');
    expect(await rig.workspace.readText([one, two, one], '/f')).toBe('1\n');
  });

  test('committed bytes are never written; a damaged layer is found out', async () => {
    const rig = await WorkspaceRig.open();
    const layer = await rig.layer([], 'echo good > f');
    await rig.layer([layer], 'echo changed > f');
    expect(await rig.workspace.readText([layer], '/f')).toBe('good\n');
    const tree = rig.store.treeDirectory(layer.digest);
    await rig.sh(`printf 'evil\\n' > ${tree}/f; touch -d @${EPOCH} ${tree}/f`);
    expect(await rig.workspace.verify(layer.digest)).toBe('damaged');
    await rig.workspace.remove(rig.store.layerDirectory(layer.digest));
    expect(await rig.workspace.verify(layer.digest)).toBe('missing');
  });

  test('remains of a layer are replaced when it is made again', async () => {
    const rig = await WorkspaceRig.open();
    const layer = await rig.layer([], 'echo x > f');
    await rig.sh(`rm ${rig.store.layerDirectory(layer.digest)}/info.json`);
    expect(rig.store.hasLayer(layer.digest)).toBe(false);
    expect((await rig.layer([], 'echo x > f')).digest).toBe(layer.digest);
    expect(rig.store.layerInfo(layer.digest)).toEqual(layer);
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
  });

  test('many at once', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'echo 0 > f');
    const layers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => rig.layer([base], `echo ${index % 4} > g`)),
    );
    expect(new Set(layers.map(({ digest }) => digest)).size).toBe(4);
  });

  test('discarding leaves nothing behind', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'echo 0 > f');
    const active = await rig.filled([base], 'echo 1 > f');
    await rig.workspace.discard(active);
    await rig.workspace[Symbol.asyncDispose]();
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(rig.store.activeDirectory)).toEqual([]);
    expect(rig.store.listLayers()).toEqual([base.digest]);
  });
});
