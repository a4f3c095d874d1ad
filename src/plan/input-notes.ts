import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FileNote, InputNotes } from '../cache/input-notes.ts';
import { changedLines, compareUpTo } from '../util/compare-lines.ts';
import { linesPhrase } from './explain-options.ts';
import type { InputFile } from './input-digest.ts';

/** Larger files are noted without lines. */
const LARGEST_TEXT = 128 * 1024;
/** Lines of one node's inputs that are noted at most; the rest are noted as files. */
const MOST_LINES = 10_000;
/** Inputs of more files are not noted at all. */
const MOST_FILES = 1000;
/** Above so many changed lines a file is another one. */
const MOST_CHANGED = 200;
const HASH_BYTES = 4;
const NAMED = 3;

/**
 * Notes which files and lines the inputs of a node had, as keyed hashes: enough to say later which lines changed, and
 * nothing that would tell what they hold.
 * @param key the store's own key
 */
export function takeNotes(
  inputs: readonly (readonly [option: string, files: readonly InputFile[]])[],
  key: Uint8Array,
): InputNotes | undefined {
  let lines = 0;
  let count = 0;
  const notes: Record<string, Record<string, FileNote>> = {};
  for (const [option, files] of inputs) {
    count += files.length;
    if (count > MOST_FILES) return undefined;
    notes[option] = Object.fromEntries(
      files.map((file) => {
        const hashes = lines < MOST_LINES ? hashLines(file, key) : undefined;
        lines += hashes?.length ?? 0;
        return [
          file.path,
          { digest: keyed(key, file.digest), ...(hashes === undefined ? {} : { lines: hashes.join('') }) },
        ];
      }),
    );
  }
  return notes;
}

/** In which files and lines an input differs from what was noted; undefined where notes are missing or say nothing. */
export function explainInput(
  before: Readonly<Record<string, FileNote>> | undefined,
  after: Readonly<Record<string, FileNote>> | undefined,
): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changes = paths.flatMap((path) => explainFile(path, before[path], after[path]) ?? []);
  if (changes.length === 0) return undefined;
  const rest = changes.length - NAMED;
  return `${changes.slice(0, NAMED).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}

function explainFile(
  path: string,
  before: FileNote | undefined,
  after: FileNote | undefined,
): string | undefined {
  if (before?.digest === after?.digest && before?.lines === after?.lines) return undefined;
  if (before === undefined) return `${path} is new`;
  if (after === undefined) return `${path} is gone`;
  const places = linePlaces(before.lines, after.lines);
  return [path, places].filter((part) => part !== undefined && part !== '').join(', ') || undefined;
}

function linePlaces(before: string | undefined, after: string | undefined): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  const edits = compareUpTo(split(before), split(after), MOST_CHANGED);
  if (edits === undefined) return 'most lines';
  const places = changedLines(edits).map(linesPhrase);
  const rest = places.length - NAMED;
  return `${places.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more places` : ''}`;
}

function hashLines(file: InputFile, key: Uint8Array): readonly string[] | undefined {
  if (file.size > LARGEST_TEXT) return undefined;
  const bytes = readFileSync(file.file);
  if (bytes.includes(0)) return undefined;
  return bytes
    .toString('latin1')
    .split('\n')
    .map((line) => keyed(key, line, HASH_BYTES));
}

const split = (lines: string): string[] => lines.match(new RegExp(`.{${2 * HASH_BYTES}}`, 'g')) ?? [];

function keyed(key: Uint8Array, text: string, bytes = 16): string {
  return createHmac('sha256', key)
    .update(text)
    .digest('hex')
    .slice(0, 2 * bytes);
}
