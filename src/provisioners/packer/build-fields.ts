import * as z from 'zod';
import type { CheckWorld } from '../../template/packer-kinds/component.ts';

/** What every one of these kinds is told of the build it runs in. */
export const BUILD_FIELDS = {
  packer_build_name: z
    .string()
    .default('')
    .describe('Name of the build: `PACKER_BUILD_NAME` in scripts, `{{.BuildName}}` in texts.'),
  packer_builder_type: z
    .string()
    .default('')
    .describe('Type of the builder: `PACKER_BUILDER_TYPE` in scripts, `{{.BuilderType}}` in texts.'),
  packer_user_variables: z
    .record(z.string(), z.string())
    .default({})
    .describe('What ``{{user `name`}}`` gives in texts that are rendered when the step runs.'),
};

export interface BuildFields {
  readonly packer_build_name: string;
  readonly packer_builder_type: string;
  readonly packer_user_variables: Readonly<Record<string, string>>;
}

/** A host path whose content, not its name, is in the key. */
export const contentPath = (description: string): z.ZodOptional<z.ZodString> =>
  z.string().optional().meta({ description, key: 'content' });

export const contentPaths = (description: string): z.ZodOptional<z.ZodArray<z.ZodString>> =>
  z.array(z.string()).optional().meta({ description, key: 'content' });

/** A world in which every file is there: what host files a step reads is looked up when its key is made. */
export const OPTIONS_ONLY: CheckWorld = {
  files: { read: () => new Uint8Array(), kind: () => 'file', list: () => [] },
  workingDirectory: '/',
  homeDirectory: '/',
};

interface IssueContext {
  addIssue(issue: { code: 'custom'; message: string }): void;
}

/** Hands what Packer finds wrong with options on to zod. */
export function reportErrors(errors: readonly string[], context: IssueContext): void {
  for (const message of errors) context.addIssue({ code: 'custom', message });
}
