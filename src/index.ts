import type { BuiltinInputs } from './builtins.ts';
import { definePipeline as define, type DefinePipeline } from './template/define-pipeline.ts';

/** The public API of imgpipe: what configs, templates and plugins import. Small, because every build loads it. */
export { defineConfig } from './config/define-config.ts';
export type { ConfigInput } from './config/config-schema.ts';
export type { PipelineDefinition } from './template/define-pipeline.ts';

/* Plugins add the options of their kinds, by name:
 *
 *     declare module 'imgpipe' {
 *       interface PluginSteps { zfs: { pool: string } }
 *     }
 */
export interface PluginSources {}
export interface PluginSteps {}
export interface PluginExports {}
export interface PluginPosts {}
export interface PluginChecks {}
export interface PluginBuilders {}

interface Inputs {
  readonly sources: BuiltinInputs['sources'] & PluginSources;
  readonly steps: BuiltinInputs['steps'] & PluginSteps;
  readonly exports: BuiltinInputs['exports'] & PluginExports;
  readonly posts: BuiltinInputs['posts'] & PluginPosts;
  readonly checks: BuiltinInputs['checks'] & PluginChecks;
  readonly builders: BuiltinInputs['builders'] & PluginBuilders;
}

/**
 * Declares a pipeline, as the default export of a file in the project's `pipelines/` folder. With variables or a
 * matrix the second argument makes the rest from their values, once for every variant.
 */
export const definePipeline: DefinePipeline<Inputs> = define;

export { defineMachineBuilder } from './builders/machine-builder.ts';
export { defineCheck } from './checks/check.ts';
export { defineExporter } from './exporters/exporter.ts';
export { definePostProcessor } from './post-processors/post-processor.ts';
export { defineProvisioner } from './provisioners/provisioner.ts';
export { defineSource } from './sources/source.ts';
