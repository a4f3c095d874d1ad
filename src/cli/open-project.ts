import path from 'node:path';
import type { Result } from '../diagnostics/failure.ts';
import type { Template } from '../model/pipeline.ts';
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

/** The project with the templates that the command line chose. */
export async function openTemplate(
  context: CliContext,
  pipelines: readonly string[],
  options: TemplateOptions,
): Promise<Result<{ readonly project: Project; readonly template: Template }>> {
  const project = await openProject(context, options);
  if (!project.ok) return project;
  const template = await project.value.loadTemplate(selectionOf(context, pipelines, options));
  if (!template.ok) return template;
  return { ok: true, value: { project: project.value, template: template.value } };
}
