import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DrivenMachine } from '../../../src/builders/machine-builder.ts';
import { FailureError, type Failure } from '../../../src/diagnostics/failure.ts';
import type { Digest } from '../../../src/model/ids.ts';
import { openDriver, sourceUse } from '../../rigs/qemu-driver.ts';
import { isRoot, noSshd, startSshd, TESTER } from '../../rigs/sshd.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const noQemu = !existsSync('/usr/bin/qemu-system-x86_64');
/** Emulated on purpose: what works here by KVM must do so without it. */
const SMALL = { memory: 64, cpus: 1, accelerator: 'tcg' };

/** A sector that the BIOS boots. */
const bootSector = (...code: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from(code), Buffer.alloc(510 - code.length), Buffer.from([0x55, 0xaa])]);

/** Waits for ever: `hlt` in a circle. */
const IDLE = bootSector(0xfb, 0xf4, 0xeb, 0xfd);

/** Writes an `I` and switches the machine off: out 0x604, 0x2000, which is ACPI's S5 of QEMU's machines. */
const OFF = bootSector(0xb4, 0x0e, 0xb0, 0x49, 0xcd, 0x10, 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xf4);

/** Shows what is typed, for ever, by the BIOS's keyboard (int 16h) and screen (int 10h). */
const ECHO = bootSector(0x31, 0xc0, 0xcd, 0x16, 0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf6);

/** An installer: the BIOS writes the sector behind it to the first disk (int 13h), then the machine restarts (0xcf9). */
const WRITE = [0xb8, 0x01, 0x03, 0xb9, 0x01, 0x00, 0xba, 0x80, 0x00, 0xcd, 0x13];
const RESTART = [0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee, 0xf4];
const INSTALL = bootSector(...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xbb, 0x00, 0x7e], ...WRITE, ...RESTART);

/** The same as a kernel by Linux' boot protocol (2.0), whose first part runs in real mode, `ES` being where it lies. */
function kernel(): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes[0x1f1] = 2; // sectors of that part behind the first
  bytes.writeUInt16LE(0xaa_55, 0x1fe);
  bytes.set([0xeb, 0x6e], 0x200); // begins behind the header, at 0x270
  bytes.write('HdrS', 0x202);
  bytes.writeUInt16LE(0x2_00, 0x206);
  bytes[0x211] = 1;
  bytes.set([0xbb, 0x00, 0x04, ...WRITE, ...RESTART], 0x270);
  OFF.copy(bytes, 0x400);
  return bytes;
}

/** An installation medium that installs OFF. */
function medium(folder: string): string {
  const path = join(folder, 'medium.iso');
  mkdirSync(join(folder, 'medium'));
  writeFileSync(join(folder, 'medium/boot.bin'), Buffer.concat([INSTALL, OFF, Buffer.alloc(1024)]));
  writeFileSync(join(folder, 'medium/linux'), kernel());
  const boot = ['-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4'];
  execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', '-o', path, ...boot, join(folder, 'medium')], {
    stdio: 'ignore',
  });
  return path;
}

function disk(folder: string, boots: boolean, sector = IDLE): string {
  const path = join(folder, 'base.raw');
  writeFileSync(path, boots ? sector : '');
  truncateSync(path, 1 << 20);
  return path;
}

const sockets = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('imgpipe-vm-'));

/** The failure with which a start ends. Nothing of the machine stays, whatever it was. */
async function failureOf(
  options: object,
  source: object,
  type = 'disk',
  folder = temporaryFolder(),
): Promise<Failure> {
  const before = sockets();
  try {
    const { driver, ledger, store } = await openDriver(folder, { ...SMALL, ...options });
    const error: unknown = await driver.start(sourceUse(type, { ...source })).then(
      async (machine) => {
        await machine[Symbol.asyncDispose]();
        return new Error('it started');
      },
      (reason: unknown) => reason,
    );
    expect([...ledger]).toEqual([]);
    expect(existsSync(store.root) ? readdirSync(store.root) : []).toEqual([]);
    expect(sockets().filter((name) => !before.includes(name))).toEqual([]);
    throw error;
  } catch (error) {
    if (error instanceof FailureError && error.failures[0] !== undefined) return error.failures[0];
    throw error;
  }
}

