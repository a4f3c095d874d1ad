import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';

/** A process of its own, which ends with a layer of several owners still active in the store given as its argument. */
await using workspace = await openWorkspace({ storeDirectory: process.argv[2] ?? '' });
const active = await workspace.activate([]);
await workspace.spawn({
  argv: ['sh', '-ec', 'mkdir -p a/b; echo x > a/b/file; chown -R 33:44 a; chmod 700 a a/b'],
  env: { PATH: process.env['PATH'] ?? '' },
  cwd: active.mountPoint,
  signal: new AbortController().signal,
  onOutput: () => undefined,
});
