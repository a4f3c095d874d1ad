import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, type AnyNode } from 'acorn';
import { describe, expect, it } from 'vitest';
import { stripTypes } from '../../src/schema/module-file.ts';

/**
 * Rooms from the leaves up: a room imports from itself and from those before it. `model` holds types without
 * behaviour and stands so low that events may name what they are about.
 */
const ROOMS = [
  'util',
  'diagnostics',
  'model',
  'events',
  'schema',
  'config',
  'template',
  'graph',
  'layers',
  'cache',
  'sources',
  'communicators',
  'builders',
  'provisioners',
  'exporters',
  'post-processors',
  'checks',
  'freshness',
  'plan',
  'executor',
  'scheduler',
  'report',
  'builtins',
  'engine',
  'ui',
  'cli',
  'worker',
  'index',
];

/** Packages that one room alone may import. */
const ONLY_IN: Readonly<Record<string, string>> = {
  '@dagrejs/graphlib': 'src/graph/',
  ssh2: 'src/communicators/ssh',
  cosmiconfig: 'src/config/',
  commander: 'src/cli/',
  ink: 'src/ui/ink/',
  react: 'src/ui/ink/',
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const files = globSync('src/**/*.{ts,tsx}', { cwd: root }).toSorted();

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Erased at run time. */
  readonly isType: boolean;
}

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

/** Every import and re-export of a file, also of types and `import()`; comments and strings do not count. */
function importsOf(file: string): Import[] {
  const text = read(file);
  const found: Import[] = [];
  // Type-only imports are blanked when types are stripped, so they are read from the text itself.
  const typeOnly = /^(?:import|export) type\b[^;'"]*?from '([^']+)'/gm;
  for (const match of text.matchAll(typeOnly))
    found.push({ from: file, specifier: match[1] ?? '', isType: true });
  for (const match of text.matchAll(/\btypeof import\('([^']+)'\)|(?<![\w.])import\('([^']+)'\)\./g)) {
    found.push({ from: file, specifier: match[1] ?? match[2] ?? '', isType: true });
  }
  if (file.endsWith('.tsx')) {
    for (const match of text.matchAll(/^(?:import|export)(?! type)\b[^;'"]*?'([^']+)'/gm)) {
      found.push({ from: file, specifier: match[1] ?? '', isType: false });
    }
    return found;
  }
  const program = parse(stripTypes(file, text), {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
  });
  for (const node of walk(program)) {
    const isImport =
      node.type === 'ImportDeclaration' ||
      node.type === 'ExportAllDeclaration' ||
      node.type === 'ExportNamedDeclaration' ||
      node.type === 'ImportExpression';
    if (!isImport || node.source?.type !== 'Literal') continue;
    found.push({ from: file, specifier: String(node.source.value), isType: false });
  }
  return found;
}

function* walk(node: AnyNode): Generator<AnyNode> {
  yield node;
  for (const value of Object.values(node) as unknown[]) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof child === 'object' && child !== null && 'type' in child && 'start' in child)
        yield* walk(child as AnyNode);
    }
  }
}

/** `src/plan/plan.ts` is in room plan, `src/engine.ts` in room engine. */
const roomOf = (file: string): string => (file.split('/')[1] ?? '').replace(/\.tsx?$/, '');

const imports = files.flatMap(importsOf);
const own = imports.filter(({ specifier }) => specifier.startsWith('.'));
const target = ({ from, specifier }: Import): string => path.join(path.dirname(from), specifier);

describe('the rooms', () => {
  it('are those of the list', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  it('import upwards only', () => {
    const wrong = own
      .filter((each) => ROOMS.indexOf(roomOf(target(each))) > ROOMS.indexOf(roomOf(each.from)))
      .map((each) => `${each.from} -> ${target(each)}${each.isType ? ' (type)' : ''}`);
    expect(wrong).toEqual([]);
  });

  it('import by relative paths with the ending of the file', () => {
    const wrong = own
      .filter(({ specifier }) => !/\.tsx?$/.test(specifier))
      .map((each) => `${each.from}: ${each.specifier}`);
    expect(wrong).toEqual([]);
  });
});

describe('packages', () => {
  it.each(Object.entries(ONLY_IN))('only %s imports from %s', (name, folder) => {
    const wrong = imports
      .filter(({ specifier, isType }) => !isType && (specifier === name || specifier.startsWith(`${name}/`)))
      .filter(({ from }) => !from.startsWith(folder))
      .map(({ from }) => from);
    expect(wrong).toEqual([]);
  });

  it('are declared', () => {
    const { dependencies = {} } = JSON.parse(read('package.json')) as {
      dependencies?: Record<string, string>;
    };
    const used = imports
      .filter(
        ({ specifier, isType }) => !isType && !specifier.startsWith('.') && !specifier.startsWith('node:'),
      )
      .map(({ specifier }) =>
        specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    expect([...new Set(used)].filter((name) => !(name in dependencies))).toEqual([]);
  });
});

describe('nobody prints', () => {
  it('outside ui and cli', () => {
    const wrong = files
      .filter((file) => !['ui', 'cli'].includes(roomOf(file)) && !file.endsWith('.tsx'))
      .flatMap((file) => printing(file));
    expect(wrong).toEqual([]);
  });
});

/** Uses of `console` and of the process's own streams. */
function printing(file: string): string[] {
  const program = parse(stripTypes(file, read(file)), {
    ecmaVersion: 'latest',
    sourceType: 'module',
    allowHashBang: true,
    locations: true,
  });
  return [...walk(program)].flatMap((node) => {
    if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return [];
    const name = node.property.type === 'Identifier' ? node.property.name : '';
    const isPrint =
      node.object.name === 'console' ||
      (node.object.name === 'process' && ['stdout', 'stderr'].includes(name));
    return isPrint ? [`${file}:${node.loc?.start.line}: ${node.object.name}.${name}`] : [];
  });
}
