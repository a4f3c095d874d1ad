import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootCheck } from '../../../src/checks/boot.ts';
import { makeDiskWithKey } from '../../../src/checks/boot/throw-away-disk.ts';
import type { CheckContext } from '../../../src/checks/check.ts';
import type { ExporterKind } from '../../../src/exporters/exporter.ts';
import { qcow2Exporter } from '../../../src/exporters/qcow2.ts';
import { rawExporter } from '../../../src/exporters/raw.ts';
import { vdiExporter } from '../../../src/exporters/vdi.ts';
import { vhdExporter } from '../../../src/exporters/vhd.ts';
import { vhdxExporter } from '../../../src/exporters/vhdx.ts';
import { vmdkExporter } from '../../../src/exporters/vmdk.ts';
import { bootableFormat, formatOfFile } from '../../../src/model/bootable.ts';
import { runHostCommand } from '../../../src/util/exec.ts';
import { BOOTABLE_TREE, checkRoot, debugfs, DiskRig, sha256 } from '../../rigs/disk.ts';
import { runExporter } from '../../rigs/run-exporter.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { noWorkspace, WorkspaceRig } from '../../rigs/workspace.ts';

const noQemu = existsSync('/usr/bin/qemu-system-x86_64') ? undefined : 'needs qemu-system-x86_64';

interface Run {
  readonly statuses: string[];
  readonly pids: number[];
}

function check(
  image: CheckContext['image'],
  options: object,
  run: Run,
  signal = new AbortController().signal,
  firmware = 'both',
) {
  const context = {
    pipeline: { architecture: 'amd64', disk: { firmware } },
    image,
    scratch: temporaryFolder(),
    signal,
    log: () => undefined,
    status: (text: string) => void run.statuses.push(text),
    ledger: ({ pid }: { pid: number }) => {
      run.pids.push(pid);
      return Promise.resolve();
    },
    resolvePath: (path: string) => path,
  };
  return bootCheck.run(bootCheck.schema.parse(options), context as unknown as CheckContext);
}

