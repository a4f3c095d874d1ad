import { readFileSync } from 'node:fs';
import type { ActiveLayer, Workspace } from '../../layers/workspace.ts';
import type { View } from '../../model/layer.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';

declare const shimmed: unique symbol;

/** An active layer with the sandbox's own files above its view; only `activateSandbox` makes one. */
export type SandboxLayer = ActiveLayer & { readonly [shimmed]: true };

/** An active layer in which a `Machine` can run. */
export async function activateSandbox(workspace: Workspace, view: View): Promise<SandboxLayer> {
  const active = await workspace.activate(view, { shim: await sandboxShim(workspace, view) });
  return active as SandboxLayer;
}

/** Told by invoke-rc.d(8): 101 means that the action is forbidden. No service may start while an image is built. */
const POLICY_RC_D = '#!/bin/sh\nexit 101\n';

const HOSTS = '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n';

/** Folders on which the sandbox mounts something. */
const MOUNT_POINTS = ['/dev', '/proc', '/sys', '/run', '/tmp', '/var/tmp'];

/** What the sandbox shows on top of an image without it ever becoming part of it. */
async function sandboxShim(workspace: Workspace, view: View): Promise<TreeEntry[]> {
  const present = new Set(await workspace.glob(view, [...MOUNT_POINTS, '/etc/hosts']));
  const folders = MOUNT_POINTS.filter((path) => !present.has(path)).map((path): TreeEntry => ({
    type: 'directory',
    path,
    mode: 0o755,
    owner: 0,
    group: 0,
  }));
  return [
    ...folders,
    file('/usr/sbin/policy-rc.d', POLICY_RC_D, 0o755),
    file('/etc/resolv.conf', hostResolvConf(), 0o644),
    ...(present.has('/etc/hosts') ? [] : [file('/etc/hosts', HOSTS, 0o644)]),
  ];
}

function file(path: string, text: string, mode: number): TreeEntry {
  return { type: 'file', path, mode, owner: 0, group: 0, content: { type: 'text', text } };
}

/** The host's name servers: the sandbox shares its network, so also a local resolver of the host is within reach. */
function hostResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8');
  } catch {
    return '';
  }
}
