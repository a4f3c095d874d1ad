import type { CliContext } from '../context.ts';

const read = new WeakMap<CliContext, Buffer>();

/** All that standard input holds; a terminal holds nothing. */
export async function readStdin(context: CliContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.stdin) {
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer));
  }
  const all = Buffer.concat(chunks);
  read.set(context, all);
  return all;
}

/** What was read of standard input before, so that messages can show its lines. */
export const stdinSoFar = (context: CliContext): Buffer | undefined => read.get(context);
