import type { Workspace } from '../layers/workspace.ts';
import type { View } from '../model/layer.ts';
import type { TreeEntry } from '../model/tree-entry.ts';
import { GROW_ROOT, SSH_HOST_KEYS } from './first-boot.ts';
import { BUILD_KEY_MARKER, SEAL_RULES } from './seal-rules.ts';

/**
 * What turns the last layer of a pipeline into an image that may be started many times: deletes what belongs to one
 * machine or to the build, empties the machine id, and adds units that make host keys and grow the disk at the first
 * boot. Depends on the view only through which of the named paths it has.
 * @param options.growRoot whether the root file system takes the space of a larger disk; default true
 */
export async function sealEntries(
  workspace: Workspace,
  view: View,
  { growRoot = true }: { readonly growRoot?: boolean } = {},
): Promise<TreeEntry[]> {
  const removed = await workspace.glob(
    view,
    SEAL_RULES.map((rule) => rule.pattern),
  );
  const has = async (path: string): Promise<boolean> => (await workspace.glob(view, [path])).length > 0;
  const entries: TreeEntry[] = removed.map((path) => ({ type: 'remove', path }));
  const hasSystemd = await has('/usr/lib/systemd/systemd');
  if (hasSystemd || (await has('/etc/machine-id'))) entries.push(emptyMachineId());
  if (hasSystemd && (await has('/usr/sbin/sshd')) && (await has('/usr/bin/ssh-keygen'))) {
    entries.push(...SSH_HOST_KEYS);
  }
  if (growRoot && (await has('/usr/bin/systemd-repart')) && (await has('/usr/lib/systemd/systemd-growfs'))) {
    entries.push(...GROW_ROOT);
  }
  entries.push(...(await withoutBuildKeys(workspace, view)));
  return entries;
}

/**
 * An empty file, not a missing one and not `uninitialized`: with both of those systemd takes the boot for the first
 * one and enables units by the distribution's presets, which would undo the template's own choice of services
 * (machine-id(5), "First Boot Semantics"). An empty file is filled at boot just the same.
 */
function emptyMachineId(): TreeEntry {
  return {
    type: 'file',
    path: '/etc/machine-id',
    owner: 0,
    group: 0,
    mode: 0o444,
    content: { type: 'text', text: '' },
  };
}

async function withoutBuildKeys(workspace: Workspace, view: View): Promise<TreeEntry[]> {
  const files = await workspace.glob(view, ['/root/.ssh/authorized_keys', '/home/*/.ssh/authorized_keys']);
  const entries: TreeEntry[] = [];
  for (const path of files) {
    const text = (await workspace.readText(view, path)) ?? '';
    if (!text.includes(BUILD_KEY_MARKER)) continue;
    const lines = text.split('\n').filter((line) => !line.includes(BUILD_KEY_MARKER));
    const kept = lines.some((line) => line.trim() !== '' && !line.startsWith('#'));
    // The owner of a home folder is its user by every distribution's custom.
    const user = path.startsWith('/root/') ? 0 : (path.split('/')[2] ?? 0);
    const content = { type: 'text', text: lines.join('\n') } as const;
    entries.push(
      kept
        ? { type: 'file', path, owner: user, group: user, mode: 0o600, content }
        : { type: 'remove', path },
    );
  }
  return entries;
}
