import path from 'node:path';
import type { Result } from '../diagnostics/failure.ts';
import type { CompiledProject } from '../engine/compile.ts';
import type { CliContext } from './context.ts';
import type { Project } from '../engine/api.ts';
import { workingDirectory, type CommonOptions } from './options/common-options.ts';
import { selectionOf, type TemplateOptions } from './options/template-options.ts';

/** The project of the working folder. */
export async function openProject(context: CliContext, options: CommonOptions): Promise<Result<Project>> {
  const cwd = workingDirectory(context, options);
  const engine = await context.engine();
  const configFile = options.config === undefined ? undefined : path.resolve(cwd, options.config);
  return await engine.openProject({ cwd, configFile });
}

/** The project, and the part of it that the command line chose. */
export async function openCompiled(
  context: CliContext,
  pipelines: readonly string[],
  options: TemplateOptions,
): Promise<Result<{ readonly project: Project; readonly compiled: CompiledProject }>> {
  const project = await openProject(context, options);
  if (!project.ok) return project;
  const compiled = await project.value.compile(selectionOf(context, pipelines, options));
  if (!compiled.ok) return compiled;
  return { ok: true, value: { project: project.value, compiled: compiled.value } };
}
