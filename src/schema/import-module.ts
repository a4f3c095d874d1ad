import { existsSync, readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as acorn from 'acorn';
import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { fail, FailureError, type Failure, type Result } from '../diagnostics/failure.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import { stripTypes } from './module-file.ts';

/** Reasons of the two ways in which a module can fail. */
export interface ImportReasons {
  readonly syntax: FailureReason;
  readonly thrown: FailureReason;
}

/** Imports a module by URL. Given by tests whose runner would transform what `import()` loads. */
export type Importer = (url: string) => Promise<unknown>;

/**
 * Imports a user's TypeScript or JavaScript module by Node's own type stripping. `import … from 'imgpipe'` in it
 * always means the running imgpipe, whether or not the project has installed one.
 */
export async function importModule(
  file: string,
  reasons: ImportReasons,
  importer: Importer = (url) => import(/* @vite-ignore */ url),
): Promise<Result<Record<string, unknown>>> {
  serveOwnPackage();
  try {
    return { ok: true, value: (await importer(pathToFileURL(file).href)) as Record<string, unknown> };
  } catch (error) {
    if (error instanceof FailureError) return fail(...error.failures);
    return fail(importFailure(file, error, reasons));
  }
}

let served = false;

function serveOwnPackage(): void {
  if (served) return;
  served = true;
  const entry = ownEntry();
  if (entry === undefined) return;
  const url = pathToFileURL(entry).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'imgpipe' ? { url, shortCircuit: true } : next(specifier, context),
  });
}

/** The public API of the running imgpipe: the source when it runs from source, else the built file. */
function ownEntry(): string | undefined {
  const self = fileURLToPath(import.meta.url);
  const inPackage = self.endsWith('.ts') ? ['src', 'index.ts'] : ['dist', 'index.mjs'];
  for (let folder = path.dirname(self); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    if (!existsSync(path.join(folder, 'package.json'))) continue;
    const entry = path.join(folder, ...inPackage);
    return existsSync(entry) ? entry : undefined;
  }
  return undefined;
}

/** What a throw while loading or calling a user's module tells its author. */
export function importFailure(file: string, error: unknown, reasons: ImportReasons): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (error instanceof SyntaxError) return syntaxFailure(file, error, reasons);
  if (code === 'ERR_MODULE_NOT_FOUND') {
    const name = /Cannot find (?:module|package) '([^']+)'/.exec(message)?.[1] ?? '';
    const from = /imported from (.+)$/m.exec(message)?.[1];
    const importer = from === undefined ? file : from.startsWith('file:') ? fileURLToPath(from) : from;
    const origin = importOf(importer, name);
    return {
      reason: reasons.syntax,
      message: `cannot find ${path.isAbsolute(name) ? 'file' : 'package'} ${JSON.stringify(name)}`,
      ...(origin === undefined ? {} : { origin }),
      hint: path.isAbsolute(name)
        ? 'Check the path; imports need the file ending.'
        : `Install it: npm install ${name}`,
      cause: error,
    };
  }
  return {
    reason: reasons.thrown,
    message: `${path.basename(file)} threw ${error instanceof Error ? error.name : 'a value'}: ${message}`,
    origin: thrownAt(error, file) ?? { file, line: 1, column: 1 },
    cause: error,
  };
}

/** The innermost place of a thrown error's stack that lies in the user's own files, `file` first. */
export function thrownAt(error: unknown, file: string): SourceRange | undefined {
  const frames = error instanceof Error ? stackFrames(error.stack ?? '') : [];
  const own = frames.filter((frame) => !frame.file.includes('/node_modules/') && path.isAbsolute(frame.file));
  return own.find((frame) => frame.file === file);
}

/** Files and places of a V8 stack, innermost first. */
export function stackFrames(stack: string): SourceRange[] {
  return stack.split('\n').flatMap((line): SourceRange[] => {
    const match = /^\s*at (?:.*\()?((?:file:\/\/)?\/.*?):(\d+):(\d+)\)?$/.exec(line);
    if (match?.[1] === undefined) return [];
    const file = match[1].startsWith('file://') ? fileURLToPath(match[1].replace(/[?#].*$/, '')) : match[1];
    return [{ file, line: Number(match[2]), column: Number(match[3]) }];
  });
}

/**
 * Node writes `file:line`, the line and carets before the stack of errors found while types are stripped. V8's own
 * errors carry no place in an API, so the file is parsed once more.
 */
function syntaxFailure(file: string, error: SyntaxError, reasons: ImportReasons): Failure {
  const head = /^(file:\/\/\S*?|\/.*?)?:(\d+)\n(?:.*\n)*?([ \t]*)(\^+)\n/.exec(error.stack ?? '');
  const base = { reason: reasons.syntax, cause: error };
  if (head !== null) {
    const named = head[1] ?? '';
    const where = named.startsWith('file://') ? fileURLToPath(named) : named === '' ? file : named;
    const column = (head[3]?.length ?? 0) + 1;
    const origin = { file: where, line: Number(head[2]), column, endColumn: column + (head[4]?.length ?? 1) };
    return { ...base, message: error.message, origin };
  }
  const { parse } = createRequire(import.meta.url)('acorn') as typeof acorn;
  try {
    const text = stripTypes(file, readFileSync(file, 'utf8'));
    parse(text, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true });
  } catch (second) {
    if (second instanceof SyntaxError && 'loc' in second) {
      const loc = second.loc as { line: number; column: number };
      const message = second.message.replace(/ \(\d+:\d+\)$/, '');
      return { ...base, message, origin: { file, line: loc.line, column: loc.column + 1 } };
    }
  }
  return {
    ...base,
    message: error.message,
    origin: missingExport(file, error) ?? { file, line: 1, column: 1 },
  };
}

/** `The requested module 'x' does not provide an export named 'y'` points at the import. */
function missingExport(file: string, error: SyntaxError): SourceRange | undefined {
  const name = /requested module '([^']+)'/.exec(error.message)?.[1];
  return name === undefined ? undefined : importOf(file, name);
}

/** The place of the import of `name`, which may be resolved already, in a module. */
function importOf(file: string, name: string): SourceRange | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const specifiers = path.isAbsolute(name) ? [path.basename(name)] : [name];
  for (const [index, line] of text.split('\n').entries()) {
    for (const specifier of specifiers) {
      const match = /(['"])([^'"]*)\1/.exec(line);
      if (!/\b(?:import|from|require)\b/.test(line) || match?.[2]?.endsWith(specifier) !== true) continue;
      return { file, line: index + 1, column: match.index + 1, endColumn: match.index + 1 + match[0].length };
    }
  }
  return { file, line: 1, column: 1 };
}
