import path from 'node:path';
import type { Failure, Result } from '../../src/diagnostics/failure.ts';
import { formatFailures } from '../../src/diagnostics/printer.ts';
import type { Template } from '../../src/model/pipeline.ts';
import { collectVariables } from '../../src/template/collect-variables.ts';
import { loadTemplate } from '../../src/template/load-template.ts';
import { resolveTemplate } from '../../src/template/resolve-template.ts';
import { fixtureKinds } from './fixture-kinds.ts';
import { nativeImport } from './native-import.ts';
import { project } from './project.ts';

/** What is given to a template from outside. */
export interface Given {
  readonly flags?: readonly string[];
  readonly files?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly only?: readonly string[];
  readonly mirror?: string;
}

/** Loads `pipelines/` of a folder and resolves it with the fixture kinds. */
export async function resolveFolder(folder: string, given: Given = {}): Promise<Result<Template>> {
  const pipelines = path.join(folder, 'pipelines');
  const parsed = await loadTemplate({ folder: pipelines, importer: nativeImport });
  if (!parsed.ok) return parsed;
  const { flags = [], files = [], env = {} } = given;
  const variables = await collectVariables({ flags, files, env, folder: pipelines, cwd: folder });
  if (!variables.ok) return variables;
  return resolveTemplate(parsed.value, {
    kinds: fixtureKinds,
    variables: variables.value,
    defaults: {
      sourceDateEpoch: 7,
      architecture: 'amd64',
      ...(given.mirror === undefined ? {} : { mirror: given.mirror }),
    },
    ...(given.only === undefined ? {} : { only: given.only }),
  });
}

/** The template of some files, which must have no mistakes. */
export async function resolveFiles(
  files: Readonly<Record<string, string>>,
  given?: Given,
): Promise<Template> {
  const folder = project(files);
  const result = await resolveFolder(folder, given);
  if (!result.ok) throw new Error(formatFailures(result.failures, { cwd: folder }));
  return result.value;
}

/** The failures of some files, with paths relative to the project, and as they are printed. */
export async function failuresOf(
  files: Readonly<Record<string, string>>,
  given?: Given,
): Promise<{ readonly failures: readonly Failure[]; readonly text: string; readonly folder: string }> {
  const folder = project(files);
  const result = await resolveFolder(folder, given);
  const failures = result.ok ? [] : result.failures;
  return { failures, folder, text: formatFailures(failures, { cwd: folder }).replaceAll(`${folder}/`, '') };
}
