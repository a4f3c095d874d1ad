import * as z from 'zod';
import { ARCHITECTURES } from '../model/platform.ts';
import { durationField } from '../schema/fields.ts';
import { diskSchema } from './disk-schema.ts';

/** Names of steps, exports and checks: safe in a shell, in a file name and after a slash. */
export const nameField = () =>
  z
    .string()
    .max(64)
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
      'must be letters, digits, dots, dashes and underscores, beginning with a letter or digit',
    );

const identifier = () =>
  z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_-]*$/,
      'must be letters, digits, dashes and underscores, beginning with a letter',
    );

/** Placeholders of a file's name; the template's own references are replaced before. */
const PLACEHOLDERS = ['pipeline', 'name', 'type', 'architecture', 'date', 'digest'];

/** A file name without ending: no folders, nothing hidden, known placeholders only. */
const fileNameField = () =>
  z
    .string()
    .min(1)
    .max(200)
    .superRefine((text, context) => {
      const issue = (message: string): void => context.addIssue({ code: 'custom', message });
      for (const [, name = ''] of text.matchAll(/\{([^{}]*)\}/g)) {
        if (!PLACEHOLDERS.includes(name))
          issue(
            `has no placeholder {${name}}; there are ${PLACEHOLDERS.map((each) => `{${each}}`).join(', ')}`,
          );
      }
      if (!/^[A-Za-z0-9@][A-Za-z0-9@._,+=~-]*$/.test(text.replaceAll(/\{[^{}]*\}/g, 'x')))
        issue('must be letters, digits and .,_+=~@-, beginning with a letter or digit');
    });

const scalar = () => z.union([z.string(), z.number(), z.boolean()]);

function isRegExp(text: string): boolean {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
}

const VARIABLE_TYPES = ['string', 'number', 'bool', 'list', 'map'] as const;
const ITEM_TYPES = ['string', 'number', 'bool'] as const;

/** One declared variable. */
export const variableSchema = z
  .strictObject({
    type: z.enum(VARIABLE_TYPES).default('string').describe('What values it takes.'),
    items: z.enum(ITEM_TYPES).default('string').describe('Of a list or map: what its entries are.'),
    default: z.unknown().optional().describe('Value when none is given. Without it a value must be given.'),
    description: z.string().optional().describe('What it is for; shown when it is missing.'),
    sensitive: z
      .boolean()
      .default(false)
      .describe(
        'Hides the value in all output. A sensitive variable is a secret: options name it where they take a secret, and nowhere else.',
      ),
    validation: z
      .strictObject({
        pattern: z
          .string()
          .refine(isRegExp, 'is not a regular expression')
          .optional()
          .describe('Regular expression that the whole text must match.'),
        min: z.number().optional().describe('Smallest number, or fewest characters or entries.'),
        max: z.number().optional().describe('Largest number, or most characters or entries.'),
        enum: z.array(scalar()).min(1).optional().describe('The values that are allowed.'),
        message: z.string().optional().describe('What to say when a value is refused.'),
      })
      .optional()
      .describe('Rules that a value must keep.'),
  })
  .describe('A variable of the template.');

const secretSchema = z
  .union([
    z.strictObject({ env: z.string().min(1).describe('Environment variable with the value.') }),
    z.strictObject({
      file: z.string().min(1).describe('Host file with the value, relative to the template.'),
    }),
    z.strictObject({
      command: z
        .union([z.array(z.string()).min(1), z.string().min(1)])
        .describe('Program (list of arguments, or text for the shell) that prints the value.'),
    }),
  ])
  .describe('Where the value of a secret comes from.');

const axisSchema = z.array(scalar()).min(1);
const combination = z.record(identifier(), scalar());

const useSchema = () => z.looseObject({ type: z.string().min(1) });

/** The fields of a template, except that kinds check their own options. */
export const templateFields = {
  $schema: z.string().optional().describe('URL or path of the JSON Schema, for editors. Ignored by imgpipe.'),
  name: nameField().optional().describe('Name of the pipeline. Default: the name of the file or folder.'),
  description: z.string().optional().describe('What the image is for.'),
  variables: z
    .record(identifier(), variableSchema)
    .default({})
    .describe('Values that a build may be given, by name.'),
  secrets: z
    .record(identifier(), secretSchema)
    .default({})
    .describe('Secret values, by name. They never enter a layer, log or key.'),
  architecture: z
    .enum(ARCHITECTURES)
    .optional()
    .describe(
      'Architecture of the image. Default: the matrix axis `architecture`, else the config, else this machine.',
    ),
  matrix: z
    .looseObject({
      include: z
        .array(combination)
        .optional()
        .describe('Further variants; each names a value for every axis.'),
      exclude: z
        .array(combination)
        .optional()
        .describe('Variants to leave out; each names values of some axes.'),
    })
    .catchall(axisSchema)
    .optional()
    .describe('Axes with their values: one image for every combination.'),
  directory: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder from which relative host paths of options go, itself relative to that of the template. Default: the folder of the template.',
    ),
  outputFolder: z
    .boolean()
    .default(true)
    .describe(
      'Whether its files go into the output folder. With `false` they lie only where options of exports and post-processors say, as with Packer.',
    ),
  sourceDateEpoch: z
    .int()
    .nonnegative()
    .optional()
    .describe('Newest time in the image, in seconds since 1970. Default: from the config.'),
  builder: useSchema()
    .optional()
    .describe(
      'Where the steps run. Default: `rootfs`, a sandbox on layers of files; `qemu` is a virtual machine.',
    ),
  source: useSchema().describe('What the image begins with.'),
  steps: z.array(useSchema()).default([]).describe('What is done, in this order.'),
  cleanup: useSchema()
    .optional()
    .describe(
      'A step that runs in the machine when another has failed for good, before the machine ends. Only with a builder that has machines.',
    ),
  disk: diskSchema.prefault({}).describe('Layout of the disk.'),
  exports: z.array(useSchema()).default([]).describe('Files that are made of the image.'),
  checks: z.array(useSchema()).default([]).describe('Tests of the finished image.'),
} as const;

