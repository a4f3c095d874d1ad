import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { sandboxCommand } from '../builders/rootfs/sandbox-command.ts';
import { activateSandbox } from '../builders/rootfs/sandbox-shim.ts';
import { fail, type Result } from '../diagnostics/failure.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { View } from '../model/layer.ts';
import { asDigest } from '../model/ids.ts';
import type { Prober } from '../plan/prober.ts';
import { readFailedLayers } from '../executor/failed-layer.ts';
import type { Session } from './session.ts';

/**
 * The layers to look at for a node: those up to its last failure when it failed last, else those up to its layer.
 * All nodes below must have run.
 */
export function shellView(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  node: GraphNode,
): Result<View> {
  const failed = readFailedLayers(session.layout, session.config.root, node.id);
  const last = prober.latest(node.id);
  if (failed !== undefined && (last === undefined || last.ranAt < failed.failedAt))
    return { ok: true, value: failed.layers };
  const notBuilt = (name: string): Result<View> =>
    fail({
      reason: 'template-not-found',
      message: `${name} has not been built yet, or its layer is no longer in the cache`,
      hint: 'Run `imgpipe build` first.',
    });
  // Every node of the graph is settled from the cache as far as it goes; what is missing cannot be looked at.
  for (const candidate of graph.nodes) {
    const needs = graph.dependencies.get(candidate.id) ?? [];
    if (needs.some((id) => prober.output(id) === undefined)) continue;
    const probe = prober.probe(candidate);
    if (probe.state === 'hit' || probe.state === 'unverified')
      prober.settle(candidate.id, probe.record.output);
    else if (last !== undefined && candidate.id === node.id && last.output.type === 'layer') {
      // Changed since it ran: its last layer is still what the user can look at.
      if (session.layers.hasLayer(asDigest(last.output.digest))) prober.settle(node.id, last.output);
    }
  }
  if (node.role === 'export' || node.role === 'disk') {
    return node.seal === undefined || prober.output(node.seal) === undefined
      ? notBuilt(node.name)
      : { ok: true, value: prober.view(node) };
  }
  if (node.role === 'check') return notBuilt(node.name);
  if (prober.output(node.id)?.type !== 'layer') return notBuilt(node.name);
  const below = node.role === 'source' ? [] : prober.view(node);
  return { ok: true, value: [...below, prober.layer(node.id)] };
}

/**
 * Opens a shell, or runs a command, on the user's terminal in a throw-away copy of a view; changes are gone afterwards.
 * @returns its exit code
 */
export async function runShell(
  session: Session,
  view: View,
  command: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<number> {
  await using workspace = await session.openWorkspace();
  const active = await activateSandbox(workspace, view);
  try {
    return await onTerminal(
      workspace,
      active.mountPoint,
      command ?? (await loginShell(workspace, view)),
      signal,
    );
  } finally {
    await workspace.discard(active);
  }
}

async function loginShell(workspace: Workspace, view: View): Promise<readonly string[]> {
  const bash = await workspace.glob(view, ['/bin/bash', '/usr/bin/bash']);
  return bash.length > 0 ? ['/bin/bash'] : ['/bin/sh'];
}

async function onTerminal(
  workspace: Workspace,
  root: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { argv: sandboxed, inputs } = sandboxCommand({
    root,
    argv,
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      TERM: process.env['TERM'] ?? 'dumb',
      PS1: 'imgpipe:\\w# ',
    },
    cwd: '/',
    binds: [],
    network: 'host',
    interactive: process.stdin.isTTY,
  });
  const [program = '', ...args] = await workspace.enterCommand(sandboxed);
  const child = spawn(program, args, {
    stdio: ['inherit', 'inherit', 'inherit', ...inputs.map(() => 'pipe' as const)],
  });
  for (const [index, input] of inputs.entries())
    (child.stdio[index + 3] as Writable).end(
      typeof input === 'string' ? input : Buffer.from(input.base64, 'base64'),
    );
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? 130));
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
