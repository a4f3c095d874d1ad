import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtinKinds } from '../../src/builtins.ts';
import { FailureError, unwrap } from '../../src/diagnostics/failure.ts';
import type { ExportContext } from '../../src/exporters/exporter.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { View } from '../../src/model/layer.ts';

/**
 * A process of its own, so that it can be run as another user: makes two layers (the first by the shell script on
 * standard input) and exports of them, in the folder given as its argument; prints the exports' SHA-256 as JSON, or
 * the failures.
 */
const folder = process.argv[2] ?? '';
const sourceDateEpoch = 1_735_689_600;
const signal = new AbortController().signal;
const onOutput = (): void => undefined;
const TYPES = ['rootfs-tar', 'wsl', 'squashfs', 'erofs', 'oci', 'kernel'];

try {
  await using workspace = await openWorkspace({ storeDirectory: join(folder, 'store') });
  const layer = async (view: View, script: string) => {
    const active = await workspace.activate(view);
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    await workspace.spawn({ argv: ['sh', '-ec', script], env, cwd: active.mountPoint, signal, onOutput });
    return await workspace.commit(active, { sourceDateEpoch, drop: [] });
  };
  const base = await layer([], readFileSync(0, 'utf8'));
  const top = await layer(
    [base],
    'rm etc/old; rm -r srv/log; mkdir srv/log; echo x > srv/log/x; chown 5:6 srv/log/x; chmod 0600 srv/log/x',
  );
  const sums: Record<string, string> = {};
  for (const type of TYPES) {
    const kind = builtinKinds.exports.mustGet(type);
    const scratch = join(folder, `scratch-${type}`);
    const cache = join(folder, `cache-${type}`);
    for (const made of [scratch, cache]) mkdirSync(made);
    const outputPath = join(folder, type);
    const context = {
      pipeline: { id: 'x', name: 'x', architecture: 'amd64', sourceDateEpoch, disk: { kernelArgs: [] } },
      layers: [base, top],
      workspace,
      fileName: type,
      outputPath,
      scratch,
      cacheFolder: () => Promise.resolve(cache),
      signal,
      log: () => undefined,
      progress: () => undefined,
    };
    unwrap(await kind.run(kind.schema.parse({}), context as unknown as ExportContext));
    sums[type] = createHash('sha256').update(readFileSync(outputPath)).digest('hex');
  }
  process.stdout.write(JSON.stringify(sums));
} catch (error) {
  if (!(error instanceof FailureError)) throw error;
  process.stdout.write(JSON.stringify({ failures: error.failures }));
}
