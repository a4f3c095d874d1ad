import { runHostCommand } from '../../../util/exec.ts';

/** Runs a small program of the host to its end. @throws Error with what it printed when it fails */
export async function runTool(argv: readonly string[], cwd?: string): Promise<void> {
  let output = '';
  const outcome = await runHostCommand({
    argv,
    // Newer versions of mount(8) would pass layers through fsconfig(2), which takes 256 bytes at most.
    env: {
      PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C',
      LIBMOUNT_FORCE_MOUNT2: 'always',
    },
    ...(cwd === undefined ? {} : { cwd }),
    signal: new AbortController().signal,
    onOutput: ({ text }) => {
      output += text;
    },
  });
  if (outcome.type !== 'exited' || outcome.code !== 0) throw new Error(`${argv.join(' ')}: ${output.trim()}`);
}
