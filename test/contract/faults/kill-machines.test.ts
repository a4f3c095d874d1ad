import { existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CliProject, eventually } from '../../rigs/cli.ts';
import { kill, leftoversOf, remainsOf, sha256 } from '../../rigs/faults.ts';
import { isRoot, noSshd, PASSWORD, startSshd, TESTER, type TestSshd } from '../../rigs/sshd.ts';

/** `IMGPIPE_FAULTS=50` kills as often as that. */
const KILLS = Number(process.env['IMGPIPE_FAULTS'] ?? 3);
const SECONDS_EACH = 60;
const missing = !existsSync('/usr/bin/qemu-system-x86_64') || noSshd || !isRoot;

/** Boots, and then waits for ever: a sector of `hlt` in a circle. */
const IDLE = Buffer.concat([
  Buffer.from([0xfb, 0xf4, 0xeb, 0xfd]),
  Buffer.alloc(506),
  Buffer.from([0x55, 0xaa]),
]);

/**
 * Virtual machines whose guest never gets anywhere, so that they start at once, and whose SSH server is one of this
 * host, with a login that may do nothing here. All but the guest is real: QEMU, memory and disks of snapshots, sockets.
 */
class MachineProject extends CliProject {
  readonly #server: TestSshd;

  static async open(): Promise<MachineProject> {
    return new MachineProject(await startSshd());
  }

  private constructor(server: TestSshd) {
    super({});
    this.#server = server;
    mkdirSync(this.path('pipelines'));
    writeFileSync(this.path('pipelines/base.raw'), IDLE);
    truncateSync(this.path('pipelines/base.raw'), 1 << 20);
    // Sockets of machines are here, and nobody else's.
    mkdirSync(this.path('t'));
    this.env['TMPDIR'] = this.path('t');
    this.setVariant(0);
    const timer = setInterval(() => this.#shutDown(), 50);
    onTestFinished(() => clearInterval(timer));
  }

  /** The guest cannot shut down when it is told to: QEMU ends by its other QMP socket then. */
  #shutDown(): void {
    const told = `${this.#server.folder}/home/off`;
    if (!existsSync(told)) return;
    rmSync(told);
    const socket = connect(this.path('q')).on('error', () => undefined);
    socket.write('{"execute":"qmp_capabilities"}{"execute":"quit"}');
    socket.resume();
  }

  setVariant(variant: number): void {
    const machine = 'memory: 64, cpus: 1, accelerator: tcg, skip_compaction: true, skip_nat_mapping: true';
    const { host, port, folder } = this.#server;
    const login = `ssh_username: ${TESTER}, ssh_password: ${PASSWORD}, ssh_host: ${host}, ssh_port: ${port}`;
    const end = `shutdown_command: 'touch ${folder}/home/off', qmp_socket_path: ${this.path('q')}`;
    const step = (name: string, text: string): string =>
      `  - { type: packer-shell, name: ${name}, inline: ['${text}'], remote_folder: ${folder}/home }`;
    this.write(
      'pipelines/vm.yaml',
      [
        `builder: { type: qemu, ${machine}, ${login}, ${end} }`,
        'source: { type: disk, path: base.raw }',
        'steps:',
        step('one', 'true'),
        step('two', `echo ${variant}`),
        step('three', 'sleep 1'),
        'exports: [{ type: qcow2 }]',
        '',
      ].join('\n'),
    );
  }

  get image(): string {
    return sha256(this.path('output/vm/vm.qcow2'));
  }

  /** What of machines is left when nothing runs any more. */
  leftovers(): string[] {
    return [
      ...leftoversOf(this),
      ...readdirSync(this.path('t')),
      ...(existsSync(this.path('q')) ? ['q'] : []),
    ];
  }

  /** What is wrong after a fault and one more command, in words. */
  async judge(first: 'build' | 'gc', expected: string): Promise<string[]> {
    const wrong: string[] = [];
    await eventually('the end of all processes', () => remainsOf(this).length === 0, 10_000).catch(() =>
      wrong.push(`left running: ${remainsOf(this).join('; ')}`),
    );
    const next = await this.run(first);
    if (next.code !== 0) wrong.push(`next ${first} failed: ${next.stdout.slice(-600)}${next.stderr}`);
    if (this.leftovers().length > 0) wrong.push(`leaked: ${this.leftovers().join(', ')}`);
    const built = await this.build();
    if (built.code !== 0) wrong.push(`next build failed: ${built.stderr.slice(-600)}`);
    else if (this.image !== expected) wrong.push('next build gave another image');
    const verified = await this.run('cache', 'verify');
    if (verified.code !== 0) wrong.push(`store not valid: ${verified.stdout}${verified.stderr}`);
    if ((await this.build()).built.length > 0) wrong.push('not settled');
    if (this.leftovers().length > 0) wrong.push(`leaked afterwards: ${this.leftovers().join(', ')}`);
    return wrong;
  }
}

describe.skipIf(missing)('builds in virtual machines that are cut short', () => {
  test(
    'by kill -9 at random moments: no machine, socket or half-written state survives',
    async () => {
      const project = await MachineProject.open();
      const start = performance.now();
      const whole = await project.run('build');
      expect(whole.code, whole.stderr).toBe(0);
      const duration = performance.now() - start;
      const expected = project.image;
      const wrong: Record<string, string[]> = {};
      let killed = 0;
      for (let round = 1; killed < KILLS; round += 1) {
        if (Math.random() < 0.5) await project.run('cache', 'prune', '--all');
        project.setVariant(round);
        const delay = Math.random() * duration;
        const started = project.start(['build']);
        await sleep(delay);
        if (started.process.exitCode === null) killed += 1;
        await kill(started);
        const verdict = await project.judge(Math.random() < 0.5 ? 'gc' : 'build', expected);
        if (verdict.length > 0) wrong[`${round}: after ${delay.toFixed(0)} ms`] = verdict;
      }
      expect(wrong).toEqual({});
    },
    (KILLS + 2) * SECONDS_EACH * 1000,
  );

  test('by Ctrl-C: at once nothing is left', async () => {
    const project = await MachineProject.open();
    const started = project.start(['build', '--ui=plain']);
    await eventually('a machine', () => readdirSync(project.path('t')).length > 0, 60_000);
    started.process.kill('SIGINT');
    expect((await started.result).code).toBe(130);
    expect(remainsOf(project)).toEqual([]);
    expect(project.leftovers()).toEqual([]);
  });
});
