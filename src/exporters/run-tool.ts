import { FailureError } from '../diagnostics/failure.ts';
import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { SpawnError, type ExecOutcome, type HostCommand } from '../util/exec.ts';
import type { Workspace } from '../layers/workspace.ts';
import { toolEnvironment } from '../util/tool-environment.ts';

/** Where tools run and what is told about them. */
export interface ToolContext {
  /** The workspace, or anything else that runs host programs. */
  readonly workspace: Pick<Workspace, 'spawn'>;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

export interface ToolRun {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Reason of the failure when the tool fails. */
  readonly reason: FailureReason;
  /** Sees each chunk of standard output as it comes, e.g. to read progress from it. */
  readonly onStdout?: (text: string) => void;
}

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
}

export { toolEnvironment };

/**
 * Runs a host program in the workspace to its end.
 * @throws FailureError `run.reason` when it fails, with the last lines it wrote; `disk-full`, `tool-missing`, `aborted`
 */
export async function runTool(context: ToolContext, run: ToolRun): Promise<ToolOutput> {
  let stdout = '';
  let stderr = '';
  const outcome = await spawn(context, {
    argv: run.argv,
    env: { ...toolEnvironment(), ...run.env },
    ...(run.cwd !== undefined && { cwd: run.cwd }),
    ...(run.stdin !== undefined && { stdin: run.stdin }),
    signal: context.signal,
    onOutput: (chunk) => {
      if (chunk.stream === 'stderr') stderr += chunk.text;
      else {
        stdout += chunk.text;
        run.onStdout?.(chunk.text);
      }
    },
  });
  if (context.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
  if (outcome.type === 'exited' && outcome.code === 0) return { stdout, stderr };
  const how =
    outcome.type === 'exited'
      ? `exited with ${outcome.code}`
      : outcome.type === 'signaled'
        ? `was ended by ${outcome.signal}`
        : 'took too long';
  throw toolFailure(run, `${stdout}\n${stderr}`, how);
}

async function spawn(context: ToolContext, command: HostCommand): Promise<ExecOutcome> {
  try {
    return await context.workspace.spawn(command);
  } catch (error) {
    if (error instanceof SpawnError && error.code === 'ENOENT') throw toolMissing(error.program);
    throw error;
  }
}

function toolMissing(program: string): FailureError {
  const hint = 'run `imgpipe doctor` to see what installs it';
  return new FailureError({ reason: 'tool-missing', message: `${program} is not installed`, hint });
}

/** What programs say when the disk is full: most of them; xorriso, which looks before it writes; tar, of its last write. */
const FULL =
  /No space left on device|Disk quota exceeded|Image size \d+s exceeds free space|Wrote only \d+ of \d+ bytes/i;

/** The failure that a tool's output tells of. */
function toolFailure(run: Pick<ToolRun, 'argv' | 'reason'>, output: string, how: string): FailureError {
  // Progress, which programs write over and over in one line, explains nothing.
  const lines = output
    .split(/[\r\n]/)
    .filter((line) => line.trim() !== '' && !/^\s*\(\d+\.\d+\/100%\)/.test(line));
  const excerpt = lines.slice(-10);
  if (lines.some((line) => FULL.test(line))) {
    return new FailureError({
      reason: 'disk-full',
      message: `${run.argv[0]} found no space left on the disk`,
      excerpt,
      hint: 'free space where the cache and the output folder lie, e.g. with `imgpipe cache prune`',
    });
  }
  if (how === 'exited with 127') {
    // A shell says which of its programs it did not find.
    const named = lines.map((line) => /(?:^|: )([\w.+-]+): (?:command )?not found$/.exec(line)?.[1]);
    return toolMissing(named.find((name) => name !== undefined) ?? run.argv[0]);
  }
  return new FailureError({ reason: run.reason, message: `${run.argv[0]} ${how}`, excerpt });
}
