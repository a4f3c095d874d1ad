import { FailureError } from '../../diagnostics/failure.ts';
import type { FailureReason } from '../../diagnostics/failure-reasons.ts';
import { runHostCommand, SpawnError } from '../../util/exec.ts';
import { toolEnvironment } from '../../util/tool-environment.ts';

/**
 * Runs a program of this host that must succeed, and gives its standard output.
 * @throws FailureError `tool-missing`, `disk-full`, `aborted`, or `reason` with the program's last lines
 */
export async function hostProgram(
  argv: readonly [string, ...string[]],
  options: { readonly signal: AbortSignal; readonly reason: FailureReason; readonly cwd?: string },
): Promise<string> {
  const [program] = argv;
  const said = { stdout: '', stderr: '' };
  const outcome = await runHostCommand({
    argv,
    env: toolEnvironment(),
    signal: options.signal,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    onOutput: ({ stream, text }) => void (said[stream] += text),
  }).catch((error: unknown) => {
    throw error instanceof SpawnError && error.code === 'ENOENT' ? programMissing(program) : error;
  });
  if (options.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
  if (outcome.type === 'exited' && outcome.code === 0) return said.stdout;
  const excerpt = said.stderr.split('\n').filter((line) => line.trim() !== '');
  const full = excerpt.some((line) => line.includes('No space left on device'));
  throw new FailureError({
    reason: full ? 'disk-full' : options.reason,
    message: `${program} failed: ${excerpt.at(-1) ?? outcome.type}`,
    excerpt: excerpt.slice(-10),
  });
}

export function programMissing(program: string): FailureError {
  return new FailureError({
    reason: 'tool-missing',
    message: `${program} is not installed`,
    hint: '`imgpipe doctor` tells what is missing and how to install it.',
  });
}
