import type { CliContext } from '../context.ts';

/** All that standard input holds; a terminal holds nothing. */
export async function readStdin(context: CliContext): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of context.stdin) {
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer));
  }
  return Buffer.concat(chunks);
}
