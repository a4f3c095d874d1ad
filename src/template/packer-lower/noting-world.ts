import { createHash, randomBytes } from 'node:crypto';
import type { Surroundings } from './packer-build.ts';

/** Clock and dice of a run, which note whether anything looked at them. */
export interface NotingWorld {
  readonly world: Surroundings['world'];
  readonly used: () => boolean;
}

/** @param now the time of the run, the same for every look */
export function notingWorld(now: Date): NotingWorld {
  let used = false;
  class NotingDate extends Date {
    override getTime(): number {
      used = true;
      return super.getTime();
    }
  }
  return {
    world: {
      now: new NotingDate(now),
      randomBytes: (length) => {
        used = true;
        return randomBytes(length);
      },
    },
    used: () => used,
  };
}

/** Another clock, every field of which differs, and other dice: what is not the same with these differs from run to run. */
export function otherWorld(now: Date): Surroundings['world'] {
  const days = 3 * 366 + 45;
  const other = new Date(now.getTime() + ((days * 24 + 5) * 60 + 17) * 60_000 + 13_000);
  let count = 0;
  return {
    now: other,
    randomBytes: (length) => {
      const bytes = Buffer.alloc(length);
      for (let at = 0; at < length; at += 32) {
        count += 1;
        createHash('sha256').update(`imgpipe ${count}`).digest().copy(bytes, at);
      }
      return bytes;
    },
  };
}
