import * as z from 'zod';
import { defineProvisioner } from './provisioner.ts';

const localeName = (): z.ZodString =>
  z
    .string()
    .regex(
      /^(C|POSIX|C\.UTF-8|[a-z]{2,3}(_[A-Z]{2})?(\.[A-Za-z0-9-]+)?(@[a-z]+)?)$/,
      'must be a locale such as de_DE.UTF-8 or C.UTF-8',
    );

const schema = z.strictObject({
  locale: localeName().describe("The system's locale (LANG)."),
  generate: z.array(localeName()).default([]).describe('Further locales to make available.'),
  language: z
    .string()
    .min(1)
    .optional()
    .describe('Languages for messages in order of preference (LANGUAGE), e.g. `de:en`.'),
});

export type LocaleOptions = z.output<typeof schema>;

export const localeKind = defineProvisioner({
  type: 'locale',
  summary: "Sets and generates the system's locale.",
  description: `C.UTF-8 is always there. Any other locale needs the package \`locales\` in a step below; this step installs nothing.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  run: async (options, machine, context) => {
    const { runLocaleStep } = await import('./system/locale.ts');
    return await runLocaleStep(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Nothing to generate', options: { locale: 'C.UTF-8' } },
      {
        title: 'German, with English at hand',
        options: { locale: 'de_DE.UTF-8', generate: ['en_US.UTF-8'] },
      },
    ],
    bad: [{ title: 'A language name', options: { locale: 'German' }, error: 'must be a locale' }],
  },
});