describe.skipIf(noQemu)('a virtual machine that cannot be', () => {
  test('a disk that was cut off, or stands on one that is gone', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'cut.qcow2');
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', disk(folder, true), path]);
    truncateSync(path, 200_000);
    expect(await failureOf({}, { path })).toMatchObject({
      reason: 'source-failed',
      message: expect.stringMatching(/cut\.qcow2 is damaged or was cut off/) as string,
      hint: expect.stringMatching(/Get the file anew/) as string,
    });
    const overlay = join(folder, 'overlay.qcow2');
    execFileSync('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-u',
      '-b',
      'gone.raw',
      '-F',
      'raw',
      overlay,
      '1M',
    ]);
    expect(await failureOf({}, { path: overlay })).toMatchObject({
      reason: 'source-failed',
      message: expect.stringMatching(/not whole: it stands on gone\.raw, which is not there/) as string,
      hint: expect.stringMatching(/make one of both: qemu-img convert/) as string,
    });
  });

  test('an archive that was cut off', async () => {
    const folder = temporaryFolder();
    execFileSync('sh', [
      '-c',
      `head -c 200000 /dev/urandom | gzip | head -c 100000 > ${join(folder, 'a.gz')}`,
    ]);
    expect(await failureOf({}, { path: join(folder, 'a.gz') })).toMatchObject({
      reason: 'source-failed',
      message: expect.stringMatching(/a\.gz is damaged or was cut off/) as string,
    });
  });

  test('a wrong checksum, and a disk that is too small', async () => {
    const path = disk(temporaryFolder(), true);
    expect(await failureOf({}, { path, checksum: `sha256:${'0'.repeat(64)}` })).toMatchObject({
      reason: 'source-failed',
      message: expect.stringMatching(/does not have the checksum/) as string,
      hint: expect.stringMatching(/get it anew, or correct `checksum`/) as string,
    });
    expect(await failureOf({ disk_size: '512K' }, { path })).toMatchObject({ reason: 'image-too-large' });
  });

  test('a machine, firmware or QEMU that this host does not have', async () => {
    const path = disk(temporaryFolder(), true);
    expect(await failureOf({ machine_type: 'no-such' }, { path })).toMatchObject({
      reason: 'step-failed',
      message: expect.stringMatching(/QEMU does not start: .*unsupported machine type/) as string,
      hint: expect.stringMatching(/-machine help` lists what it has; see `machine_type`/) as string,
    });
    expect(
      await failureOf({ efi_firmware_code: '/none/code.fd', efi_firmware_vars: '/none/vars.fd' }, { path }),
    ).toMatchObject({
      reason: 'tool-missing',
      message: expect.stringMatching(/no firmware \/none\/code\.fd/) as string,
      hint: expect.stringMatching(/ovmf/) as string,
    });
    expect(await failureOf({ qemu_binary: 'no-such-qemu' }, { path })).toMatchObject({
      reason: 'tool-missing',
      message: 'no-such-qemu is not installed',
    });
  });

  test('no port is free', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void blocker.close());
    const { port } = blocker.address() as AddressInfo;
    const path = disk(temporaryFolder(), true);
    expect(await failureOf({ host_port_min: port, host_port_max: port }, { path })).toMatchObject({
      message: 'no port of 127.0.0.1 is free for the machine',
      hint: 'widen `host_port_min` and `host_port_max`',
    });
  });

  test('nothing to boot: seen at once on the console', async () => {
    const path = disk(temporaryFolder(), false);
    const began = performance.now();
    const failure = await failureOf({ ssh_timeout: '10m' }, { path });
    expect(failure).toMatchObject({ reason: 'communicator-failed' });
    expect(failure.message).toMatch(/cannot be reached: the firmware found no bootable device/);
    expect(failure.excerpt?.join('\n')).toMatch(/No bootable device/);
    expect(failure.hint).toMatch(/`firmware: uefi`/);
    expect(performance.now() - began).toBeLessThan(300_000);
  });

  test('SSH that never answers: with a picture of the screen', async () => {
    const folder = temporaryFolder();
    const failure = await failureOf({ ssh_timeout: '3s' }, { path: disk(folder, true) }, 'disk', folder);
    expect(failure.message).toMatch(/cannot be reached: no SSH connection/);
    expect(failure.hint).toMatch(/^Raise `ssh_timeout`/);
    const picture = /Its screen: (\S+\.png)/.exec(failure.hint ?? '')?.[1] ?? '';
    expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
  });

  test.skipIf(!existsSync('/usr/bin/swtpm'))('a TPM starts and ends with its machine', async () => {
    const folder = temporaryFolder();
    const { driver, ledger, logged } = await openDriver(folder, { ...SMALL, vtpm: true, ssh_timeout: '2s' });
    await expect(driver.start(sourceUse('disk', { path: disk(folder, true) }))).rejects.toThrow(
      /cannot be reached/,
    );
    expect(logged.join('\n')).toMatch(
      /-tpmdev emulator,id=tpm,chardev=tpm-socket -device tpm-tis,tpmdev=tpm/,
    );
    expect([...ledger]).toEqual([]);
    const running = execFileSync('ps', ['ax', '-o', 'args'], { encoding: 'utf8' });
    expect(running).not.toMatch(/^swtpm .*imgpipe-vm-/m);
  });

  test.skipIf(noSshd || !isRoot)('a wrong password', async () => {
    const server = await startSshd();
    const login = { ssh_username: TESTER, ssh_password: 'wrong', ssh_handshake_attempts: 2 };
    const options = { ...login, skip_nat_mapping: true, ssh_host: server.host, ssh_port: server.port };
    const failure = await failureOf(options, { path: disk(temporaryFolder(), true) });
    expect(failure.message).toMatch(/password/);
    expect(failure.hint).toMatch(/^See `ssh_username`, `ssh_password`/);
    expect(JSON.stringify(failure)).not.toContain('wrong');
  });

  test('a kept machine whose key is gone is let go of, and made anew by the next build', async () => {
    const { driver, store } = await openDriver(temporaryFolder(), SMALL);
    const keep = async (parent?: Digest): Promise<Digest> => {
      const staged = await store.stage();
      const record = {
        format: 1,
        disks: [1 << 20],
        cdroms: [],
        byCredentials: true,
        key: 'of another cache',
      };
      writeFileSync(join(staged, 'machine.json'), JSON.stringify(record));
      return (await store.commit(staged, { builder: 'qemu', ...(parent !== undefined && { parent }) }))
        .digest;
    };
    const step = await keep(await keep());
    await expect(driver.resume(step)).rejects.toMatchObject({ failures: [{ reason: 'store-invalid' }] });
    expect(store.list()).toEqual([]);
  });

  test('a machine that nobody gets into runs once by itself, and its disk is kept', async () => {
    const folder = temporaryFolder();
    const { driver, ledger, logged } = await openDriver(folder, { ...SMALL, communicator: 'none' });
    const path = disk(folder, true, OFF);
    const kept = async (machine: DrivenMachine): Promise<Buffer> => {
      await machine.writeDisk?.(join(folder, 'out.raw'));
      await machine[Symbol.asyncDispose]();
      return readFileSync(join(folder, 'out.raw'));
    };
    const machine = await driver.start(sourceUse('disk', { path }));
    const snapshot = await machine.snapshot();
    expect(await kept(machine)).toEqual(readFileSync(path));
    expect(await kept(await driver.resume(snapshot?.digest ?? ('' as Digest)))).toEqual(readFileSync(path));
    expect(logged.filter((line) => line.includes('-accel'))).toHaveLength(1);
    expect([...ledger]).toEqual([]);
  });

  test.skipIf(!existsSync('/usr/bin/xorriso')).each([
    ["by the medium's boot loader", { run_once: true }, {}],
    ['by its kernel', {}, { kernel: 'linux', append: 'auto=true' }],
  ])(
    'an installation that was started %s is over when the machine restarts, and what it installed starts',
    async (_, how, started) => {
      const folder = temporaryFolder();
      const options = { ...how, disk_size: '1M', ssh_timeout: '2m' };
      const source = { append: '', path: medium(folder), ...started };
      const failure = await failureOf(options, source, 'iso', folder);
      // The disk was empty before, and the medium does not switch off.
      expect(failure.message).toMatch(/the machine switched itself off/);
    },
  );

  test('what is typed reaches a boot menu as it stands, whatever keys it takes', async () => {
    const stop = new AbortController();
    const folder = temporaryFolder();
    const options = {
      boot_wait: '1s',
      boot_key_interval: '15ms',
      boot_command: ['url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/A_b?"~|<&>{}+\\OK!'],
      http_content: { '/A_b': '' },
      vnc_use_password: true,
    };
    const { driver, logged } = await openDriver(folder, { ...SMALL, ...options }, stop.signal);
    const starting = driver.start(sourceUse('disk', { path: disk(folder, true, ECHO) }));
    starting.catch(() => undefined);
    const seen = (): string => logged.join('').replaceAll(/\n|boots/g, '');
    await expect
      .poll(seen, { timeout: 60_000 })
      .toMatch(/url=http:\/\/10\.0\.2\.2:\d+\/A_b\?"~\|<&>\{\}\+\\OK!/);
    stop.abort();
    await expect(starting).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
  });

  test('a build that is stopped leaves nothing', async () => {
    const stop = new AbortController();
    const folder = temporaryFolder();
    const { driver, ledger, logged } = await openDriver(folder, SMALL, stop.signal);
    const before = sockets();
    const starting = driver.start(sourceUse('disk', { path: disk(folder, true) }));
    setTimeout(() => stop.abort(), 1500);
    await expect(starting).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
    expect([...ledger]).toEqual([]);
    expect(sockets().filter((name) => !before.includes(name))).toEqual([]);
    expect(logged.join('\n')).toContain('qemu-system-x86_64');
  });
});
