import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';

/**
 * A process to be killed by tests: opens a workspace on the store given as its first argument, mounts a layer, and
 * runs `sleep` with the second argument (a time that serves as a mark) there, in a session of its own.
 */
const [store = '', mark = ''] = process.argv.slice(2);
const workspace = await openWorkspace({ storeDirectory: store });
const command = (argv: readonly string[]) =>
  workspace.spawn({
    argv,
    env: { PATH: process.env['PATH'] ?? '' },
    signal: new AbortController().signal,
    onOutput: ({ text }) => void process.stdout.write(text),
  });
const base = await workspace.activate([]);
const layer = await workspace.commit(base, { sourceDateEpoch: 0, drop: [] });
const active = await workspace.activate([layer]);
await Promise.all([
  command(['sh', '-c', `setsid sleep ${mark} > /dev/null 2>&1 & echo ${active.mountPoint}; sleep ${mark}`]),
  command([
    'bwrap',
    '--dev-bind',
    '/',
    '/',
    '--unshare-pid',
    '--die-with-parent',
    'sh',
    '-c',
    `setsid sleep ${mark} & sleep ${mark}`,
  ]),
]);
