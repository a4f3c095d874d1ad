import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { addTinyRoot, CliProject, eventually } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';

const DISK = '{ size: 40MiB, firmware: bios }';

/** A project with a tiny image that has a (fake) kernel. */
function projectWith(exports: string, disk = DISK): CliProject {
  const steps = '[{ type: file, name: kernel, path: /boot/vmlinuz-1.0, content: kernel }]';
  const head = `source: { type: rootfs, path: tiny.tar }\ndisk: ${disk}\n`;
  const project = new CliProject({ 'pipelines/tiny.yaml': `${head}steps: ${steps}\nexports: ${exports}\n` });
  addTinyRoot(project);
  return project;
}

const outputs = (project: CliProject): string[] =>
  existsSync(project.path('output/tiny')) ? readdirSync(project.path('output/tiny')) : [];

describe.skipIf(noWorkspace !== undefined)('an export that cannot be', () => {
  test.each([
    [
      'larger than the disk',
      '[{ type: raw }]',
      '{ size: 6MiB, firmware: bios }',
      /do not fit a disk of 6 MiB/,
    ],
    [
      'larger than its partition',
      '[{ type: raw }]',
      '{ firmware: bios, partitions: [{ mount: /boot, size: 1MiB }] }',
      /files below \/boot do not fit a partition of 1 MiB/,
    ],
    ['an ISO of an image without live-boot', '[{ type: iso }]', DISK, /the image has no live-boot/],
  ])('%s is said, and leaves no file', async (_, exports, disk, message) => {
    const project = projectWith(exports, disk);
    const { code, stderr } = await project.run('build', '--ui=plain');
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/a bug in imgpipe|\n\s+at /);
    expect(outputs(project)).toEqual([]);
  });

  // Other file systems hold larger files.
  const onExt4 = execFileSync('stat', ['-f', '-c', '%T', tmpdir()], { encoding: 'utf8' }).includes('ext');
  test.runIf(onExt4)('on a disk larger than any file of the store can be says so', async () => {
    const { code, stderr } = await projectWith('[{ type: raw }]', '{ size: 30TiB, firmware: bios }').run(
      'build',
    );
    expect(stderr).toMatch(/disk makes a larger file than the file system can hold/);
    expect(stderr).not.toMatch(/a bug in imgpipe|\n\s+at /);
    expect(code).toBe(1);
  });

  test.each([
    [
      'two exports with one name',
      '[{ type: raw, name: a }, { type: qcow2, name: a }]',
      DISK,
      /have the name "a"/,
    ],
    ['an unknown option', '[{ type: raw, compresion: xz }]', DISK, /unknown option "compresion"/],
    ['an unknown layout', '[{ type: raw }]', '{ table: lvm }', /disk\.table|table/],
    [
      'a partition twice',
      '[{ type: raw }]',
      '{ partitions: [{ mount: /var }, { mount: /var }] }',
      /two partitions are mounted at \/var/,
    ],
  ])('%s is a mistake of the template', async (_, exports, disk, message) => {
    const { code, stderr } = await projectWith(exports, disk).run('validate');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/pipelines\/tiny\.yaml:\d+:\d+/);
    expect(code).toBe(2);
  });

  test('a file in the way of the output folder is said before anything is built', async () => {
    const project = projectWith('[{ type: raw }]');
    project.write('output', 'not a folder');
    const { code, stderr } = await project.run('build', '--ui=plain');
    expect(stderr).toMatch(/output.* cannot be made: a part of the path is a file/);
    expect(stderr).toMatch(/pipelines\/tiny\.yaml:\d+:\d+/);
    expect(stderr).not.toMatch(/started/);
    expect(code).toBe(1);
    expect(project.read('output')).toBe('not a folder');
  });

  test('so is a read-only output folder, but not when nothing is to be written there', async () => {
    const project = projectWith('[{ type: raw }]');
    mkdirSync(project.path('output'));
    const readOnly = ['unshare', '--mount', 'sh', '-ec', 'mount --bind -o ro "$0" "$0"; exec "$@"'];
    const wrapper = [...readOnly, project.path('output')];
    const refused = await project.start(['build', '--ui=plain'], {}, wrapper).result;
    expect(refused.stderr).toMatch(/output\/tiny\n.*tiny\.yaml:\d+:\d+/);
    expect(refused.stderr).not.toMatch(/started/);
    expect(refused.code).toBe(1);
    expect((await project.run('build')).code).toBe(0);
    const again = await project.start(['build', '--ui=plain'], {}, wrapper).result;
    expect(again.code, again.stderr).toBe(0);
  });

  test('one that is stopped half-way leaves no file under its name, and none under another', async () => {
    const project = projectWith('[{ type: raw, compression: xz }]');
    // Writes a little and hangs, as a compressor of a large disk does.
    project.write('bin/xz', '#!/bin/sh\nprintf half\nexec sleep 100\n');
    chmodSync(project.path('bin/xz'), 0o755);
    const path = `${project.path('bin')}:${process.env['PATH']}`;
    const build = project.start(['build', '--ui=plain'], { PATH: path });
    await eventually('the export began', () => outputs(project).some((name) => name.includes('.tmp-')));
    build.process.kill('SIGINT');
    expect(await build.result).toMatchObject({ code: 130 });
    expect(outputs(project)).toEqual([]);
  });
});
