/** The public API of imgpipe: what configs, templates and plugins import. Small, because every build loads it. */
export { defineConfig } from './config/define-config.ts';
export type { ConfigInput } from './config/config-schema.ts';
export { definePipeline } from './template/define-pipeline.ts';
