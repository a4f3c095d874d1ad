import { execFileSync } from 'node:child_process';
import { SECTOR, type Partition } from '../../src/exporters/disk/gpt.ts';
import type { DiskRequest } from '../../src/model/disk-request.ts';
import type { PartitionSpec } from '../../src/model/pipeline.ts';
import { BOOTABLE_TREE, DiskRig } from './disk.ts';
import { WorkspaceRig } from './workspace.ts';

const MIB = 2 ** 20;

export const partition = (mount: string, over: Partial<PartitionSpec> = {}): PartitionSpec => {
  return { mount, fileSystem: 'ext4', size: 'fit', free: 16 * MIB, ...over };
};

/** Output of a program; its words on standard error are shown when it fails only. */
export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LVM_SUPPRESS_FD_WARNINGS: '1', TZ: 'UTC' },
  });
}

/** Bytes of a partition or logical volume as a file of their own, for programs that know no offset. */
export function cut(disk: string, { start, sectors }: Pick<Partition, 'start' | 'sectors'>): string {
  const path = `${disk}.${start}`;
  const range = [`skip=${(start * SECTOR) / MIB}`, `count=${(sectors * SECTOR) / MIB}`];
  run('dd', `if=${disk}`, `of=${path}`, 'bs=1M', ...range, 'conv=sparse', 'status=none');
  return path;
}

/** A layer of a tree, and disks of it in the layouts that are asked for. */
export async function layoutRig(tree = BOOTABLE_TREE) {
  const rig = await WorkspaceRig.open();
  const disks = new DiskRig(rig);
  const base = await rig.layer([], tree);
  const build = async (spec: Partial<DiskRequest['spec']>) => {
    const request = disks.request([base], [], spec);
    return { plan: await disks.plan(request), disk: await disks.full(request) };
  };
  return { rig, disks, base, build };
}
