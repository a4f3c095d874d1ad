import type { Failure } from '../../../diagnostics/failure.ts';
import path from 'node:path';
import type { FileReader } from '../functions/function.ts';
import type { BodyItem, Block, File } from '../syntax/ast.ts';
import { TEMPLATE_BLOCKS, parseJsonFile } from '../syntax/json-file.ts';
import { parseNativeFile } from '../syntax/parse-file.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { type Problems, hasLabels } from './body.ts';

/** The files a template path stands for. */
export interface TemplateFiles {
  /** Folder as the user named it. */
  readonly directory: string;
  readonly templates: readonly string[];
  /** `*.auto.pkrvars.hcl` before `*.auto.pkrvars.json`, each in order of names; only a folder has them. */
  readonly automaticValues: readonly string[];
}

/** A folder stands for its own `*.pkr.hcl` and `*.pkr.json` (native form first), a file for itself. */
export function findTemplateFiles(
  template: string,
  workingDirectory: string,
  files: FileReader,
  problems: Problems,
): TemplateFiles {
  const absolute = path.resolve(workingDirectory, template);
  const kind = files.kind(absolute);
  if (kind === undefined) problems.add(noConfig(template));
  const directory = kind === 'directory' ? template : path.dirname(path.normalize(template));
  const names = kind !== 'directory' ? [] : listNames(path.resolve(workingDirectory, directory), files);
  const ending = (suffix: string): string[] =>
    names.filter((name) => name.endsWith(suffix)).map((name) => path.join(directory, name));
  const templates =
    kind === 'directory'
      ? [...ending('.pkr.hcl'), ...ending('.pkr.json')]
      : kind === 'file'
        ? [template]
        : [];
  if (kind === 'directory' && templates.length === 0) {
    problems.add(noConfig(template));
  }
  return {
    directory,
    templates,
    automaticValues: [...ending('.auto.pkrvars.hcl'), ...ending('.auto.pkrvars.json')],
  };
}

const noConfig = (template: string): Failure => ({
  reason: 'template-not-found',
  message: `Could not find any config file in ${template}: A config file must be suffixed with \`.pkr.hcl\` or \`.pkr.json\`. A folder can be referenced.`,
});

function listNames(folder: string, files: FileReader): string[] {
  try {
    return files
      .list(folder)
      .filter((entry) => !entry.directory)
      .map((entry) => entry.name)
      .toSorted();
  } catch {
    return [];
  }
}

/** Reads one template file to its blocks. */
export function readTemplateFile(
  file: string,
  workingDirectory: string,
  files: FileReader,
  problems: Problems,
): readonly Block[] {
  const content = readBytes(file, workingDirectory, files, problems);
  if (content === undefined) return [];
  const parsed = file.endsWith('.json')
    ? parseJsonFile(file, content, { blocks: TEMPLATE_BLOCKS })
    : parseNativeFile(file, content);
  problems.failures.push(...parsed.failures);
  return (parsed.file?.body.items ?? []).flatMap((item) => (isTemplateBlock(item, problems) ? [item] : []));
}

/** What the labels of root blocks say; those that are not here have none. */
const LABELS: Readonly<Record<string, readonly string[]>> = {
  variable: ['name'],
  local: ['name'],
  source: ['type', 'name'],
  data: ['type', 'name'],
  communicator: ['type', 'name'],
};

function isTemplateBlock(item: BodyItem, problems: Problems): item is Block {
  const names = Object.keys(TEMPLATE_BLOCKS);
  if (item.type === 'block' && names.includes(item.name)) {
    return hasLabels(item, LABELS[item.name] ?? [], problems);
  }
  const message =
    item.type === 'block'
      ? `Unsupported block type: blocks of type "${item.name}" are not expected here.`
      : `Unsupported argument: an argument named "${item.name}" is not expected here.`;
  problems.add({
    reason: 'unknown-option',
    message,
    origin: item.nameSpan.range,
    ...didYouMean(item.name, names),
  });
  return false;
}

/** Reads one file of variable values; undefined when it cannot be read at all. */
export function readValuesFile(
  file: string,
  workingDirectory: string,
  files: FileReader,
  problems: Problems,
): File | undefined {
  if (!file.endsWith('.hcl') && !file.endsWith('.json')) {
    problems.add({
      reason: 'usage',
      message: `Could not guess format of ${file}: A var file must be suffixed with \`.hcl\` or \`.json\`.`,
    });
    return undefined;
  }
  const content = readBytes(file, workingDirectory, files, problems);
  if (content === undefined) return undefined;
  const parsed = file.endsWith('.json')
    ? parseJsonFile(file, content, { blocks: {}, literalStrings: true })
    : parseNativeFile(file, content);
  problems.failures.push(...parsed.failures);
  return parsed.file;
}

function readBytes(
  file: string,
  workingDirectory: string,
  files: FileReader,
  problems: Problems,
): Uint8Array | undefined {
  try {
    return files.read(path.resolve(workingDirectory, file));
  } catch (cause) {
    problems.add({
      reason: 'input-missing',
      message: `The file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      cause,
    });
    return undefined;
  }
}
