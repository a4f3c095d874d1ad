import * as z from 'zod';
import { ARCHITECTURES } from '../model/platform.ts';
import { durationField, sizeField } from '../schema/fields.ts';

/** Schema of `imgpipe.config.*`: the only truth about its fields. */
export const configSchema = z
  .strictObject({
    $schema: z
      .string()
      .optional()
      .describe('URL or path of the JSON Schema, for editors. Ignored by imgpipe.'),
    pipelines: z
      .string()
      .min(1)
      .default('pipelines')
      .describe('Folder with the templates, relative to the config file.'),
    output: z
      .string()
      .min(1)
      .default('output')
      .describe('Folder for finished images, relative to the config file.'),
    cache: z
      .strictObject({
        directory: z
          .string()
          .min(1)
          .optional()
          .describe(
            'Folder of the cache, relative to the config file. Default: `$XDG_CACHE_HOME/imgpipe`, else `~/.cache/imgpipe`.',
          ),
        maxSize: sizeField()
          .optional()
          .describe(
            'Largest size of the cache: bytes, or text such as `20GB` or `512MiB`. Least recently used layers go first.',
          ),
        minFree: sizeField()
          .optional()
          .describe('Space that must stay free on the disk of the cache; layers are deleted to keep it.'),
        maxMountSize: sizeField()
          .optional()
          .describe(
            'Largest size of one cache mount (package downloads and the like); its oldest files go first. Looked at once a day. Default: 5 GB.',
          ),
        maxAge: durationField()
          .optional()
          .describe('Layers not used for this long are deleted, for example `30d`.'),
      })
      .prefault({})
      .describe('Where layers are kept, and how many.'),
    parallel: z
      .strictObject({
        cpus: z
          .number()
          .positive()
          .optional()
          .describe('Processors that steps may use together. Default: all.'),
        memory: sizeField()
          .optional()
          .describe('Memory that steps may use together. Default: three quarters of what there is.'),
      })
      .prefault({})
      .describe('How much may run side by side.'),
    defaults: z
      .strictObject({
        architecture: z
          .enum(ARCHITECTURES)
          .optional()
          .describe('Architecture of pipelines that name none. Default: that of this machine.'),
        sourceDateEpoch: z
          .int()
          .nonnegative()
          .optional()
          .describe(
            'Newest time in an image, in seconds since 1970. Default: `$SOURCE_DATE_EPOCH`, else 1735689600 (2025-01-01).',
          ),
        mirror: z
          .string()
          .min(1)
          .optional()
          .describe('Package archive for sources that have an option `mirror` or `mirrors` and name none.'),
      })
      .prefault({})
      .describe('Values for templates that do not say them.'),
    packages: z
      .strictObject({
        grow: z
          .boolean()
          .default(false)
          .describe(
            'A package added to a long list is installed onto the cached layer of the list before, as a layer of its own. For quick work on one machine: the result may differ from that of the whole list, which `imgpipe build --full` tells.',
          ),
      })
      .prefault({})
      .describe('How packages are installed.'),
    plugins: z
      .array(z.string().min(1))
      .default([])
      .describe('npm packages, or paths beginning with `./` or `/`, that add kinds.'),
    ui: z
      .enum(['auto', 'ink', 'plain', 'json'])
      .default('auto')
      .describe('How progress is shown; `auto` takes `ink` on a terminal and `plain` elsewhere.'),
  })
  .describe('Project configuration of imgpipe.');

/** A config as the user writes it. */
export type ConfigInput = z.input<typeof configSchema>;
export type ParsedConfig = z.output<typeof configSchema>;

/** 2025-01-01: times in images without a date of their own. */
export const DEFAULT_SOURCE_DATE_EPOCH = 1_735_689_600;
