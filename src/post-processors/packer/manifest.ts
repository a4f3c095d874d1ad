import { existsSync } from 'node:fs';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { capture, FailureError } from '../../diagnostics/failure.ts';
import type { Artifact } from '../../model/artifact.ts';
import { lateSecrets } from '../../model/late-value.ts';
import { BUILD_FIELDS } from '../../provisioners/packer/build-fields.ts';
import { describeSystem } from '../../template/packer-kinds/system-error.ts';
import { packerRunId } from '../../template/packer-lower/run-facts.ts';
import { definePostProcessor, type PostContext } from '../post-processor.ts';
import { goJson, goMap } from './go-json.ts';
import { renderPath, writtenPath } from './user-file.ts';

const schema = z.strictObject({
  output: z.string().default('packer-manifest.json').describe('File to write.'),
  strip_path: z.boolean().default(false).describe('Keep names of files without their folders.'),
  strip_time: z.boolean().default(false).describe('Leave the time of the build out.'),
  custom_data: z.record(z.string(), z.string()).optional().describe('Further values to keep.'),
  packer_force: z
    .boolean()
    .default(false)
    .meta({ description: 'Begin anew when the file is of another run.', key: 'out' }),
  ...BUILD_FIELDS,
});

type ManifestOptions = z.output<typeof schema>;

/** Builds of a file that another program, or another version, may have written. */
const fileSchema = z.looseObject({
  builds: z.array(z.unknown()).nullish(),
  last_run_uuid: z.string().optional(),
});

export const packerManifestPostProcessor = definePostProcessor({
  type: 'packer-manifest',
  summary: 'Adds the build to a list of what was built, as the manifest post-processor of Packer does.',
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  secrets: lateSecrets,
  untracked: () => 'it notes every build',
  reproducible: false,
  run: async (options, artifact, context) =>
    await capture(async () => {
      const output = renderPath(options.output, options, context);
      await addBuild(output, await entryOf(options, artifact, context), options, context);
      return artifact;
    }),
  examples: {
    good: [{ title: 'With values', options: { output: 'manifest.json', custom_data: { team: 'web' } } }],
    bad: [{ title: 'Wrong type', options: { strip_time: 'yes' }, error: 'strip_time' }],
  },
});

/** One build in the order and form of Packer's file. */
async function entryOf(
  options: ManifestOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<Record<string, unknown>> {
  const files: unknown[] = [];
  for (const file of artifact.files) {
    const written = writtenPath(file);
    const size = existsSync(file.path) ? (await stat(file.path)).size : 0;
    files.push({ name: options.strip_path ? path.basename(written) : written, size });
  }
  const data = Object.entries(options.custom_data ?? {}).map(
    ([name, text]) => [name, renderPath(text, options, context)] as const,
  );
  return {
    name: options.packer_build_name,
    builder_type: options.packer_builder_type,
    ...(options.strip_time ? {} : { build_time: Math.floor(Date.now() / 1000) }),
    files: files.length === 0 ? null : files,
    artifact_id: artifact.id,
    packer_run_uuid: packerRunId(),
    custom_data: options.custom_data === undefined ? null : goMap(data),
  };
}

async function addBuild(
  output: string,
  entry: Record<string, unknown>,
  options: ManifestOptions,
  context: PostContext,
): Promise<void> {
  const file = context.resolvePath(output);
  const release = await lock(`${file}.lock`, context.signal);
  try {
    const before = existsSync(file) ? await readManifest(file, output) : undefined;
    const isOther = options.packer_force && before?.last_run_uuid !== packerRunId();
    const builds = isOther ? [] : (before?.builds ?? []);
    const content = goJson({ builds: [...builds, entry], last_run_uuid: packerRunId() }, true);
    await writeFile(file, content, { mode: 0o664 }).catch((cause: unknown) => {
      const message = `Unable to write ${output}: ${describeSystem('open', output, cause)}`;
      throw new FailureError({ reason: 'post-failed', message, cause });
    });
  } finally {
    await release();
  }
}

async function readManifest(file: string, output: string): Promise<z.output<typeof fileSchema> | undefined> {
  const text = await readFile(file, 'utf8');
  if (text === '') return undefined;
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (cause) {
    const message = `Unable to parse content from ${output}: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new FailureError({ reason: 'post-failed', message, cause });
  }
}

/** Builds of one run take turns. As with Packer, a lock that nobody gives back is waited for a little only. */
async function lock(file: string, signal: AbortSignal): Promise<() => Promise<void>> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await sleep(attempt * 200, undefined, { signal });
    try {
      await (await open(file, 'wx', 0o600)).close();
      break;
    } catch {
      // Somebody else has it.
    }
  }
  return async () => await rm(file, { force: true });
}
