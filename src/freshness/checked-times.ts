import { readFileSync } from 'node:fs';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';

/** Entry of the lock → when it was compared with its archive, in ms since 1970. */
type CheckedTimes = Readonly<Record<string, number>>;

const FORMAT: SealFormat<CheckedTimes> = 'imgpipe-checked-1';

/**
 * When each entry of the lock was last compared with its archive on this machine. Beside the lock and not in it, so that
 * the lock changes only when an archive does. Losing it costs a look-up.
 */
export function readCheckedTimes(file: string): CheckedTimes {
  try {
    return openSealedJson(FORMAT, readFileSync(file, 'utf8')) ?? {};
  } catch {
    return {};
  }
}

/** Notes that entries were compared now. A disk that cannot be written is no reason to fail. */
export function noteChecked(file: string, names: readonly string[], now: Date): void {
  if (names.length === 0) return;
  const times = Object.fromEntries(names.map((name) => [name, now.getTime()]));
  try {
    writeFileAtomic(file, sealJson(FORMAT, { ...readCheckedTimes(file), ...times }));
  } catch {
    // The next build looks again.
  }
}
