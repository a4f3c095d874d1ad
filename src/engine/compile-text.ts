import path from 'node:path';
import type { ProjectConfig } from '../config/load-config.ts';
import type { Result } from '../diagnostics/failure.ts';
import type { Kinds } from '../plan/kinds.ts';
import { parseDocument } from '../template/read-template.ts';
import { type CompiledProject, compileProject } from './compile.ts';

export interface CompileTextOptions {
  /** Its name; relative host paths go from its folder. */
  readonly file: string;
  readonly values: ReadonlyMap<string, string>;
  readonly kinds: Kinds;
  readonly config: ProjectConfig;
}

/** Compiles a template in YAML that is only a text, with nothing of the project but its kinds and defaults. */
export async function compileText(
  text: string,
  { file, values, kinds, config }: CompileTextOptions,
): Promise<Result<CompiledProject>> {
  const pipelines = await parseDocument(file, text);
  if (!pipelines.ok) return pipelines;
  const variables = [...values].map(([name, value]) => ({ name, value, from: '-var', optional: true }));
  const parsed = { folder: path.dirname(file), pipelines: pipelines.value };
  const selection = { pipelines: [], only: [], except: [], vars: [], varFiles: [], env: {} };
  return compileProject({ parsed, variables, kinds }, selection, config);
}
