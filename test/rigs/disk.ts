import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unwrap } from '../../src/diagnostics/failure.ts';
import { buildDisk, buildDiskBase } from '../../src/exporters/disk/build-disk.ts';
import type { DiskImage } from '../../src/exporters/disk-image.ts';
import { scanData } from '../../src/exporters/disk/data-map.ts';
import { materialiseDisk } from '../../src/exporters/disk/materialise.ts';
import { makeDiskPatch } from '../../src/exporters/disk/sparse-patch.ts';
import { SECTOR } from '../../src/exporters/disk/gpt.ts';
import { planDisk, type DiskPlan } from '../../src/exporters/disk/plan-disk.ts';
import type { DiskRequest } from '../../src/model/disk-request.ts';
import type { View } from '../../src/model/layer.ts';
import type { ByteRange } from '../../src/util/byte-ranges.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { EPOCH, type WorkspaceRig } from './workspace.ts';

/** A script that fills the current folder with a tree that looks bootable: nothing in it runs. */
export const BOOTABLE_TREE = [
  'mkdir -p boot etc root usr/share/doc srv/www',
  'head -c 300000 /dev/zero | tr "\\0" k > boot/vmlinuz-6.1.0-9; cp boot/vmlinuz-6.1.0-9 boot/initrd.img-6.1.0-9',
  'echo root:x:0:0:root:/root:/bin/sh > etc/passwd; echo web:x:33:33::/srv/www:/bin/sh >> etc/passwd',
  'ln -s passwd etc/alias; ln etc/passwd etc/second; mkdir -m 2750 srv/log; chown 33:33 srv/www srv/log',
  'for i in $(seq 300); do echo $i > usr/share/doc/$i; done; mkdir empty; touch -d @1000000000 etc/old',
  'echo old > srv/www/index.html; setfattr -n user.note -v kept etc/passwd',
].join('\n');

const MIB = 2 ** 20;

/** Builds disks in a workspace rig; every file lies in a folder deleted when the test ends. */
export class DiskRig {
  readonly folder = temporaryFolder();
  readonly #rig: WorkspaceRig;
  #count = 0;

  constructor(rig: WorkspaceRig) {
    this.#rig = rig;
  }

  request(
    layers: View,
    deltaCandidates: readonly number[],
    spec: Partial<DiskRequest['spec']> = {},
  ): DiskRequest {
    const defaults = {
      size: 'fit',
      free: 16 * MIB,
      espSize: 40 * MIB,
      firmware: 'both',
      kernelArgs: [],
    } as const;
    return {
      layers,
      deltaCandidates,
      spec: { ...defaults, ...spec },
      architecture: 'amd64',
      sourceDateEpoch: EPOCH,
      seed: 'test',
    };
  }

  async plan(request: DiskRequest): Promise<DiskPlan> {
    return unwrap(await planDisk(request, this.#rig.store));
  }

  context() {
    this.#count += 1;
    const scratch = join(this.folder, `scratch-${this.#count}`);
    mkdirSync(scratch);
    const outputPath = join(this.folder, `disk-${this.#count}.raw`);
    const { workspace } = this.#rig;
    const signal = new AbortController().signal;
    return { workspace, scratch, outputPath, signal, log: () => undefined, progress: () => undefined };
  }

  async base(plan: DiskPlan): Promise<string> {
    const context = this.context();
    unwrap(await buildDiskBase(plan, context));
    return context.outputPath;
  }

  async patched(plan: DiskPlan, basePath: string): Promise<string> {
    const context = { ...this.context(), basePath };
    unwrap(await buildDisk(plan, context));
    return context.outputPath;
  }

  /** The disk as a patch of its base, found without copying the base; undefined when only a copy will do. */
  async patch(plan: DiskPlan, basePath: string): Promise<DiskImage | undefined> {
    const context = this.context();
    const patch = unwrap(await makeDiskPatch(plan, { ...context, basePath }));
    const baseData = await scanData(context, basePath);
    return patch && { size: plan.layout.size, basePath, baseData, patch };
  }

  async data(path: string): Promise<readonly ByteRange[]> {
    return await scanData(this.context(), path);
  }

  /** A disk image as one file. */
  async materialised(image: DiskImage): Promise<string> {
    const context = this.context();
    unwrap(await materialiseDisk(image, context.outputPath, context));
    return context.outputPath;
  }

  /** A disk from nothing. */
  async full(request: DiskRequest): Promise<string> {
    const plan = await this.plan(request);
    return await this.patched(plan, await this.base(plan));
  }
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** What e2fsck says about the root file system of a disk; throws when it finds anything wrong. */
export function checkRoot(plan: DiskPlan, disk: string): string {
  return execFileSync('e2fsck', ['-fn', rootOf(plan, disk)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Output of a debugfs command on the root file system of a disk. */
export function debugfs(plan: DiskPlan, disk: string, command: string): string {
  return execFileSync('debugfs', ['-R', command, rootOf(plan, disk)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function rootOf(plan: DiskPlan, disk: string): string {
  return `${disk}?offset=${plan.layout.root.start * SECTOR}`;
}
