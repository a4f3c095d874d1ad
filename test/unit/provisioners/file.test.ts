import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { fileKind } from '../../../src/provisioners/file.ts';
import { substitute } from '../../../src/provisioners/file/substitute.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';
import { stepRunContext } from '../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

async function entries(options: Record<string, unknown>, directory = '/none') {
  const result = await fileKind.entries?.(optionsOf(fileKind, options), stepRunContext(directory));
  if (result === undefined) throw new Error('no entries');
  return result;
}

/** A tree with an executable, a link, an empty folder and an editor's left-over, made with an unusual umask. */
function tree(): string {
  const root = temporaryFolder();
  mkdirSync(join(root, 'site/empty'), { recursive: true });
  mkdirSync(join(root, 'site/bin'), { mode: 0o700 });
  writeFileSync(join(root, 'site/index.html'), 'hello {{ who }}', { mode: 0o600 });
  writeFileSync(join(root, 'site/bin/run'), '#!/bin/sh\n');
  chmodSync(join(root, 'site/bin/run'), 0o700);
  writeFileSync(join(root, 'site/index.html.swp'), 'x');
  symlinkSync('index.html', join(root, 'site/default.html'));
  return root;
}

test('modes are those written, or 0644 and 0755 by the executable bit', async () => {
  const root = tree();
  const found = unwrap(await entries({ path: '/srv/www/', source: 'site', exclude: ['**/*.swp'] }, root));
  expect(found.map((entry) => [entry.path, entry.type, 'mode' in entry ? entry.mode : undefined])).toEqual([
    ['/srv/www/bin/run', 'file', 0o755],
    ['/srv/www/default.html', 'symlink', undefined],
    ['/srv/www/empty', 'directory', 0o755],
    ['/srv/www/index.html', 'file', 0o644],
  ]);
  const stated = unwrap(await entries({ path: '/srv/a', source: 'site/index.html', mode: '0440' }, root));
  expect(stated).toMatchObject([{ path: '/srv/a', mode: 0o440 }]);
});

test('folders of a tree are entries only when something is said about them', async () => {
  const root = tree();
  const found = unwrap(
    await entries({ path: '/srv', source: 'site', owner: 'www-data', dirMode: '0750' }, root),
  );
  const folders = found.filter((entry) => entry.type === 'directory');
  expect(folders.map((entry) => [entry.path, entry.mode, entry.owner])).toEqual([
    ['/srv', 0o750, 'www-data'],
    ['/srv/bin', 0o750, 'www-data'],
    ['/srv/empty', 0o750, 'www-data'],
  ]);
});

test('a template is filled; an unknown name is an error with its line and the nearest name', async () => {
  const root = tree();
  const good = unwrap(
    await entries({ path: '/a', source: 'site/index.html', variables: { who: 'you' } }, root),
  );
  expect(good).toMatchObject([{ content: { type: 'text', text: 'hello you' } }]);
  const failures = failuresOf(
    await entries({ path: '/a', content: 'x\n{{ hwo }}\n', variables: { who: 'you' } }),
  );
  expect(failures).toMatchObject([
    {
      reason: 'template-invalid',
      message: 'content, line 2: unknown variable "hwo"',
      hint: 'Did you mean "who"?',
    },
  ]);
});

test('braces survive as literals and where they are no template', async () => {
  expect(unwrap(substitute('{{ "{{" }} a }} {b} {{a}}', { a: 1 }, 't'))).toBe('{{ a }} {b} 1');
  expect(unwrap(await entries({ path: '/a', content: '{{ as it is }}' }))).toMatchObject([
    { content: { text: '{{ as it is }}' } },
  ]);
});

test('a value that looks like a template is not filled again', () => {
  expect(unwrap(substitute('{{ a }}', { a: '{{ b }}', b: 'no' }, 't'))).toBe('{{ b }}');
});

test('links, folders and deletions', async () => {
  const files = [
    { path: '/a', symlink: '../b' },
    { path: '/c', directory: true, mode: '2750', group: 7 },
    { path: '/d', remove: true },
  ];
  expect(unwrap(await entries({ files }))).toEqual([
    { type: 'symlink', path: '/a', target: '../b', owner: 0, group: 0 },
    { type: 'directory', path: '/c', mode: 0o2750, owner: 0, group: 7 },
    { type: 'remove', path: '/d' },
  ]);
});

test('a missing source names the option and the path', async () => {
  const failures = failuresOf(await entries({ files: [{ path: '/a', source: 'gone' }] }, '/nowhere'));
  expect(failures).toMatchObject([
    { reason: 'input-missing', message: 'files[0].source: /nowhere/gone does not exist' },
  ]);
});

test('inputs leave mode bits out of the key when the mode is written', () => {
  const inputs = (options: Record<string, unknown>) =>
    fileKind.inputs?.(optionsOf(fileKind, options), stepRunContext('/t'));
  expect(inputs({ path: '/a', source: 's', mode: '0600' })).toEqual([
    { path: '/t/s', type: 'any', option: 'source', modes: false },
  ]);
  expect(inputs({ path: '/a', source: 's', exclude: ['x'] })).toEqual([
    { path: '/t/s', type: 'any', option: 'source', modes: true, exclude: ['x'] },
  ]);
});
