import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Communicator } from '../communicators/communicator.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { ExecOutcome, OutputChunk } from '../layers/workspace.ts';
import type { Architecture } from '../model/platform.ts';
import { shellQuote } from '../util/shell-quote.ts';
import { machineEnvironment } from './machine-environment.ts';
import type { Machine, MachineCommand, MachineMount } from './machine.ts';
import { parseOsRelease } from '../util/os-release.ts';
import { findRootAccess, type RootAccess } from './remote/become-root.ts';
import { execScript, NOT_PREPARED, SCRIPT_COMMAND, type ScriptMount } from './remote/exec-script.ts';
import { findImageUser, type ImageUser } from './rootfs/image-user.ts';
import { stageInput } from './stage-input.ts';

export interface RemoteMachineOptions {
  readonly communicator: Communicator;
  readonly architecture: Architecture;
  /** Seconds since 1970; programs see it as SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch: number;
  /** Gets all output of all programs, for the step's log. */
  readonly onOutput: (chunk: OutputChunk) => void;
  /** Of whoever is logged in, for sudo. */
  readonly password?: string;
  /** Added to the clean environment, such as `SYSTEMD_OFFLINE` where no service manager runs. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A POSIX system that is reached by a communicator: what own step kinds need of a machine, made of command lines and
 * files. Everything runs as root, or as the user that a command asks for. Programs, their environment, what they read
 * and secrets go over standard input, so that none of it is in a process list of the machine.
 *
 * Cache mounts are empty folders: what other runs left is not there, and what is put there does not stay.
 */
export class RemoteMachine implements Machine {
  readonly architecture: Architecture;
  readonly communicator: Communicator;
  readonly #options: RemoteMachineOptions;
  #access: Promise<RootAccess> | undefined;

  constructor(options: RemoteMachineOptions) {
    this.architecture = options.architecture;
    this.communicator = options.communicator;
    this.#options = options;
  }

  async osRelease(): Promise<Readonly<Record<string, string>>> {
    return parseOsRelease((await this.readFile('/etc/os-release')) ?? '');
  }

