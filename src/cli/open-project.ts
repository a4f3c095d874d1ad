import path from 'node:path';
import type { Result } from '../diagnostics/failure.ts';
import type { CliContext } from './context.ts';
import type { OpenedProject, OpenProjectOptions, Project } from '../engine/api.ts';
import { workingDirectory, type CommonOptions } from './options/common-options.ts';
import { selectionOf, type TemplateOptions } from './options/template-options.ts';

/** The project of the working folder. */
export async function openProject(context: CliContext, options: CommonOptions): Promise<Result<Project>> {
  const engine = await context.engine();
  return await engine.openProject(placeOf(context, options));
}

/** The project, and the part of it that the command line chose. */
export async function openCompiled(
  context: CliContext,
  pipelines: readonly string[],
  options: TemplateOptions,
): Promise<Result<OpenedProject>> {
  const engine = await context.engine();
  return await engine.openCompiled(placeOf(context, options), selectionOf(context, pipelines, options));
}

function placeOf(context: CliContext, options: CommonOptions): OpenProjectOptions {
  const cwd = workingDirectory(context, options);
  const absolute = (file: string | undefined) => (file === undefined ? undefined : path.resolve(cwd, file));
  return {
    cwd,
    configFile: absolute(options.config),
    cacheDirectory: absolute(options.cacheDir),
    output: absolute(options.output),
  };
}