export type TemplateField = keyof typeof templateFields;
export const TEMPLATE_FIELDS = Object.keys(templateFields) as TemplateField[];

const whenField = () =>
  z
    .record(z.string(), z.union([scalar(), z.array(scalar()).min(1)]))
    .optional()
    .describe('Only in variants with these values of the matrix, for example `{ variant: prod }`.');

const freshField = () =>
  durationField()
    .optional()
    .describe(
      'How old what `imgpipe.lock` says of its package archives may be, for example `24h`: a build looks it up again when it is older. Default: until `imgpipe update`.',
    );

const untrackedField = () =>
  z
    .string()
    .min(1)
    .optional()
    .describe('Why its result must not come from the cache; with it, it runs in every build.');

/** Fields that every step has beside its kind's options; a kind's option of the same name goes before. */
export const stepFields = z.strictObject({
  type: z.string().describe('Kind of the step.'),
  name: nameField().optional().describe('Name in output, `needs` and `why`. Default: made from the kind.'),
  needs: z
    .array(z.string())
    .optional()
    .describe('The step sees only these steps, what they see, and the source. Default: all steps before it.'),
  when: whenField(),
  timeout: durationField().optional().describe('Longest run, for example `10m`. Default: none.'),
  retries: z
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe('How often it starts again after a failure, from clean layers.'),
  pauseBefore: durationField().optional().describe('Wait before each try, for example `10s`. Default: none.'),
  continueOnError: z.boolean().default(false).describe('The build goes on without this step when it fails.'),
  fresh: freshField(),
  untracked: untrackedField(),
});

/** Fields that every export has beside its kind's options. */
export const exportFields = z.strictObject({
  type: z.string().describe('Kind of the export.'),
  name: nameField().optional().describe('Name in output. Default: the kind.'),
  when: whenField(),
  fileName: fileNameField()
    .optional()
    .describe(
      'Name of the file without its ending. `{pipeline}`, `{name}`, `{type}`, `{architecture}` and `{date}` (of `sourceDateEpoch`) are replaced, and `{digest}` by twelve digits that stand for what the image is made of. Default: the name of the pipeline and, where it has one, that of the export.',
    ),
  keep: z
    .int()
    .min(1)
    .optional()
    .describe(
      'How many versions of the file, with what post-processors made of each, stay in the output folder when names change from build to build. Default: all.',
    ),
  latest: z
    .boolean()
    .default(false)
    .describe('Makes a link `…-latest` with the same ending that leads to the newest file.'),
  post: z.array(useSchema()).default([]).describe('What is done with the file, in this order.'),
  chains: z
    .array(z.array(useSchema()).min(1))
    .optional()
    .describe(
      'Instead of `post`: several lists, each of which begins with the file. They run one after the other, and one goes on when another has failed.',
    ),
  untracked: untrackedField(),
});

/** Fields that every post-processor of an export has beside its kind's options. */
export const postFields = z.strictObject({
  type: z.string().describe('Kind of the post-processor.'),
  name: nameField().optional().describe('Name in output, after that of the export. Default: the kind.'),
  keepInput: z
    .boolean()
    .optional()
    .describe(
      'Whether the files it works on stay in the output folder beside those it makes. Default: the kind says so.',
    ),
  untracked: untrackedField(),
});

/** Fields that every check has beside its kind's options. */
export const checkFields = z.strictObject({
  type: z.string().describe('Kind of the check.'),
  name: nameField().optional().describe('Name in output. Default: the kind.'),
  when: whenField(),
  export: z.string().optional().describe('Name of the export to check. Default: the first qcow2 or raw one.'),
});

/** Fields that every builder has beside its kind's options. */
export const builderFields = z.strictObject({ type: z.string().describe('Kind of the builder.') });

/** Fields that every source has beside its kind's options. */
export const sourceFields = z.strictObject({
  type: z.string().describe('Kind of the source.'),
  fresh: freshField(),
  untracked: untrackedField(),
});

export type VariableDeclaration = z.output<typeof variableSchema>;
export type SecretDeclaration = z.output<typeof secretSchema>;
export type MatrixDeclaration = NonNullable<z.output<typeof templateFields.matrix>>;
