import type { LatestRecord } from '../cache/action-record.ts';
import type { InputNotes } from '../cache/input-notes.ts';
import type { ArchiveState, KeyInputs } from '../cache/key-inputs.ts';
import type { NodeId } from '../model/ids.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import { explainOptions } from './explain-options.ts';
import { explainInput } from './input-notes.ts';

/** One input that differs from the last time the node ran. */
export interface Change {
  /** What changed, in a phrase: ``option `content` changed``. */
  readonly what: string;
  /** Old and new value where they are short enough to show. */
  readonly before?: string;
  readonly after?: string;
}

/**
 * Names every input in which a node differs from its last record. Empty when nothing differs, which means that the
 * result is no longer in the cache.
 * @param below digests of the layers below by node as they are now, when known
 * @param notes what the host files hold now; asked for only when one has changed
 */
export function explainChanges(
  now: KeyInputs,
  last: LatestRecord,
  below: Readonly<Record<NodeId, string>> | undefined,
  notes: () => InputNotes | undefined = () => undefined,
): Change[] {
  const then = last.inputs;
  const changes: Change[] = [];
  if (now.kind !== then.kind)
    changes.push({ what: 'kind of step changed', before: then.kind, after: now.kind });
  if (now.keyVersion !== then.keyVersion)
    changes.push({ what: 'imgpipe makes this kind of step differently now' });
  if (now.code !== then.code) changes.push({ what: 'the code of its plugin changed' });
  // The seal's options are what it found to delete: a consequence of the layers below, not a cause.
  const options = now.kind === 'seal' ? [] : explainOptions(then.options, now.options);
  changes.push(...options);
  const moved = differing(then.inputs ?? {}, now.inputs ?? {});
  const notesNow = moved.length === 0 ? undefined : notes();
  for (const [name] of moved) {
    const where = explainInput(last.notes?.[name], notesNow?.[name]);
    changes.push({ what: `content of \`${name}\` changed${where === undefined ? '' : `: ${where}`}` });
  }
  for (const [name] of differing(then.secrets ?? {}, now.secrets ?? {})) {
    changes.push({ what: `secret \`${name}\` changed` });
  }
  changes.push(...changedArchives(then.archives ?? {}, now.archives ?? {}));
  for (const [name, before, after] of differing(then.tools ?? {}, now.tools ?? {})) {
    changes.push({ what: `another version of ${name}`, before: short(before), after: short(after) });
  }
  if (!equal(then.platform, now.platform))
    changes.push({ what: 'platform changed', before: short(then.platform), after: short(now.platform) });
  if (then.sourceDateEpoch !== now.sourceDateEpoch) {
    changes.push({
      what: '`sourceDateEpoch` changed',
      before: short(then.sourceDateEpoch),
      after: short(now.sourceDateEpoch),
    });
  }
  if (then.below !== undefined && now.below !== undefined && then.below !== now.below) {
    changes.push(...changedLayers(last, below));
  }
  if (now.placement !== undefined && then.placement !== undefined && !equal(then.placement, now.placement)) {
    changes.push({ what: 'folders or owners it writes to changed below' });
  }
  // Of a node that waits for others neither is known.
  if (now.from !== undefined || then.from === undefined) {
    for (const [name, before, after] of differing(then.reads ?? {}, now.reads ?? {}))
      changes.push({ what: `${name} changed`, before: short(before), after: short(after) });
    if (then.from !== now.from) changes.push({ what: 'the image changed' });
  }
  if (now.disk !== undefined && !equal(then.disk, now.disk)) changes.push(...changedDisk(then, now));
  return changes;
}

/** Archives that hold something else, or are read from another place, by the name in `imgpipe.lock`. */
function changedArchives(
  then: Readonly<Record<string, readonly ArchiveState[]>>,
  now: Readonly<Record<string, readonly ArchiveState[]>>,
): Change[] {
  return differing(then, now).map(([name]) => {
    const old = new Map(then[name]?.map((state) => [state.suite, state]));
    const suites = (now[name] ?? []).filter((state) => !equal(old.get(state.suite), state));
    const named = suites.map(({ suite }) => suite).join(', ');
    return { what: `archive ${name} moved${named === '' ? '' : ` (${named})`}` };
  });
}

function changedLayers(last: LatestRecord, below: Readonly<Record<string, string>> | undefined): Change[] {
  if (below === undefined || last.below === undefined) return [{ what: 'a layer below changed' }];
  const names = differing(last.below, below).map(([node, before, after]) => {
    const step = node.slice(node.indexOf('/') + 1);
    return before === undefined
      ? `${step} was added`
      : after === undefined
        ? `${step} was removed`
        : `${step} changed`;
  });
  return [
    { what: names.length === 0 ? 'the order of the layers below changed' : `below: ${names.join(', ')}` },
  ];
}

function changedDisk(then: KeyInputs, now: KeyInputs): Change[] {
  if (!equal(then.disk?.spec, now.disk?.spec)) {
    return [{ what: 'disk layout changed', before: short(then.disk?.spec), after: short(now.disk?.spec) }];
  }
  const old = new Set(then.disk?.layers.map((layer) => layer.digest));
  const count = now.disk?.layers.filter((layer) => !old.has(layer.digest)).length ?? 0;
  return [
    {
      what:
        count === 0 ? 'layers were removed or reordered' : `${count} layer${count === 1 ? '' : 's'} changed`,
    },
  ];
}

function differing(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): [string, unknown, unknown][] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => !equal(before[name], after[name]))
    .map((name) => [name, before[name], after[name]]);
}

function equal(a: unknown, b: unknown): boolean {
  return canonicalJson([a]) === canonicalJson([b]);
}

function short(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
