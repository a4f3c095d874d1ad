import { isUtf8, Buffer } from 'node:buffer';
import path from 'node:path';
import { RE2JS } from 're2js';
import { BOOL, STRING, setOf } from '../values/type.ts';
import { type Value, boolValue, setValue, stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, type FunctionWorld, parameter, textOf } from './function.ts';
import { globPattern } from './glob.ts';

/** `~` and `~/…` are the home folder. */
function expandHome(text: string, world: FunctionWorld): string {
  if (text !== '~' && !text.startsWith('~/')) {
    if (text.startsWith('~')) throw new FunctionError("cannot expand another user's home folder", 0);
    return text;
  }
  return path.join(world.homeDirectory, text.slice(1));
}

function resolve(text: string, world: FunctionWorld, base = world.baseDirectory): string {
  return path.resolve(base, expandHome(text, world));
}

function readBytes(file: string, shown: string, world: FunctionWorld): Uint8Array {
  const kind = world.files.kind(file);
  if (kind === undefined) throw new FunctionError(`no file exists at ${shown}`, 0);
  if (kind !== 'file') throw new FunctionError(`${shown} is not a regular file`, 0);
  try {
    return world.files.read(file);
  } catch (error) {
    throw new FunctionError(
      `failed to read ${shown}: ${error instanceof Error ? error.message : String(error)}`,
      0,
      error,
    );
  }
}

/** The text of a file, relative to the template's folder. Throws `FunctionError` when it cannot be read as UTF-8. */
export function readText(name: string, world: FunctionWorld): string {
  const bytes = readBytes(resolve(name, world), name, world);
  if (!isUtf8(bytes))
    throw new FunctionError(
      `contents of ${name} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents`,
      0,
    );
  return Buffer.from(bytes).toString('utf8');
}

/** As Go's `path/filepath`: of an empty path, and of the parent of a bare name, it is the dot. */
function baseName(text: string): string {
  if (text === '') return '.';
  return path.basename(text) || '/';
}

function directoryName(text: string): string {
  const slash = text.lastIndexOf('/');
  if (slash === -1) return '.';
  const cleaned = path.normalize(text.slice(0, slash + 1));
  return cleaned.length > 1 ? cleaned.replace(/\/$/, '') : cleaned;
}

const MAX_DEPTH = 100;

function findFiles(folder: string, pattern: string, world: FunctionWorld): string[] {
  const root = resolve(folder, world);
  let matcher: RE2JS;
  try {
    matcher = RE2JS.compile(globPattern(pattern));
  } catch (error) {
    throw new FunctionError(`failed to glob pattern ${pattern}`, 1, error);
  }
  const found: string[] = [];
  const walk = (relative: string, depth: number): void => {
    if (depth > MAX_DEPTH) return;
    for (const entry of listFolder(path.join(root, relative), world)) {
      const name = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.directory) walk(name, depth + 1);
      else if (matcher.matches(name) && world.files.kind(path.join(root, name)) === 'file') found.push(name);
    }
  };
  walk('', 0);
  return found;
}

function listFolder(
  folder: string,
  world: FunctionWorld,
): readonly { readonly name: string; readonly directory: boolean }[] {
  try {
    return world.files.list(folder);
  } catch {
    return [];
  }
}

const onPath = (call: (text: string, world: FunctionWorld) => Value): FunctionDefinition => ({
  parameters: [parameter('path', STRING)],
  returns: STRING,
  call: ([text], world) => call(textOf(text), world),
});

export const FILE_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  abspath: onPath((text, world) => stringValue(path.resolve(world.workingDirectory, text))),
  basename: onPath((text) => stringValue(baseName(text))),
  dirname: onPath((text) => stringValue(directoryName(text))),
  pathexpand: onPath((text, world) => stringValue(expandHome(text, world))),
  file: onPath((text, world) => stringValue(readText(text, world))),
  filebase64: onPath((text, world) =>
    stringValue(
      Buffer.from(readBytes(resolve(text, world, world.workingDirectory), text, world)).toString('base64'),
    ),
  ),
  fileexists: {
    ...onPath((text, world) => {
      const kind = world.files.kind(resolve(text, world));
      if (kind === 'directory' || kind === 'other')
        throw new FunctionError(`${text} is not a regular file`, 0);
      return boolValue(kind === 'file');
    }),
    returns: BOOL,
  },
  fileset: {
    parameters: [parameter('path', STRING), parameter('pattern', STRING)],
    returns: setOf(STRING),
    call: ([folder, pattern], world) =>
      setValue(
        STRING,
        findFiles(textOf(folder), textOf(pattern), world).map((name) => stringValue(name)),
      ),
  },
};
