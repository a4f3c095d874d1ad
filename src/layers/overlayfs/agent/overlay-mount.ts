import { readFileSync } from 'node:fs';
import { FailureError } from '../../../diagnostics/failure.ts';
import { runTool } from './host-tool.ts';

/** The kernel takes 500 (OVL_MAX_STACK); the shim layer and the empty bottom need room too. */
export const MOST_LAYERS = 480;

/** mount(2) takes one page of options and cuts off the rest without a word. */
const MOST_OPTION_BYTES = 4095;

export interface OverlayMount {
  /** Folder from which the other paths start: short relative names keep the options within one page. */
  readonly cwd: string;
  /** Topmost first. */
  readonly lower: readonly string[];
  /** Left out for a read-only mount. */
  readonly upper?: string;
  readonly work?: string;
  /** Absolute. */
  readonly target: string;
}

/**
 * Mounts an overlay and makes sure that the kernel uses every layer.
 *
 * `userxattr` always, so that stores of root and of ordinary users have one format; `index` and `xino` off, so that
 * the upper tree is the same on every file system; `volatile`, because an active layer is lost in a crash anyway and
 * unmounting would otherwise write out all that is dirty on the store's file system.
 */
export async function mountOverlay({ cwd, lower, upper, work, target }: OverlayMount): Promise<void> {
  const writable = upper === undefined || work === undefined ? [] : [`upperdir=${upper}`, `workdir=${work}`];
  const layers = [`lowerdir=${lower.join(':')}`, ...writable];
  const volatile = upper === undefined ? [] : ['volatile'];
  const options = ['userxattr', 'index=off', 'xino=off', ...volatile, ...layers].join(',');
  if (options.length > MOST_OPTION_BYTES) throw new Error(`overlay options of ${options.length} bytes`);
  const mode = upper === undefined ? ['-r'] : [];
  try {
    await runTool(['mount', ...mode, '-t', 'overlay', '-o', options, 'overlay', target], cwd);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new FailureError({
      reason: 'permission-denied',
      message: `the overlay of ${lower.length} layers cannot be mounted: ${cause}`,
      hint: 'imgpipe needs Linux 5.11 or newer, and a cache folder on a file system that overlayfs can use (ext4, xfs, btrfs, tmpfs).',
      cause: error,
    });
  }
  const mounted = mountOptions(target);
  const missing = layers.filter((option) => !mounted.includes(option));
  if (missing.length > 0)
    throw new Error(`the kernel did not take ${missing.join(',')} but ${mounted.join(',')}`);
}

/** Super-block options of what is mounted at a path (proc(5), /proc/PID/mountinfo, after the dash). */
function mountOptions(target: string): string[] {
  const escaped = target.replace(/[\s\\]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const line = lines.findLast((candidate) => candidate.split(' ')[4] === escaped);
  return (line?.split(' - ')[1]?.split(' ')[2] ?? '').split(',');
}
