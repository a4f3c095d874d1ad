import type { ToolContext } from '../run-tool.ts';

/** Where a file system is made. */
export interface VolumeContext extends ToolContext {
  /** The disk file, with a hole for it. */
  readonly outputPath: string;
  /** Private folder, deleted by the caller. */
  readonly scratch: string;
}
