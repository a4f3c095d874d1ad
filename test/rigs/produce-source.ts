import { mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { unwrap } from '../../src/diagnostics/failure.ts';
import type { CommitRules } from '../../src/layers/workspace.ts';
import type { LayerRef } from '../../src/model/layer.ts';
import { hostArchitecture } from '../../src/model/platform.ts';
import { DEFAULT_DROPS } from '../../src/provisioners/default-drops.ts';
import type { SourceKind } from '../../src/sources/source.ts';
import { EPOCH, type WorkspaceRig } from './workspace.ts';

export const COMMIT_RULES: CommitRules = { sourceDateEpoch: EPOCH, drop: DEFAULT_DROPS };

/** A folder of the rig's store for a cache mount's id. */
export function cacheFolder(rig: WorkspaceRig, id: string): Promise<string> {
  const folder = join(rig.workspace.storeDirectory, 'mounts', id);
  mkdirSync(folder, { recursive: true });
  return Promise.resolve(folder);
}

/** Runs a source and commits its layer. Relative paths start at `directory`. @throws FailureError of the source */
export async function produceSource(
  rig: WorkspaceRig,
  kind: SourceKind,
  options: Record<string, unknown>,
  directory = '/',
): Promise<{ layer: LayerRef; log: readonly string[] }> {
  const log: string[] = [];
  const target = await rig.workspace.activate([]);
  const scratch = join(rig.workspace.storeDirectory, 'active', `scratch-${target.id}`);
  mkdirSync(scratch, { recursive: true });
  try {
    if (kind.produce === undefined) throw new Error(`${kind.type} fills no layer`);
    const result = await kind.produce(kind.schema.parse(options), {
      resolvePath: (path) => (isAbsolute(path) ? path : join(directory, path)),
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      signal: new AbortController().signal,
      workspace: rig.workspace,
      target,
      scratch,
      cacheFolder: (id) => cacheFolder(rig, id),
      log: (line) => log.push(line),
      progress: () => undefined,
    });
    unwrap(result);
    return {
      layer: await rig.workspace.commit(target, {
        ...COMMIT_RULES,
        drop: [...DEFAULT_DROPS, ...(kind.drop ?? [])],
      }),
      log,
    };
  } catch (error) {
    await rig.workspace.discard(target);
    throw error;
  } finally {
    await rig.workspace.remove(scratch);
  }
}
