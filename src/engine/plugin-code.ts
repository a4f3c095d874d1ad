import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';

/** Endings that an import may leave out. */
const ENDINGS = [
  '',
  '.js',
  '.ts',
  '.mjs',
  '.mts',
  '.cjs',
  '.cts',
  '.json',
  '/index.js',
  '/index.ts',
  '/index.mjs',
];
/** Modules whose code refers to others. */
const IS_CODE = /\.[cm]?[jt]s$/;
/** Texts in quotes that may name a file beside the module, and those that may name a package. */
const RELATIVE = /(["'`])(\.\.?\/[^"'`\n]+)\1/g;
const PACKAGE = /(["'`])([@\w][@\w./-]*)\1/g;

/**
 * Digest of the code of a plugin: its module, all files that it and they name by relative paths (imports at any time,
 * assets), and name and version of installed packages. Found by looking at texts in quotes, so that what is imported
 * later counts as well; files that are named by a computed path, or by `imports` of a package.json, are not found.
 */
export function codeDigest(entry: string): string {
  const found = new Map<string, string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    const path = realpathSync(file);
    if (found.has(path)) continue;
    const content = readFileSync(path);
    found.set(path, createHash('sha256').update(content).digest('hex'));
    if (IS_CODE.test(path)) queue.push(...named(content.toString('utf8'), path, found));
  }
  // Without the folders above: another checkout has the same code.
  const root = dirname(realpathSync(entry));
  const lines = [...found].map(([path, digest]) => `${path.replace(`${root}/`, '')} ${digest}`);
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

/** Files that a module names; installed packages are noted with their versions. */
function named(text: string, path: string, found: Map<string, string>): string[] {
  const quoted = [RELATIVE, PACKAGE].flatMap((pattern) => [...text.matchAll(pattern)]);
  const names = new Set(quoted.map(([, , name = '']) => name));
  return [...names].flatMap((name) => {
    if (name.startsWith('.')) return fileAt(resolve(dirname(path), name));
    if (isBuiltin(name) || /^imgpipe(\/|$)/.test(name)) return [];
    return isImported(text, name) ? packageAt(name, path, found) : [];
  });
}

function fileAt(path: string): string[] {
  // `./step.js` may stand for `step.ts`.
  const names = [...ENDINGS.map((ending) => path + ending), path.replace(/js$/, 'ts')];
  const file = names.find((name) => statSync(name, { throwIfNoEntry: false })?.isFile() === true);
  return file === undefined ? [] : [file];
}

const isImported = (text: string, name: string): boolean =>
  new RegExp(`(?:from|import|require)\\s*\\(?\\s*["'\`]${name.replaceAll('.', '\\.')}["'\`]`).test(text);

function packageAt(name: string, importer: string, found: Map<string, string>): string[] {
  let file: string;
  try {
    file = realpathSync(createRequire(importer).resolve(name));
  } catch {
    // Types only, or not installed: importing it would have failed.
    return [];
  }
  // A package of the same workspace is code that changes without a version.
  if (!file.includes('/node_modules/')) return [file];
  for (let folder = dirname(file); folder !== '/'; folder = dirname(folder)) {
    const description = join(folder, 'package.json');
    if (!existsSync(description)) continue;
    const { name: own, version } = JSON.parse(readFileSync(description, 'utf8')) as Record<string, unknown>;
    if (typeof version !== 'string') continue;
    found.set(`package ${String(own)}`, version);
    break;
  }
  return [];
}