/** A disk of 1 MiB whose boot sector writes a text to the serial port. */
function talkingDisk(text: string): string {
  // mov si,0x7c19; mov dx,0x3f8; cld; lodsb; test al,al; jz .; out dx,al; jmp.
  const code = Buffer.from('be197cbaf803fcac84c07403eeebf8ebfe', 'hex');
  const sector = Buffer.alloc(512);
  code.copy(sector);
  sector.write(`${text}\r\n\0`, 0x19, 'latin1');
  sector.writeUInt16LE(0xaa55, 510);
  const path = join(temporaryFolder(), 'talking.raw');
  writeFileSync(path, Buffer.concat([sector, Buffer.alloc(2 ** 20 - 512)]));
  return path;
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

describe.skipIf(noQemu)('boot check', () => {
  it('says that nothing boots, with what the console shows, and leaves neither QEMU nor a changed image', async () => {
    const image = join(temporaryFolder(), 'empty.raw');
    execFileSync('truncate', ['-s', '8M', image]);
    const before = sha256(image);
    const run: Run = { statuses: [], pids: [] };
    const outcome = await check({ path: image, format: 'raw' }, { timeout: '6s', memory: 64, cpus: 1 }, run);
    expect(outcome).toMatchObject({ ok: false, failures: [{ reason: 'check-failed' }] });
    expect(run.pids).toHaveLength(1);
    expect(run.pids.filter(isRunning)).toEqual([]);
    expect(sha256(image)).toBe(before);
  });

  it('shows the last lines of the console of a boot that fails', async () => {
    const image = talkingDisk('Kernel panic - not syncing: no init');
    const run: Run = { statuses: [], pids: [] };
    const outcome = await check({ path: image, format: 'raw' }, { timeout: '30s', memory: 64, cpus: 1 }, run);
    expect(outcome).toMatchObject({
      ok: false,
      failures: [
        {
          message: expect.stringContaining('the kernel panicked') as string,
          excerpt: ['Kernel panic - not syncing: no init'],
        },
      ],
    });
  });

  it.each([
    ['raw', rawExporter, {}],
    ['raw', rawExporter, { compression: 'zstd' }],
    ['qcow2', qcow2Exporter, { compression: 'zlib' }],
    ['vmdk', vmdkExporter, {}],
    ['vmdk', vmdkExporter, { subformat: 'streamOptimized' }],
    ['vpc', vhdExporter, {}],
    ['vpc', vhdExporter, { allocation: 'fixed' }],
    ['vhdx', vhdxExporter, {}],
    ['vdi', vdiExporter, {}],
  ] as const)('starts the boot loader of $0 $2', async (format, kind: ExporterKind, options) => {
    const name = `disk.${kind.extension(kind.schema.parse(options))}`;
    const path = join(temporaryFolder(), name);
    const disk = talkingDisk('here is the boot loader');
    expect(await runExporter(kind, options, path, { disk })).toMatchObject({ ok: true });
    expect(bootableFormat(kind.extension(kind.schema.parse(options)))).toBe(format);
    expect(formatOfFile(path)).toBe(format);
    const run: Run = { statuses: [], pids: [] };
    const ready = { ready: 'here is the boot loader', memory: 64, cpus: 1 };
    expect(await check({ path, format }, ready, run)).toEqual({ ok: true });
  });

  it('does not wait for firmware that the disk has no loader for', async () => {
    const run: Run = { statuses: [], pids: [] };
    const image = { path: talkingDisk('x'), format: 'raw' } as const;
    expect(await check(image, { firmware: 'uefi' }, run, undefined, 'bios')).toMatchObject({
      ok: false,
      failures: [{ message: 'the disk boots by BIOS only, so it cannot be started by UEFI' }],
    });
    expect(run.pids).toEqual([]);
  });

  it('kills QEMU at once when the run stops', async () => {
    const image = join(temporaryFolder(), 'empty.raw');
    execFileSync('truncate', ['-s', '8M', image]);
    const abort = new AbortController();
    const run: Run = { statuses: [], pids: [] };
    const outcome = check(
      { path: image, format: 'raw' },
      { timeout: '60s', memory: 64, cpus: 1 },
      run,
      abort.signal,
    );
    while (run.pids.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const start = performance.now();
    abort.abort();
    expect(await outcome).toMatchObject({ ok: false, failures: [{ reason: 'aborted' }] });
    expect(performance.now() - start).toBeLessThan(1500);
    expect(run.pids.filter(isRunning)).toEqual([]);
  });

  it('says that the image is not there', async () => {
    const run: Run = { statuses: [], pids: [] };
    expect(await check({ path: '/nowhere.qcow2', format: 'qcow2' }, {}, run)).toMatchObject({
      ok: false,
      failures: [{ reason: 'check-failed', message: expect.stringContaining('qemu-img') as string }],
    });
  });
});

describe.skipIf(noWorkspace)('disk with a key', () => {
  it('differs from the image in the authorized keys only', async () => {
    const rig = await WorkspaceRig.open();
    const disks = new DiskRig(rig);
    const layer = await rig.layer(
      [],
      `${BOOTABLE_TREE}\nmkdir -p -m 700 root/.ssh; echo 'ssh-ed25519 AAAA mine' > root/.ssh/authorized_keys`,
    );
    const plan = await disks.plan(disks.request([layer], []));
    const image = await disks.patched(plan, await disks.base(plan));
    const before = sha256(image);
    const tools = {
      workspace: { spawn: runHostCommand },
      signal: new AbortController().signal,
      log: () => undefined,
    };
    for (const [user, file, lines, owner] of [
      ['root', '/root/.ssh/authorized_keys', ['ssh-ed25519 AAAA mine', 'ssh-ed25519 BBBB check'], 0],
      ['web', '/srv/www/.ssh/authorized_keys', ['ssh-ed25519 BBBB check'], 33],
    ] as const) {
      const scratch = join(disks.folder, user);
      mkdirSync(scratch);
      const login = { user, publicKey: 'ssh-ed25519 BBBB check' };
      const disk = await makeDiskWithKey(tools, { path: image, format: 'raw' }, scratch, login);
      expect(debugfs(plan, disk.path, `cat ${file}`).trimEnd().split('\n')).toEqual(lines);
      expect(debugfs(plan, disk.path, `stat ${file}`)).toMatch(new RegExp(`Mode: +0600[^]*User: +${owner} `));
      checkRoot(plan, disk.path);
      expect(readFileSync(join(scratch, 'authorized_keys'), 'utf8')).toContain('BBBB');
    }
    expect(sha256(image)).toBe(before);

    const divided = {
      table: 'mbr',
      partitions: [{ mount: '/usr/share', fileSystem: 'ext4', size: 2 ** 28, free: 0 }],
    } as const;
    const mbr = await disks.full(disks.request([layer], [], divided));
    const login = { user: 'root', publicKey: 'ssh-ed25519 BBBB check' };
    const scratch = join(disks.folder, 'mbr');
    mkdirSync(scratch);
    await makeDiskWithKey(tools, { path: mbr, format: 'raw' }, scratch, login);
    const btrfs = await disks.full(disks.request([layer], [], { fileSystem: 'btrfs' }));
    await expect(
      makeDiskWithKey(tools, { path: btrfs, format: 'raw' }, scratch, login),
    ).rejects.toMatchObject({
      failures: [{ message: expect.stringContaining('no ext4 root file system') as string }],
    });
    const nobody = makeDiskWithKey(tools, { path: image, format: 'raw' }, disks.folder, {
      user: 'nobody',
      publicKey: 'x',
    });
    await expect(nobody).rejects.toMatchObject({
      failures: [{ message: expect.stringContaining('no user nobody') as string }],
    });
  });
});
