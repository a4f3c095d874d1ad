import type { ConfigInput } from './config-schema.ts';

/** Gives a config of `imgpipe.config.ts` its type; editors complete its fields. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}
