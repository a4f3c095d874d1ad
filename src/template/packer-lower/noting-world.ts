import { createHash, randomBytes } from 'node:crypto';
import type { Surroundings } from './packer-build.ts';

/** Clock, dice and environment of a run, which note whether anything looked at what differs from run to run. */
export interface NotingWorld {
  readonly world: Surroundings['world'];
  readonly used: () => boolean;
}

/** The variable of the environment that names the run. */
const RUN_ID = 'PACKER_RUN_UUID';

type Environment = NonNullable<Surroundings['world']['environment']>;

/**
 * @param now the time of the run, the same for every look
 * @param environment that of the run, with the name of the run in it
 */
export function notingWorld(now: Date, environment?: Environment): NotingWorld {
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
      ...(environment && { environment: noting(environment, () => (used = true)) }),
    },
    used: () => used,
  };
}

function noting(environment: Environment, note: () => void): Environment {
  const id = environment[RUN_ID];
  return Object.defineProperty({ ...environment }, RUN_ID, {
    enumerable: true,
    get: () => {
      note();
      return id;
    },
  });
}

/** Another clock, every field of which differs, other dice and another run: what is not the same with these differs from run to run. */
export function otherWorld({ now, environment }: Surroundings['world']): Surroundings['world'] {
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
    ...(environment && { environment: { ...environment, [RUN_ID]: 'another run' } }),
  };
}
