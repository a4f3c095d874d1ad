import type { Lock } from '../freshness/lock-file.ts';
import type { CacheUse } from './api.ts';
import type { CompiledProject } from './compile.ts';
import type { Session } from './session.ts';

/** The project with package lists grown from cached parts of them, where that is wanted and the cache is used at all. */
export async function growWhenWanted(
  session: Session,
  compiled: CompiledProject,
  use: CacheUse,
  lock?: Lock,
): Promise<CompiledProject> {
  if (use.noCache || !(use.grow ?? session.config.packages.grow)) return compiled;
  const { growPackages } = await import('./grow-packages.ts');
  return await growPackages(session, compiled, lock);
}
