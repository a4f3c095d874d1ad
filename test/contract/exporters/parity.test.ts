import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DISK_FORMATS,
  expectDisk,
  expectTree,
  exportsOf,
  LAYER_FORMATS,
  listTree,
  rootOf,
  sh,
  withoutSpecialBits,
} from '../../rigs/all-formats.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { sha256 } from '../../rigs/disk.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

/** One pipeline with every format that a BIOS disk or a tree of files can have, and a branch of it. */
const BASE = `source: { type: rootfs, path: tiny.tar }
steps:
  - { type: file, name: kernel, path: /boot/vmlinuz-1.0, content: kernel }
  - { type: file, name: initrd, path: /boot/initrd.img-1.0, content: initrd }
  - { type: shell, name: work, inline: "mkdir -p /opt/deep; echo made > /opt/made; chown web:extra /opt/made; chmod 4750 /opt/made; chmod 2775 /opt/deep" }
`;
const EXPORTS = exportsOf(
  [...DISK_FORMATS, ...LAYER_FORMATS],
  '{ type: raw }',
  '{ type: gce }',
  '{ type: directory }',
);

let project: CliProject;
let out = '';
const ends: (() => void)[] = [];
afterAll(() => {
  for (const end of ends) end();
});

describe.skipIf(noWorkspace !== undefined)('all formats of one pipeline in one run', () => {
  beforeAll(async () => {
    project = new CliProject(
      {
        'pipelines/web.yaml': `${BASE}disk: { size: 48MiB, firmware: bios }\nexports:\n${EXPORTS}`,
      },
      { onEnd: (end) => ends.push(end) },
    );
    addTinyRoot(project);
    const result = await project.build();
    expect(result.code, result.stderr + result.stdout.slice(-2000)).toBe(0);
    // Every layer once, and one disk for all.
    expect(result.built.filter((name) => name === 'disk' || name === 'work')).toEqual(['work', 'disk']);
    out = project.path('output/web');
  }, 120_000);

  it.each(DISK_FORMATS)('$file holds the same disk, byte by byte', (format) => {
    expectDisk(format, `${out}/web${format.file}`, join(out, 'web.raw'));
  });

  it.each(LAYER_FORMATS)('$file holds the same files', (format) => {
    expectTree(format, `${out}/web${format.file}`, listTree(join(out, 'web.tree')), `${out}/web.tar.zst`);
  });

  it('web.gce.tar.gz holds the same root file system on a disk of whole GiB', () => {
    const work = temporaryFolder();
    sh('bsdtar -xf "$0"/web.gce.tar.gz -C "$1"', out, work);
    expect(sha256(rootOf(join(work, 'disk.raw')))).toBe(sha256(rootOf(join(out, 'web.raw'))));
  });

  it('the disk holds the same files', () => {
    const tree = temporaryFolder();
    const root = rootOf(join(out, 'web.raw'));
    sh('debugfs -R "rdump / $0" "$1" 2>&1', tree, root);
    const inDisk = new Set(listTree(tree));
    // debugfs leaves special bits out.
    const files = withoutSpecialBits(withoutSpecialBits(listTree(join(out, 'web.tree')), 'd'), 'f');
    expect(files.filter((line) => !inDisk.has(line))).toEqual([]);
    expect(sh('debugfs -R "stat /opt/made" "$0"', root)).toMatch(/Mode: +04750/);
    const byMode =
      'fsck.erofs --extract="$1" --preserve-perms --no-preserve-owner "$0"; stat -c %a "$1/opt/made"';
    expect(sh(byMode, `${out}/web.erofs`, join(temporaryFolder(), 'x'))).toMatch(/^4750$/m);
  });
});

describe.skipIf(noWorkspace !== undefined)('every format', () => {
  it('has the same bytes from another folder, in another time zone, language and umask', async () => {
    const elsewhere = new CliProject({
      'pipelines/web.yaml': project.read('pipelines/web.yaml'),
      'a longer path/.keep': '',
    });
    addTinyRoot(elsewhere);
    // Where the clock of this run would show, it is another second by now.
    const env = {
      TZ: 'Asia/Kolkata',
      LANG: 'C.UTF-8',
      LC_ALL: 'C.UTF-8',
      TMPDIR: elsewhere.path('a longer path'),
    };
    const wrapper = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
    const result = await elsewhere.start(['build', '--ui=plain'], env, wrapper).result;
    expect(result.code, result.stderr).toBe(0);
    const sums = (of: CliProject): string[] => of.read('output/web/SHA256SUMS').trim().split('\n');
    expect(sums(elsewhere)).toEqual(sums(project));
    expect(sums(project).length).toBeGreaterThan(30);
    expect(listTree(elsewhere.path('output/web/web.tree'))).toEqual(listTree(join(out, 'web.tree')));
    // A layout's own files have the modes that the user's umask gives.
    const contents = (folder: string): string[] => listTree(folder).filter((line) => line.includes('  ./'));
    const layout = 'web-folder.oci';
    expect(contents(elsewhere.path(`output/web/${layout}`))).toEqual(contents(join(out, layout)));
  });
});

describe.skipIf(noWorkspace !== undefined)('profiles as branches of one pipeline', () => {
  it('share every layer before the branch; a change of one builds nothing of the other', async () => {
    const branch = (text: string): string =>
      `source: { type: pipeline, name: base }
steps: [{ type: shell, name: own, inline: "echo ${text} > /profile" }]
exports: [{ type: rootfs-tar, compression: none }]
`;
    const files = {
      'pipelines/base.yaml': BASE,
      'pipelines/dev.yaml': branch('dev'),
      'pipelines/prod.yaml': branch('prod'),
    };
    const profiles = new CliProject(files);
    addTinyRoot(profiles);
    const ran = async (): Promise<string[]> => {
      const result = await profiles.run('build', '--ui=json');
      expect(result.code, result.stderr).toBe(0);
      const events = result.stdout.split('\n').filter((line) => line.includes('"type":"node-started"'));
      return events.map((line) => (JSON.parse(line) as { id: string }).id).toSorted();
    };
    const shared = ['base/initrd', 'base/kernel', 'base/source', 'base/work'];
    const own = (name: string): string[] => ['own', 'rootfs-tar', 'seal'].map((node) => `${name}/${node}`);
    expect(await ran()).toEqual([...shared, ...own('dev'), ...own('prod')]);
    profiles.write('pipelines/prod.yaml', branch('production'));
    // What the seal deletes is the same, so it stands.
    expect(await ran()).toEqual(expect.arrayContaining(['prod/own', 'prod/rootfs-tar']));
    const tree = (name: string): string[] => {
      const to = temporaryFolder();
      sh('bsdtar -xpf "$0" -C "$1"', profiles.path(`output/${name}/${name}.tar`), to);
      return listTree(to).filter((line) => !line.includes('profile'));
    };
    expect(tree('dev')).toEqual(tree('prod'));
    profiles.write('pipelines/prod.yaml', branch('again'));
    expect((await ran()).filter((id) => !id.startsWith('prod/'))).toEqual([]);
  });
});
