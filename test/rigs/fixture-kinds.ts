import * as z from 'zod';
import { KindTable } from '../../src/schema/kind-table.ts';
import type { KindDescriptor } from '../../src/schema/kind.ts';
import type { BuilderKind, ExportKind, Kinds, PostKind, StepKind } from '../../src/schema/kinds.ts';

/** Small kinds without behaviour, for tests of what comes before a run. */
const common = (type: string, schema: z.ZodObject) => ({
  type,
  summary: `A ${type}.`,
  schema,
  keyVersion: 1,
  examples: { good: [], bad: [] },
});

const source = (type: string, schema: z.ZodObject): KindDescriptor => common(type, schema);

const step = (type: string, schema: z.ZodObject, more: Partial<StepKind> = {}): StepKind => ({
  ...common(type, schema),
  effect: () => 'run',
  ...more,
});

const exporter = (type: string, input: 'disk' | 'layers', schema: z.ZodObject): ExportKind => ({
  ...common(type, schema),
  input,
  extension: () => type,
});

const shell = z.strictObject({
  inline: z.string().optional().describe('Commands.'),
  script: z.string().optional().describe('One script.').meta({ key: 'content' }),
  scripts: z.array(z.string()).optional().describe('Scripts, a step each.'),
  env: z.record(z.string(), z.string()).default({}).describe('Environment.'),
  secrets: z
    .array(z.strictObject({ secret: z.string().describe('Name.'), env: z.string().describe('Variable.') }))
    .default([])
    .describe('Secrets.'),
});

const file = z
  .strictObject({
    path: z.string().regex(/^\//, 'must be an absolute path').describe('Where it goes.'),
    content: z.string().optional().describe('Text.'),
    source: z.string().optional().describe('Host file.'),
    mode: z.string({ error: 'must be octal digits in quotes' }).optional().describe('Mode.'),
  })
  .superRefine((options, context) => {
    if ((options.content === undefined) === (options.source === undefined)) {
      context.addIssue({ code: 'custom', message: 'needs exactly one of content, source' });
    }
  });

export const fixtureKinds: Kinds = {
  sources: new KindTable<KindDescriptor>('source', [
    source(
      'bootstrap',
      z.strictObject({
        suite: z.enum(['bookworm', 'trixie', 'noble']).describe('Release.'),
        mirror: z.string().optional().describe('Archive.'),
        packages: z
          .union([z.string(), z.array(z.string())])
          .optional()
          .describe('More packages.'),
      }),
    ),
    source(
      'pipeline',
      z.strictObject({
        name: z.string().describe('Other pipeline.'),
        variant: z.record(z.string(), z.string()).optional().describe('Its variant.'),
      }),
    ),
  ]),
  steps: new KindTable<StepKind>('step', [
    step(
      'package',
      z.strictObject({
        install: z.array(z.string().min(1)).min(1).describe('Names.'),
        recommends: z.boolean().default(true).describe('Recommended ones too.'),
      }),
    ),
    step('shell', shell, {
      expand: (options) => {
        const { scripts, ...rest } = options as z.output<typeof shell>;
        if (scripts === undefined) return [{ suffix: '', options }];
        return scripts.map((script, index) => ({
          suffix: script.replace(/\W+/g, '-'),
          options: { ...rest, script },
          option: `scripts[${index}]`,
        }));
      },
      secrets: (options) => (options as z.output<typeof shell>).secrets.map((each) => each.secret),
    }),
    step('file', file, { effect: () => 'write' }),
    step(
      'user',
      z.strictObject({ user: z.string().describe('Login.'), uid: z.int().optional().describe('Id.') }),
    ),
  ]),
  exports: new KindTable<ExportKind>('export', [
    exporter(
      'qcow2',
      'disk',
      z.strictObject({ compression: z.enum(['none', 'zlib', 'zstd']).default('none').describe('How.') }),
    ),
    exporter('raw', 'disk', z.strictObject({})),
    exporter('tar', 'layers', z.strictObject({})),
  ]),
  posts: new KindTable<PostKind>('post-processor', [
    {
      ...common(
        'compress',
        z.strictObject({ method: z.enum(['gz', 'zst']).default('zst').describe('How.') }),
      ),
      keepInput: { default: false },
    },
    { ...common('checksum', z.strictObject({})), keepInput: { default: true, forced: true } },
    {
      ...common('sign', z.strictObject({ secret: z.string().optional().describe('Name of the key.') })),
      keepInput: { default: true, forced: true },
      secrets: ({ secret }) => (typeof secret === 'string' ? [secret] : []),
    },
  ]),
  checks: new KindTable<KindDescriptor>('check', [
    source('boot', z.strictObject({ port: z.int().min(1).max(65535).optional().describe('Port.') })),
  ]),
  builders: new KindTable<BuilderKind>('builder', [
    { ...common('vm', z.strictObject({ memory: z.int().default(512).describe('MiB.') })), disk: true },
    { ...common('box', z.strictObject({})), disk: false },
  ]),
};
