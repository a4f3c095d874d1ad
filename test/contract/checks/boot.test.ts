import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootCheck } from '../../../src/checks/boot.ts';
import { makeDiskWithKey } from '../../../src/checks/boot/throw-away-disk.ts';
import type { CheckContext } from '../../../src/checks/check.ts';
import { runHostCommand } from '../../../src/util/exec.ts';
import { BOOTABLE_TREE, checkRoot, debugfs, DiskRig, sha256 } from '../../rigs/disk.ts';
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
) {
  const context = {
    pipeline: { architecture: 'amd64', disk: { firmware: 'both' } },
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
    const image = join(temporaryFolder(), 'panics.raw');
    // A boot sector that writes to the first serial port: mov dx,0x3f8; lodsb; test al,al; jz .; out dx,al; jmp.
    const code = Buffer.from('be197cbaf803fcac84c07403eeebf8ebfe', 'hex');
    const sector = Buffer.alloc(512);
    code.copy(sector);
    sector.write('Kernel panic - not syncing: no init\r\n\0', 0x19, 'latin1');
    sector.writeUInt16LE(0xaa55, 510);
    writeFileSync(image, Buffer.concat([sector, Buffer.alloc(2 ** 20 - 512)]));
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
    const nobody = makeDiskWithKey(tools, { path: image, format: 'raw' }, disks.folder, {
      user: 'nobody',
      publicKey: 'x',
    });
    await expect(nobody).rejects.toMatchObject({
      failures: [{ message: expect.stringContaining('no user nobody') as string }],
    });
  });
});
