import { describe, expect, it } from 'vitest';
import { growsRoot } from '../../../src/exporters/grow-root.ts';
import { sealEntries } from '../../../src/exporters/seal.ts';
import type { Workspace } from '../../../src/layers/workspace.ts';
import { globToRegExp } from '../../../src/util/glob.ts';

/** A workspace whose view holds the given files; it can be searched and read, nothing else. */
function workspaceWith(files: Readonly<Record<string, string>>): Workspace {
  const paths = Object.keys(files);
  const stub: Pick<Workspace, 'glob' | 'readText'> = {
    glob: (_, patterns) =>
      Promise.resolve(
        paths.filter((path) => patterns.some((pattern) => globToRegExp(pattern).test(path))).toSorted(),
      ),
    readText: (_, path) => Promise.resolve(files[path]),
  };
  return stub as Workspace;
}

const seal = (files: Readonly<Record<string, string>>) => sealEntries(workspaceWith(files), []);
const removed = async (files: Readonly<Record<string, string>>) =>
  (await seal(files)).flatMap((entry) => (entry.type === 'remove' ? [entry.path] : []));

const SYSTEMD = { '/usr/lib/systemd/systemd': '' };

describe('sealEntries', () => {
  it("removes what belongs to one machine or to the build, and leaves the user's files", async () => {
    const paths = await removed({
      '/etc/ssh/ssh_host_ed25519_key': '',
      '/etc/ssh/ssh_host_ed25519_key.pub': '',
      '/etc/ssh/sshd_config': '',
      '/etc/resolv.conf': '',
      '/var/lib/apt/lists/deb.debian.org_dists': '',
      '/var/cache/apt/pkgcache.bin': '',
      '/var/log/dpkg.log': '',
      '/var/log/apt/history.log': '',
      '/var/log/nginx': '',
      '/var/lib/systemd/random-seed': '',
      '/var/lib/dhcp/dhclient.leases': '',
      '/srv/www/index.html': '',
    });
    expect(paths).toEqual([
      '/etc/ssh/ssh_host_ed25519_key',
      '/etc/ssh/ssh_host_ed25519_key.pub',
      '/var/cache/apt/pkgcache.bin',
      '/var/lib/apt/lists/deb.debian.org_dists',
      '/var/lib/dhcp/dhclient.leases',
      '/var/lib/systemd/random-seed',
      '/var/log/apt/history.log',
      '/var/log/dpkg.log',
    ]);
  });

  it('empties the machine id', async () => {
    const entries = await seal({ ...SYSTEMD, '/var/lib/dbus/machine-id': 'abc' });
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'file', path: '/etc/machine-id', content: { type: 'text', text: '' } }),
    );
    expect(entries).toContainEqual({ type: 'remove', path: '/var/lib/dbus/machine-id' });
  });

  it('adds first-boot units only where they have something to do', async () => {
    const units = async (files: Readonly<Record<string, string>>) =>
      (await seal(files))
        .filter(({ path }) => path.endsWith('.service'))
        .map(({ path }) => path.split('/').at(-1));
    expect(await units(SYSTEMD)).toEqual([]);
    expect(new Set(await units({ ...SYSTEMD, '/usr/sbin/sshd': '', '/usr/bin/ssh-keygen': '' }))).toEqual(
      new Set(['imgpipe-ssh-host-keys.service']),
    );
    expect(
      new Set(
        await units({ ...SYSTEMD, '/usr/bin/systemd-repart': '', '/usr/lib/systemd/systemd-growfs': '' }),
      ),
    ).toEqual(new Set(['imgpipe-grow-root.service']));
  });

  it("takes the build's keys out of authorized_keys and keeps the others", async () => {
    const entries = await seal({
      '/root/.ssh/authorized_keys': 'ssh-ed25519 AAAA me@home\nssh-ed25519 BBBB imgpipe-build-17\n',
      '/home/web/.ssh/authorized_keys': 'ssh-ed25519 BBBB imgpipe-build-17\n',
      '/home/dev/.ssh/authorized_keys': 'ssh-ed25519 CCCC dev\n',
    });
    expect(entries).toEqual([
      { type: 'remove', path: '/home/web/.ssh/authorized_keys' },
      expect.objectContaining({
        type: 'file',
        path: '/root/.ssh/authorized_keys',
        mode: 0o600,
        content: { type: 'text', text: 'ssh-ed25519 AAAA me@home\n' },
      }),
    ]);
  });

  it('gives the same entries for the same view', async () => {
    const files = { ...SYSTEMD, '/usr/sbin/sshd': '', '/usr/bin/ssh-keygen': '', '/var/log/a.log': '' };
    expect(await seal(files)).toEqual(await seal(files));
  });

  it('leaves the growing of the root out where it is not wanted, and where it cannot be', async () => {
    const files = { ...SYSTEMD, '/usr/bin/systemd-repart': '', '/usr/lib/systemd/systemd-growfs': '' };
    const grows = async (growRoot: boolean): Promise<boolean> => {
      const entries = await sealEntries(workspaceWith(files), [], { growRoot });
      return entries.some(({ path }) => path.includes('repart.d'));
    };
    expect([await grows(true), await grows(false)]).toEqual([true, false]);
    expect([growsRoot({}), growsRoot({ growRoot: false })]).toEqual([true, false]);
    expect([growsRoot({ table: 'mbr' }), growsRoot({ lvm: { group: 'vg0' } })]).toEqual([false, false]);
  });
});
