import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError, unwrap } from '../../src/diagnostics/failure.ts';
import { buildDisk, buildDiskBase } from '../../src/exporters/disk/build-disk.ts';
import { planDisk } from '../../src/exporters/disk/plan-disk.ts';
import { LayerStore } from '../../src/layers/layer-store.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { DiskRequest } from '../../src/model/disk-request.ts';
import type { View } from '../../src/model/layer.ts';

/**
 * A process of its own, so that it can be run as another user: makes a base layer (by the shell script on standard
 * input) and a disk with one file patched in, in the folder given as its argument (options of the disk as JSON may
 * follow); prints the disk's SHA-256 as JSON, or the failures.
 */
const folder = process.argv[2] ?? '';
const sourceDateEpoch = 1_735_689_600;
const signal = new AbortController().signal;
const onOutput = (): void => undefined;

try {
  await using workspace = await openWorkspace({ storeDirectory: join(folder, 'store') });
  const layer = async (view: View, script: string) => {
    const active = await workspace.activate(view);
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    await workspace.spawn({ argv: ['sh', '-ec', script], env, cwd: active.mountPoint, signal, onOutput });
    return await workspace.commit(active, { sourceDateEpoch, drop: [] });
  };
  const base = await layer([], readFileSync(0, 'utf8'));
  const page = await layer([base], 'echo new > srv/www/index.html; chown 5:6 srv/www/index.html');
  const spec = {
    size: 'fit',
    free: 2 ** 24,
    espSize: 40 * 2 ** 20,
    firmware: 'both',
    kernelArgs: [],
    ...(JSON.parse(process.argv[3] ?? '{}') as Partial<DiskRequest['spec']>),
  } as const;
  const request = {
    layers: [base, page],
    deltaCandidates: [1],
    spec,
    architecture: 'amd64',
    sourceDateEpoch,
    seed: 'x',
  } as const;
  const plan = unwrap(await planDisk(request, new LayerStore(join(folder, 'store'))));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  const context = { workspace, scratch, signal, log: () => undefined, progress: () => undefined };
  const basePath = join(folder, 'base.raw');
  const outputPath = join(folder, 'disk.raw');
  unwrap(await buildDiskBase(plan, { ...context, outputPath: basePath }));
  unwrap(await buildDisk(plan, { ...context, basePath, outputPath }));
  const sha256 = createHash('sha256').update(readFileSync(outputPath)).digest('hex');
  process.stdout.write(JSON.stringify({ sha256, deltaLayers: plan.deltaLayers.length }));
} catch (error) {
  if (!(error instanceof FailureError)) throw error;
  process.stdout.write(JSON.stringify({ failures: error.failures }));
}
