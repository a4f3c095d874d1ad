import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { fileKind } from '../../../src/provisioners/file.ts';
import { groupKind } from '../../../src/provisioners/group.ts';
import { hostnameKind } from '../../../src/provisioners/hostname.ts';
import { localeKind } from '../../../src/provisioners/locale.ts';
import { packageKind } from '../../../src/provisioners/package.ts';
import type { ProvisionerKind } from '../../../src/provisioners/provisioner.ts';
import { serviceKind } from '../../../src/provisioners/service.ts';
import { shellKind } from '../../../src/provisioners/shell.ts';
import { timezoneKind } from '../../../src/provisioners/timezone.ts';
import { userKind } from '../../../src/provisioners/user.ts';
import type { View } from '../../../src/model/layer.ts';
import { bootstrapSource } from '../../../src/sources/bootstrap.ts';
import { noBootstrap, withDebian } from '../../rigs/debian-base.ts';
import { machineContract } from '../../rigs/machine-contract.ts';
import { produceSource } from '../../rigs/produce-source.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const PACKAGES = ['nginx-light', 'sudo', 'systemd-sysv', 'openssh-server', 'locales', 'tzdata'];

describe.skipIf(noBootstrap !== undefined)(
  `steps on a real Debian${noBootstrap === undefined ? '' : ` (skipped: ${noBootstrap})`}`,
  () => {
    const debian = withDebian();
    let system: View = [];

    machineContract((body) => debian().machine(body));

    const provenTwice = new Set<string>();

    /** A step run twice must give one layer; the view with it on top. */
    async function twice(kind: ProvisionerKind, options: Record<string, unknown>, view: View): Promise<View> {
      provenTwice.add(kind.type);
      const first = await debian().step(kind, options, view);
      const second = await debian().step(kind, options, view);
      expect(second.layer).toEqual(first.layer);
      return [...view, first.layer];
    }

    test('the base: the same again, nothing of the host in it, and no trace of mmdebstrap', async () => {
      const again = await produceSource(debian().rig, bootstrapSource, { suite: 'bookworm' });
      expect(again.layer).toEqual(debian().base);
      const found = await debian().look(
        [debian().base],
        'ls etc/resolv.conf etc/hostname var/lib/apt/lists var/cache/apt/archives dev run tmp 2>&1 || true; find etc/apt -type f; cat etc/apt/sources.list etc/apt/sources.list.d/* 2>/dev/null || true',
      );
      expect(found).toMatch(/etc\/resolv\.conf.*No such file/);
      expect(found).toMatch(/etc\/hostname.*No such file/);
      expect(found).not.toMatch(/mmdebstrap|download\.sources|\.deb\b(?!ian)/);
      expect(found).toContain('bookworm');
    });

    test('package: many at once, twice the same; no service runs, no download stays', async () => {
      system = await twice(packageKind, { install: PACKAGES }, [debian().base]);
      const found = await debian().look(
        system,
        `ls usr/sbin/nginx usr/bin/sudo; ls -A var/cache/apt/archives var/lib/apt/lists; ls etc/ssh; cat etc/machine-id; test ! -e usr/sbin/policy-rc.d; grep -c force-unsafe-io -r etc/dpkg || true`,
      );
      expect(found).toContain('usr/sbin/nginx');
      expect(found).not.toMatch(/\.deb$|ssh_host_|Packages/m);
    });

    test('group and user: made, and changed when they are there', async () => {
      let view = await twice(groupKind, { group: 'deploy', gid: 2000 }, system);
      view = await twice(
        userKind,
        {
          user: 'admin',
          uid: 1500,
          groups: ['adm', 'deploy'],
          sudo: true,
          authorizedKeys: ['ssh-ed25519 AAAA a@b'],
          passwordHash: '$6$salt$hash',
        },
        view,
      );
      view = await twice(
        userKind,
        { user: 'app', system: true, home: '/var/lib/app', createHome: true, homeMode: '0750' },
        view,
      );
      view = await twice(userKind, { user: 'admin', shell: '/bin/sh', comment: 'The Boss' }, view);
      view = await twice(groupKind, { group: 'deploy', gid: 2001, members: ['app'] }, view);
      view = await twice(userKind, { user: 'games', remove: true }, view);
      const found = await debian().look(
        view,
        `grep -hE '^(admin|app|deploy|games):' etc/passwd etc/shadow etc/group
      stat -c '%n %a %u:%g' home/admin home/admin/.ssh home/admin/.ssh/authorized_keys var/lib/app etc/sudoers.d/90-admin; cat etc/sudoers.d/90-admin home/admin/.ssh/authorized_keys; ls home/admin/.bashrc`,
      );
      expect(found).toContain('admin:x:1500:1500:The Boss:/home/admin:/bin/sh');
      // The day of the last change is SOURCE_DATE_EPOCH's, or the layer would change every day.
      expect(found).toContain('admin:$6$salt$hash:20089:');
      expect(found).toMatch(/^app:x:9\d\d:9\d\d::\/var\/lib\/app:\/usr\/sbin\/nologin$/m);
      expect(found).toMatch(/^deploy:x:2001:admin,app$/m);
      expect(found).not.toMatch(/^games:x:\d+:\d+:/m);
      expect(found).toContain('home/admin/.ssh 700 1500:1500');
      expect(found).toContain('home/admin/.ssh/authorized_keys 600 1500:1500');
      expect(found).toMatch(/var\/lib\/app 750 9\d\d:9\d\d/);
      expect(found).toContain('etc/sudoers.d/90-admin 440 0:0');
      expect(found).toContain('admin ALL=(ALL:ALL) NOPASSWD: ALL');
      expect(found).toContain('home/admin/.bashrc');
    });

    test('user: a wrong sudo rule is refused by sudo itself', async () => {
      await expect(debian().step(userKind, { user: 'x', sudo: 'ALL=(ALL NOPASSWD' }, system)).rejects.toThrow(
        /sudo rule/,
      );
    });

    test('service: what systemctl links is what a write-only step links', async () => {
      const unit =
        '[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target timers.target\nRequiredBy=ssh.service\nAlias=other.service\n';
      const written = await twice(
        serviceKind,
        { units: { 'app.service': unit }, enable: ['app'], mask: ['apt-daily.timer'] },
        system,
      );
      const folder = temporaryFolder();
      writeFileSync(join(folder, 'app.service'), unit);
      const run = await twice(
        serviceKind,
        {
          units: { 'app.service': { source: join(folder, 'app.service') } },
          enable: ['app'],
          mask: ['apt-daily.timer'],
        },
        system,
      );
      const links =
        'cd etc/systemd/system; find . \\( -name "*app*" -o -name "*other*" -o -name "apt-daily.timer" \\) -printf "%p %l\\n" | sort';
      expect(await debian().look(run, links)).toBe(await debian().look(written, links));
    });

    test('service: enable, disable and an unknown unit', async () => {
      const view = await twice(
        serviceKind,
        {
          disable: ['ssh'],
          enable: ['nginx'],
          mask: ['getty@tty1'],
          dropIns: { nginx: '[Service]\nRestart=always\n' },
        },
        system,
      );
      const found = await debian().look(
        view,
        'cd etc/systemd/system; ls multi-user.target.wants; readlink getty@tty1.service; cat nginx.service.d/50-imgpipe.conf',
      );
      expect(found).toContain('nginx.service');
      expect(found).not.toContain('ssh.service');
      expect(found).toContain('/dev/null\n[Service]');
      await expect(debian().step(serviceKind, { enable: ['ngnix'] }, system)).rejects.toMatchObject({
        failures: [
          {
            message: 'cannot enable "ngnix.service": the image has no such unit',
            hint: 'Did you mean "nginx.service"?',
          },
        ],
      });
      await expect(debian().step(serviceKind, { enable: ['nginx'] })).rejects.toThrow(
        'the image has no systemctl',
      );
    });

    test('locale, time zone and host name', async () => {
      let view = await twice(localeKind, { locale: 'de_DE.UTF-8' }, system);
      view = await twice(timezoneKind, { timezone: 'Europe/Berlin' }, view);
      view = await twice(hostnameKind, { hostname: 'web1' }, view);
      expect(
        await debian().look(
          view,
          'cat etc/default/locale etc/timezone etc/hostname; readlink etc/localtime; ls usr/lib/locale',
        ),
      ).toBe(
        'LANG=de_DE.UTF-8\nEurope/Berlin\nweb1\n/usr/share/zoneinfo/Europe/Berlin\nC.utf8\nlocale-archive',
      );
      const shown = await debian().step(
        shellKind,
        { inline: 'LC_ALL=de_DE.UTF-8 date -d @0 +%B; TZ= readlink -f /etc/localtime' },
        view,
      );
      expect(shown.output).toContain('Januar\n/usr/share/zoneinfo/Europe/Berlin');
    });

    test('file: owners by name, links of the image followed', async () => {
      const view = await twice(
        fileKind,
        { path: '/lib/imgpipe/x', content: 'x', owner: 'www-data', group: 'adm', mode: '0640' },
        system,
      );
      expect(await debian().look(view, 'stat -c "%a %u:%g" usr/lib/imgpipe/x; readlink lib')).toBe(
        '640 33:4\nusr/lib',
      );
    });

    test('shell: environment, user, folder, caches, secrets, inputs; none of them in the layer', async () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'in'));
      writeFileSync(join(folder, 'in/data'), 'declared');
      const options = {
        inline: [
          'id -un; pwd; echo "$LEVEL"; cat /opt/in/data; cat /run/secrets/key; cat /cache/seen 2>/dev/null || echo first',
          'echo again > /cache/seen',
          'ls -A /tmp /run/imgpipe',
          'echo made > /srv/made',
        ],
        env: { LEVEL: 'three' },
        user: 'www-data',
        workingDirectory: '/usr',
        caches: [{ id: 'contract', target: '/cache', mode: '0777' }],
        secrets: [{ secret: 'key' }],
        inputs: [{ source: join(folder, 'in'), target: '/opt/in' }],
      };
      const prepared = (await debian().step(shellKind, { inline: 'chmod 777 /srv' })).layer;
      const view = [debian().base, prepared];
      const first = await debian().step(shellKind, options, view);
      const second = await debian().step(shellKind, options, view);
      expect(first.output).toContain('www-data\n/usr\nthree\ndeclaredvalue of keyfirst\n');
      expect(second.output).toContain('value of keyagain\n');
      expect(second.layer).toEqual(first.layer);
      expect(debian().rig.paths(first.layer)).toEqual(['/srv d', '/srv/made f']);
    });

    test('shell: other interpreters, the network off, exit code 3, a hanging script', async () => {
      const { output } = await debian().step(shellKind, {
        inline: ['a=(one two)', 'echo "${a[1]}"'],
        interpreter: '/bin/bash -eu',
      });
      expect(output).toBe('two\n');
      const quiet = await debian().step(shellKind, {
        inline: 'cat /proc/net/dev | grep -c : ; ls /sys/class/net 2>/dev/null | wc -l',
        network: 'none',
      });
      expect(quiet.output.split('\n')[0]).toBe('1');
      await expect(
        debian().step(shellKind, { inline: 'echo before; exit 3; echo after' }),
      ).rejects.toMatchObject({
        failures: [
          { reason: 'step-failed', message: 'the script ended with exit code 3', excerpt: ['before'] },
        ],
      });
      await expect(debian().step(shellKind, { inline: 'nosuchprogram' })).rejects.toMatchObject({
        failures: [{ hint: expect.stringContaining('127') }],
      });
      const start = Date.now();
      const hanging = debian().step(
        shellKind,
        { inline: 'trap "" TERM; sleep 1000 & wait; sleep 1000' },
        undefined,
        { signal: AbortSignal.timeout(500) },
      );
      await expect(hanging).rejects.toMatchObject({
        failures: [{ reason: 'step-failed', message: expect.stringContaining('SIG') }],
      });
      expect(Date.now() - start).toBeLessThan(10_000);
    });

    test('every built-in kind gives the same layer twice', async () => {
      const rest: Record<string, Record<string, unknown>> = {
        fstab: { mounts: [{ device: 'LABEL=data', target: '/data', fsType: 'ext4' }] },
        'kernel-args': { args: ['quiet'] },
        shell: { inline: 'seq 100 > /srv/numbers; mkdir -p /srv/a/b; ln -s a /srv/link; chmod 700 /srv/a' },
        sysctl: { values: { 'net.core.somaxconn': 1024 } },
      };
      for (const [type, options] of Object.entries(rest))
        await twice(builtinKinds.steps.mustGet(type), options, system);
      // What Packer's kinds do is in the user's scripts, and in machines of other builders.
      const all = builtinKinds.steps.types.filter((type) => !type.startsWith('packer-'));
      expect(all.filter((type) => !provenTwice.has(type))).toEqual([]);
    });
  },
);
