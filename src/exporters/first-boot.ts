import type { TreeEntry } from '../model/tree-entry.ts';

const UNITS = '/usr/lib/systemd/system';

const file = (path: string, text: string): TreeEntry => ({
  type: 'file',
  path,
  owner: 0,
  group: 0,
  mode: 0o644,
  content: { type: 'text', text },
});

const wantedBy = (target: string, unit: string): TreeEntry => ({
  type: 'symlink',
  path: `${UNITS}/${target}.wants/${unit}`,
  owner: 0,
  group: 0,
  target: `../${unit}`,
});

const HOST_KEYS_UNIT = 'imgpipe-ssh-host-keys.service';

/**
 * Makes SSH host keys on the first boot. Debian's ssh.service does not: it fails its `sshd -t` without keys. Runs
 * only where sshd is started, before it.
 */
export const SSH_HOST_KEYS: readonly TreeEntry[] = [
  file(
    `${UNITS}/${HOST_KEYS_UNIT}`,
    `[Unit]
Description=Make this machine's SSH host keys
Before=ssh.service sshd.service ssh.socket sshd.socket
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A
`,
  ),
  wantedBy('ssh.service', HOST_KEYS_UNIT),
  wantedBy('ssh.socket', HOST_KEYS_UNIT),
  wantedBy('sshd.service', HOST_KEYS_UNIT),
];

const GROW_UNIT = 'imgpipe-grow-root.service';

/**
 * Lets the root partition take all of a larger disk: systemd-repart reads this definition at boot and moves the
 * partition's end (repart.d(5)); then the unit grows the file system, which is mounted and stays so.
 */
export const GROW_ROOT: readonly TreeEntry[] = [
  file('/usr/lib/repart.d/50-imgpipe-root.conf', '[Partition]\nType=root\n'),
  file(
    `${UNITS}/${GROW_UNIT}`,
    `[Unit]
Description=Grow the root file system to its partition
DefaultDependencies=no
After=systemd-repart.service systemd-remount-fs.service
Before=local-fs.target shutdown.target
Conflicts=shutdown.target
ConditionPathIsReadWrite=/

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/systemd/systemd-growfs /
`,
  ),
  wantedBy('sysinit.target', GROW_UNIT),
];
