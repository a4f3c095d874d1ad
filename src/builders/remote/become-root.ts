import type { Communicator } from '../../communicators/communicator.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { OutputChunk } from '../../layers/workspace.ts';

/** How programs of root are started by whoever is logged in. */
export interface RootAccess {
  /** Goes before a command line. */
  readonly prefix: string;
  /** Goes before what the command reads. */
  readonly input: string;
}

/**
 * Finds out how root's programs are run: as they are when root is logged in, else by sudo(8), without a password or
 * with the one that logged in.
 * @throws FailureError `permission-denied`
 */
export async function findRootAccess(communicator: Communicator, password?: string): Promise<RootAccess> {
  // Apart: nothing says which of the two streams comes first.
  const probe = async (command: string, stdin?: string): Promise<{ stdout: string; stderr: string }> => {
    const said = { stdout: '', stderr: '' };
    const onOutput = ({ stream, text }: OutputChunk): void => void (said[stream] += text);
    await communicator.run({
      command,
      pty: false,
      onOutput,
      timeoutMs: PROBE_MS,
      ...(stdin !== undefined && { stdin }),
    });
    return { stdout: said.stdout.trim(), stderr: said.stderr.trim() };
  };
  const [uid, name = '?'] = (await probe('id -u; id -un')).stdout.split(/\s*\n/);
  if (uid === '0') return { prefix: 'exec ', input: '' };
  // Only now: looking for a sudo that root does not need takes a slow machine a while.
  const { stdout, stderr } = await probe('sudo -n id -u');
  if (stdout === '0') return { prefix: 'exec sudo -n -- ', input: '' };
  if (password !== undefined) {
    // -k: a password remembered from before would be asked for no more, and ours be read by the program.
    const prefix = "exec sudo -k -S -p '' -- ";
    const input = `${password}\n`;
    if ((await probe(`${prefix}id -u`, input)).stdout.split('\n').at(-1) === '0') return { prefix, input };
  }
  throw new FailureError({
    reason: 'permission-denied',
    message: `the machine's user ${name} cannot become root: ${stderr || stdout}`,
    hint: 'log in as root, or let the user run sudo without a password',
  });
}

const PROBE_MS = 60_000;
