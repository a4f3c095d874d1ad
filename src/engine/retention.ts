import { existsSync, lstatSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { temporaryName } from '../util/temporary-name.ts';

/** What a pipeline's output folder remembers of exports whose older versions are deleted: `.imgpipe-history.json`. */
const historySchema = z.object({
  version: z.literal(1),
  /** By export: names of the files of each version, the newest last. The first name is the export's own file. */
  exports: z.record(z.string(), z.array(z.array(z.string()).min(1))),
});
type History = z.output<typeof historySchema>;

const HISTORY = '.imgpipe-history.json';

/** Names of files as they stand after a build. */
export interface ExportVersion {
  readonly export: string;
  /** Base names; the export's own file first, when it is in the folder. */
  readonly files: readonly string[];
  readonly keep?: number;
  /** Name of the link to the first file. */
  readonly latest?: string;
}

/**
 * Notes the versions of exports that have `keep`, deletes files of the oldest ones, and sets the links to the newest.
 * Only names that an earlier build noted are deleted, and none that a present export has.
 * @throws the file system's own error
 */
export function keepVersions(folder: string, versions: readonly ExportVersion[]): void {
  const history = readHistory(folder);
  const built = new Set(versions.map((version) => version.export));
  // Exports that this build left out keep what they have.
  const others = Object.entries(history.exports).filter(([name]) => !built.has(name));
  const exports: Record<string, string[][]> = Object.fromEntries(others);
  const present = new Set([
    ...versions.flatMap(({ files, latest }) => [...files, latest ?? '']),
    ...others.flatMap(([, list]) => list.flat()),
  ]);
  for (const { export: name, files, keep } of versions) {
    if (keep === undefined || files.length === 0) continue;
    const known = history.exports[name] ?? [];
    const older = known.filter(([file]) => file !== files[0]);
    // A build of a part of the post-processors knows a part of the files.
    const same = known.filter(([file]) => file === files[0]).flat();
    const all = [...older, [...new Set([...files, ...same])]];
    const kept = all.slice(-keep);
    exports[name] = kept;
    const stays = new Set([...present, ...kept.flat()]);
    for (const file of all.slice(0, -keep).flat()) {
      if (!stays.has(file) && file === basename(file))
        rmSync(join(folder, file), { force: true, recursive: true });
    }
  }
  for (const { files, latest } of versions) {
    if (latest !== undefined && files[0] !== undefined) link(join(folder, latest), files[0]);
  }
  if (Object.keys(exports).length > 0 || existsSync(join(folder, HISTORY)))
    writeFileAtomic(
      join(folder, HISTORY),
      `${JSON.stringify({ version: 1, exports } satisfies History, undefined, 2)}\n`,
    );
}

function readHistory(folder: string): History {
  try {
    return historySchema.parse(JSON.parse(readFileSync(join(folder, HISTORY), 'utf8')));
  } catch {
    // Without a readable one nothing is deleted.
    return { version: 1, exports: {} };
  }
}

/** A relative symbolic link, replaced by a rename so that it leads somewhere at every moment. */
function link(path: string, target: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isSymbolicLink() === true && readlinkSync(path) === target) return;
  const temporary = temporaryName(path);
  symlinkSync(target, temporary);
  renameSync(temporary, path);
}
