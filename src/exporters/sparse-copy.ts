import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { runTool, type ToolContext } from './run-tool.ts';

/**
 * Copies a file and leaves its holes holes. Shares the blocks instead where the file system can (btrfs, xfs, bcachefs);
 * measured on ext4, cp takes 0.2 s for 400 MB in the page cache, and nothing portable is faster.
 * @throws FailureError `disk-full`, `reason`
 */
export async function copySparse(
  context: ToolContext,
  from: string,
  to: string,
  reason: FailureReason,
): Promise<void> {
  await runTool(context, { argv: ['cp', '--sparse=auto', '--reflink=auto', '--', from, to], reason });
}
