import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import type { Importer } from '../schema/import-module.ts';
import { findTemplates } from './find-templates.ts';
import type { ParsedPipeline, ParsedTemplate } from './parsed-template.ts';
import { readTemplate } from './read-template.ts';

export interface LoadTemplateOptions {
  /** The project's folder with templates, absolute. */
  readonly folder: string;
  /** Template files to load instead of all in the folder, absolute. */
  readonly files?: readonly string[];
  readonly importer?: Importer;
}

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
      hint: '`imgpipe init` writes a config and a first template; or name another folder as `pipelines` in the config.',
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
