import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataDiskExporter } from '../../../src/exporters/data-disk.ts';
import { BOOTABLE_TREE, sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

const MIB = 2 ** 20;
const TREE = `${BOOTABLE_TREE}\nmkdir -p srv/data/in; echo one > srv/data/in/file; chown 33:44 srv/data/in/file; ln -s in srv/data/link`;

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

async function rigWith(tree = TREE) {
  const rig = await WorkspaceRig.open();
  const layers = [await rig.layer([], tree)];
  return async (options: object) => {
    const path = join(temporaryFolder(), 'data');
    const { workspace } = rig;
    return { path, result: await runExporter(dataDiskExporter, options, path, { layers, workspace }) };
  };
}

/** The one partition of a raw disk as a file. */
function partitionOf(disk: string, type: string): string {
  const { partitiontable } = JSON.parse(run('sfdisk', '--json', disk)) as {
    partitiontable: { label: string; partitions: { start: number; size: number; name: string }[] };
  };
  expect(partitiontable).toMatchObject({ label: 'gpt', partitions: [{ start: 2048, name: 'store' }] });
  expect(run('sfdisk', '--verify', disk)).toContain('No errors detected');
  const file = `${disk}.partition`;
  const count = String((partitiontable.partitions[0]?.size ?? 0) / 2048);
  run('dd', `if=${disk}`, `of=${file}`, 'bs=1M', 'skip=1', `count=${count}`, 'conv=sparse', 'status=none');
  expect(run('blkid', '-p', '-o', 'value', '-s', 'LABEL', file).trim()).toBe('store');
  expect(run('blkid', '-p', '-o', 'value', '-s', 'TYPE', file).trim()).toBe(type);
  return file;
}

describe.skipIf(noWorkspace)('data-disk', () => {
  it('holds the files of a folder, as qcow2 and as raw, the same bytes each time', async () => {
    const exported = await rigWith();
    const options = { from: '/srv/data', label: 'store' };
    const { path: raw, result } = await exported({ ...options, format: 'raw' });
    expect(result).toMatchObject({ ok: true });
    const file = partitionOf(raw, 'ext4');
    expect(run('e2fsck', '-fn', file)).toContain('Pass 5');
    expect(run('debugfs', '-R', 'cat /in/file', file)).toBe('one\n');
    expect(run('debugfs', '-R', 'stat /in/file', file)).toMatch(/User: +33 +Group: +44/);
    expect(run('debugfs', '-R', 'stat /link', file)).toContain('Fast link dest: "in"');
    expect(run('debugfs', '-R', 'ls -p /', file)).not.toContain('/etc/');
    const { path: qcow2 } = await exported(options);
    run('qemu-img', 'check', '-q', '-f', 'qcow2', qcow2);
    run('qemu-img', 'compare', '-f', 'qcow2', '-F', 'raw', qcow2, raw);
    expect(sha256((await exported({ ...options, format: 'raw' })).path)).toBe(sha256(raw));
  });

  it.each(['xfs', 'btrfs'] as const)('is empty with %s, of the size asked for', async (fileSystem) => {
    const exported = await rigWith();
    const { path, result } = await exported({ size: 400 * MIB, fileSystem, label: 'store', format: 'raw' });
    expect(result).toMatchObject({ ok: true });
    expect(statSync(path).size).toBe(400 * MIB);
    const file = partitionOf(path, fileSystem);
    if (fileSystem === 'xfs') run('xfs_repair', '-n', '-f', file);
    else run('btrfs', 'check', '--force', file);
  });

  it('says what cannot be', async () => {
    const failureOf = async (tree: string, options: object) => {
      const { result } = await (await rigWith(`${TREE}\n${tree}`))(options);
      return result.ok ? 'no failure' : result.failures[0];
    };
    expect(await failureOf(':', { from: '/srv/none' })).toMatchObject({
      reason: 'disk-failed',
      message: 'the image has no folder /srv/none for the data disk',
    });
    expect(await failureOf('ln -s /etc srv/out', { from: '/srv/out' })).toMatchObject({
      message: expect.stringContaining('/srv/out of the image is a symlink') as string,
    });
    const big = 'head -c 60M /dev/urandom > srv/data/big';
    expect(await failureOf(big, { from: '/srv/data', size: 48 * MIB })).toMatchObject({
      reason: 'image-too-large',
      hint: expect.stringContaining('size') as string,
    });
  });
});
