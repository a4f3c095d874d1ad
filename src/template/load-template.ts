import { readdirSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import type { Importer } from '../schema/import-module.ts';
import type { ParsedPipeline, ParsedTemplate } from './parsed-template.ts';
import { readTemplate, TEMPLATE_ENDINGS } from './read-template.ts';

export interface LoadTemplateOptions {
  /** The project's folder with templates, absolute. */
  readonly folder: string;
  /** Template files to load instead of all in the folder, absolute. */
  readonly files?: readonly string[];
  readonly importer?: Importer;
}

/** Files of the folder that are no templates though their ending fits. */
const NO_TEMPLATE =
  /^[._]|\.d\.[cm]?ts$|\.vars\.[a-z]+$|\.pkr(?:vars)?\.json$|^(?:package|package-lock|tsconfig)\.json$/;

/**
 * Reads every template: `NAME.{ts,js,mjs,yaml,yml,json}` in the folder, and `pipeline.*` in its subfolders. Names that
 * begin with `_` or `.` are left alone, for helpers. Syntax only; `resolveTemplate` checks the content.
 */
export async function loadTemplate(options: LoadTemplateOptions): Promise<Result<ParsedTemplate>> {
  const files = options.files ?? findTemplates(options.folder);
  if (files === undefined) {
    return fail({
      reason: 'template-not-found',
      message: `there is no folder ${options.folder}`,
      hint: 'Put templates there, or name another folder as `pipelines` in the config.',
    });
  }
  const results = await Promise.all(files.map((file) => readTemplate(file, options.importer)));
  const failures: Failure[] = [];
  const pipelines: ParsedPipeline[] = [];
  for (const result of results) {
    if (result.ok) pipelines.push(...result.value);
    else failures.push(...result.failures);
  }
  return failures.length > 0 ? fail(...failures) : { ok: true, value: { folder: options.folder, pipelines } };
}

/** Absolute paths in the order of their names, or undefined when there is no such folder. */
function findTemplates(folder: string): string[] | undefined {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
  const files = entries.flatMap((entry): string[] => {
    const place = path.join(folder, entry.name);
    if (NO_TEMPLATE.test(entry.name)) return [];
    if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(place))) {
      const ending = TEMPLATE_ENDINGS.find((each) =>
        statSync(path.join(place, `pipeline${each}`), { throwIfNoEntry: false })?.isFile(),
      );
      return ending === undefined ? [] : [path.join(place, `pipeline${ending}`)];
    }
    return TEMPLATE_ENDINGS.some((ending) => entry.name.endsWith(ending)) ? [place] : [];
  });
  return files.toSorted();
}

const isFolder = (place: string): boolean =>
  statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