  async exec(command: MachineCommand, onOutput?: (chunk: OutputChunk) => void): Promise<ExecOutcome> {
    const user = await this.#user(command.user);
    const id = randomUUID();
    const uploads = `/var/tmp/imgpipe-${id}-uploads`;
    const mounts = await this.#mounts(command.mounts ?? [], uploads);
    const hasUploads = mounts.some(({ type }) => type === 'uploaded');
    const script = execScript({
      argv: command.argv,
      env: {
        ...machineEnvironment(this.#options.sourceDateEpoch),
        ...this.#options.environment,
        ...(user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name }),
        ...command.env,
      },
      cwd: command.cwd ?? '/',
      network: command.network ?? 'host',
      mounts,
      id,
      ...(user !== undefined && { user }),
      ...(command.stdin !== undefined && { stdin: command.stdin }),
    });
    let errors = '';
    const outcome = await this.#run(script, {
      what: command.argv.join(' '),
      ...(command.timeoutMs !== undefined && { timeoutMs: command.timeoutMs }),
      onOutput: (chunk) => {
        if (chunk.stream === 'stderr') errors = (errors + chunk.text).slice(-1000);
        if (command.quiet !== true) this.#options.onOutput(chunk);
        onOutput?.(chunk);
      },
    });
    if (hasUploads) await this.runScript(`rm -rf ${uploads}`, `deleting ${uploads}`);
    if (outcome.type === 'exited' && outcome.code === NOT_PREPARED) {
      const why = errors.trim().split('\n').at(-1) ?? '';
      throw new FailureError({
        reason: 'step-failed',
        message: `the machine could not be prepared for ${command.argv[0]}: ${why}`,
      });
    }
    return outcome;
  }

  async writeFile(
    path: string,
    content: string,
    options: { mode?: number; uid?: number; gid?: number } = {},
  ): Promise<void> {
    const { mode = 0o644, uid = 0, gid = 0 } = options;
    const file = shellQuote(path);
    const isSmall = content.length <= SMALL && !content.includes('\0');
    const upload = `/var/tmp/imgpipe-${randomUUID()}`;
    if (!isSmall) await this.communicator.uploadFile({ content }, upload, { mode: 0o600 });
    const fill = isSmall
      ? `printf %s ${shellQuote(content)} >${file}`
      : `{ cat ${upload} >${file}; code=$?; rm -f ${upload}; exit $code; }`;
    const lines = [
      'set -e',
      'umask 022',
      `mkdir -p ${shellQuote(path.slice(0, path.lastIndexOf('/') + 1))}`,
      // Nobody reads a secret before the file has its mode.
      `[ -e ${file} ] || (umask 077; : >${file})`,
      `chmod 600 ${file}`,
      isSmall ? fill : `(${fill})`,
      `chown ${uid}:${gid} ${file}`,
      `chmod ${mode.toString(8)} ${file}`,
    ];
    await this.runScript(lines.join('\n'), `writing ${path}`);
  }

  async readFile(path: string): Promise<string | undefined> {
    const file = shellQuote(path);
    let content = '';
    const outcome = await this.#run(`[ -e ${file} ] || exit ${ABSENT}; exec cat ${file}`, {
      what: `reading ${path}`,
      onOutput: ({ stream, text }) => void (content += stream === 'stdout' ? text : ''),
    });
    if (outcome.type === 'exited' && outcome.code === 0) return content;
    if (outcome.type === 'exited' && outcome.code === ABSENT) return undefined;
    throw remoteFailure(`${path} cannot be read`);
  }

  /**
   * Runs a script of root outside of any step's log and gives its standard output.
   * @param what names it in messages
   * @throws FailureError `step-failed` when it does not succeed, `disk-full`
   */
  async runScript(script: string, what: string): Promise<string> {
    const said = { stdout: '', stderr: '' };
    const outcome = await this.#run(script, {
      what,
      onOutput: ({ stream, text }) => void (said[stream] += text),
    });
    if (outcome.type === 'exited' && outcome.code === 0) return said.stdout;
    const excerpt = said.stderr.split('\n').filter((line) => line.trim() !== '');
    const full = excerpt.some((line) => line.includes('No space left on device'));
    throw remoteFailure(`${what} failed: ${excerpt.at(-1) ?? outcome.type}`, full ? 'disk-full' : undefined);
  }

  /** How a command line of root is begun. @throws FailureError `permission-denied` */
  rootAccess(): Promise<RootAccess> {
    this.#access ??= findRootAccess(this.communicator, this.#options.password);
    return this.#access;
  }

  async #run(
    script: string,
    about: {
      readonly what: string;
      readonly timeoutMs?: number;
      readonly onOutput: (chunk: OutputChunk) => void;
    },
  ): Promise<ExecOutcome> {
    const { prefix, input } = await this.rootAccess();
    const outcome = await this.communicator.run({
      command: `${prefix}${SCRIPT_COMMAND}`,
      stdin: `${input}${script}`,
      pty: false,
      onOutput: about.onOutput,
      ...(about.timeoutMs !== undefined && { timeoutMs: about.timeoutMs }),
    });
    if (outcome.type !== 'disconnected') return outcome;
    throw new FailureError({
      reason: 'communicator-failed',
      message: `the connection to the machine broke during: ${about.what.split('\n')[0]?.slice(0, 100)}`,
      hint: 'the machine may have been restarted or switched off by what ran in it',
    });
  }

  async #user(name: string | undefined): Promise<ImageUser | undefined> {
    if (name === undefined || name === 'root' || name === '0') return undefined;
    return findImageUser(name, (await this.readFile('/etc/passwd')) ?? '');
  }

  async #mounts(mounts: readonly MachineMount[], uploads: string): Promise<ScriptMount[]> {
    const prepared: ScriptMount[] = [];
    for (const [index, mount] of mounts.entries()) {
      const { target } = mount;
      if (mount.type === 'cache') prepared.push({ type: 'folder', target, mode: mount.mode ?? 0o755 });
      else if (mount.type === 'secret')
        prepared.push({ type: 'secret', target, value: mount.value, mode: mount.mode });
      else {
        const source = `${uploads}/${index}`;
        await this.#upload(mount, source, uploads);
        prepared.push({ type: 'uploaded', target, source });
      }
    }
    return prepared;
  }

  async #upload(
    { source, exclude }: MachineMount & { type: 'host' },
    target: string,
    folder: string,
  ): Promise<void> {
    const scratch = await mkdtemp(join(tmpdir(), 'imgpipe-upload-'));
    try {
      const staged = join(scratch, 'input');
      await stageInput(source, staged, { time: this.#options.sourceDateEpoch, ...(exclude && { exclude }) });
      const found = await stat(staged);
      if (found.isDirectory()) return await this.communicator.uploadTree(staged, target);
      await this.communicator.run({ command: `mkdir -p ${folder}`, pty: false, onOutput: () => undefined });
      await this.communicator.uploadFile({ path: staged }, target, { mode: found.mode & 0o777 });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
}

/** Largest text that goes into a script; more is uploaded. */
const SMALL = 2 ** 18;
const ABSENT = 44;

function remoteFailure(message: string, reason: 'step-failed' | 'disk-full' = 'step-failed'): FailureError {
  return new FailureError({ reason, message });
}
