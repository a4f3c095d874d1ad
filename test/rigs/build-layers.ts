import { execFileSync } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { RootfsBuilder } from './rootfs-builder.ts';
import { FailureError } from '../../src/diagnostics/failure.ts';
import { openWorkspace } from '../../src/layers/overlayfs/overlay-workspace.ts';
import type { TreeEntry } from '../../src/model/tree-entry.ts';
import { hostArchitecture } from '../../src/model/platform.ts';

/**
 * A process of its own, so that it can be run as another user: makes a base (by the shell script on standard input),
 * a step in a sandbox and a write-only layer in the store given as its argument; prints their digests as JSON, or the
 * failure.
 */
const rules = { sourceDateEpoch: 1_735_689_600, drop: ['dev/', 'tmp/'] };
const signal = new AbortController().signal;
let output = '';
const onOutput = (chunk: { text: string }): void => {
  output += chunk.text;
};

try {
  await using workspace = await openWorkspace({ storeDirectory: process.argv[2] ?? '' });
  const script = await text(process.stdin);
  const active = await workspace.activate([]);
  const path = process.env['PATH'] ?? '';
  const filled = await workspace.spawn({
    argv: ['sh', '-ec', script],
    env: { PATH: path },
    cwd: active.mountPoint,
    signal,
    onOutput,
  });
  if (filled.type !== 'exited' || filled.code !== 0) throw new Error(`${JSON.stringify(filled)} ${output}`);
  const base = await workspace.commit(active, rules);

  await using machine = await new RootfsBuilder(workspace).launch({
    view: [base],
    architecture: hostArchitecture() ?? 'amd64',
    sourceDateEpoch: rules.sourceDateEpoch,
    signal,
    onOutput,
    cacheFolder: () => Promise.reject(new Error('no cache')),
  });
  const step =
    'id -u; echo x > /etc/x; rm -r /var/lib; mkdir /var/lib; chown 33:44 /var/lib /etc/x; chmod 2750 /var/lib; rm /usr/bin/env; ls -ln --time-style=+%s /mnt/input > /etc/input';
  // Of another owner to an ordinary user, and of another time in another checkout.
  const input = { type: 'host' as const, source: process.argv[1] ?? '', target: '/mnt/input' };
  const ran = await machine.exec({ argv: ['/bin/sh', '-ec', step], mounts: [input] });
  const secret = { type: 'secret' as const, value: 'hidden', target: '/var/token', mode: 0o400 };
  const asWeb = await machine.exec({
    argv: ['/bin/sh', '-ec', 'id; cat /var/token; test ! -w /etc'],
    user: 'web',
    mounts: [secret],
    network: 'none',
  });
  if (JSON.stringify([ran, asWeb]) !== JSON.stringify([0, 0].map((code) => ({ type: 'exited', code })))) {
    throw new Error(`${JSON.stringify([ran, asWeb])} ${output}`);
  }
  const layer = await machine.capture(rules);
  const content = { type: 'text' as const, text: 'key' };
  const entries: TreeEntry[] = [
    { type: 'file', path: '/lib/private/key', mode: 0o600, owner: 'web', group: 44, content },
    { type: 'remove', path: '/usr/bin/id' },
    { type: 'directory', path: '/lib/shared', mode: 0o3770, owner: 'web', group: 0 },
    { type: 'file', path: '/srv/listed/file', mode: 0o4755, owner: 0, group: 'extra', content },
  ];
  const facts = await workspace.placementFacts([base, layer], entries);
  const written = await workspace.writeLayer(entries, facts, rules);
  const view = [base, layer, written];
  const key = await workspace.readText(view, '/lib/private/key');
  const [program = '', ...args] = await workspace.enterCommand(['id', '-u']);
  const entered = execFileSync(program, args, { encoding: 'utf8' }).trim();
  const verified = await Promise.all(view.map(({ digest }) => workspace.verify(digest)));
  console.log(
    JSON.stringify({
      digests: view.map(({ digest }) => digest),
      key,
      entered,
      verified,
      uid: process.getuid?.(),
    }),
  );
} catch (error) {
  if (!(error instanceof FailureError)) throw error;
  console.log(
    JSON.stringify({
      failures: error.failures.map(({ reason, message, hint }) => ({ reason, message, hint })),
    }),
  );
}
