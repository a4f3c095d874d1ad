import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { InputFile } from '../../../src/plan/input-digest.ts';
import { explainInput, takeNotes } from '../../../src/plan/input-notes.ts';
import { sha256Hex } from '../../../src/util/hash.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const KEY = new Uint8Array(32).fill(7);

function notesOf(files: Readonly<Record<string, string>>, key = KEY) {
  const folder = temporaryFolder();
  const inputs = Object.entries(files).map(([path, text]): InputFile => {
    const file = join(folder, path === '' ? 'single' : path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return { path, file, size: Buffer.byteLength(text), digest: sha256Hex(text) };
  });
  return takeNotes([['source', inputs]], key)?.['source'];
}

const explain = (before: Record<string, string>, after: Record<string, string>) =>
  explainInput(notesOf(before), notesOf(after));

const TEXT = 'one\ntwo\nthree\nfour\n';

test.each<[string, string, string]>([
  ['a changed line', 'one\ntwo\nTHREE\nfour\n', 'line 3'],
  ['added lines', `zero\nhalf\n${TEXT}`, 'lines 1-2'],
  ['a removed line', 'one\nthree\nfour\n', 'after line 1'],
  ['several places', 'ONE\ntwo\nthree\nFOUR\n', 'line 1, line 4'],
  ['another text', 'x\n'.repeat(900), 'most lines'],
])('%s', (_, after, phrase) => {
  expect(explain({ '': TEXT }, { '': after })).toBe(phrase);
});

test('names files of a tree', () => {
  const before = { 'a.conf': TEXT, 'b/c': 'x', gone: '', 'logo.png': '\0a' };
  const after = { 'a.conf': 'one\n2\nthree\nfour\n', 'b/c': 'x', new: '', 'logo.png': '\0b' };
  expect(explain(before, after)).toBe('a.conf, line 2; gone is gone; logo.png; and 1 more');
  expect(explain(before, before)).toBeUndefined();
});

test('large files are noted without lines, large trees not at all', () => {
  const large = 'x'.repeat(200_000);
  expect(notesOf({ '': large })?.['']?.lines).toBeUndefined();
  expect(explain({ a: large }, { a: `${large}y` })).toBe('a');
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`f${at}`, '']));
  expect(notesOf(many)).toBeUndefined();
  expect(explainInput(undefined, notesOf({ '': TEXT }))).toBeUndefined();
});

test('nothing of the content is in the notes, nor can it be guessed without the key', () => {
  const notes = JSON.stringify(notesOf({ '': 'password\n' }));
  expect(notes).not.toContain('password');
  expect(notes).not.toBe(JSON.stringify(notesOf({ '': 'password\n' }, new Uint8Array(32))));
});
