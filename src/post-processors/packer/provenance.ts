import { createHash, randomUUID } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../../diagnostics/failure.ts';
import { digestOfPath } from '../../exporters/path-digest.ts';
import { folderSbom } from '../../layers/sbom/folder.ts';
import { inventoryOfFolder } from '../../layers/sbom/inventory-of-folder.ts';
import type { Artifact } from '../../model/artifact.ts';
import { lateSecrets } from '../../model/late-value.ts';
import { BUILD_FIELDS, reportErrors } from '../../provisioners/packer/build-fields.ts';
import { PACKER_VERSION } from '../../template/packer-kinds/packer-version.ts';
import { checkSigning, PROVENANCE_SCHEMA } from '../../template/packer-kinds/provenance.ts';
import { writeFileAtomic } from '../../util/atomic-file.ts';
import { definePostProcessor, type PostContext } from '../post-processor.ts';
import { goJson, goMap } from './go-json.ts';
import { builderId, invocationId, sourceState } from './provenance/where-from.ts';
import { writtenPath } from './user-file.ts';

const schema = z
  .strictObject({
    ...PROVENANCE_SCHEMA.shape,
    packer_sensitive_variables: z
      .array(z.string())
      .default([])
      .describe('Variables whose values are left out.'),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => {
    reportErrors(checkSigning(options), context);
    const { signing_mode: mode = 'none' } = options;
    if (mode === 'kms' || mode === 'keyless') {
      reportErrors(
        [`signing_mode "${mode}" asks a service to sign, which imgpipe does not do: use key`],
        context,
      );
    }
  });

type ProvenanceOptions = z.output<typeof schema>;

const PREDICATES = {
  slsa: 'https://slsa.dev/provenance/v1',
  cyclonedx: 'https://cyclonedx.org/bom',
  spdx: 'https://spdx.dev/Document',
} as const;

/** In the place of values of sensitive variables. */
const HIDDEN = '[sensitive value redacted]';

export const packerProvenancePostProcessor = definePostProcessor({
  type: 'packer-provenance',
  summary: 'Writes SLSA statements of the artifact, as the provenance post-processor of Packer does.',
  description: `An in-toto statement lies beside the first file as \`BUILD.FILE.provenance.json\`, with \`signing_mode: key\` in a DSSE
envelope. In templates of our own \`provenance\` tells more: every step with its inputs.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  secrets: lateSecrets,
  untracked: () => 'it notes every build',
  reproducible: false,
  run: async (options, artifact, context) =>
    await capture(async () => {
      if (options.provenance === false) return artifact;
      const subjects = await subjectsOf(artifact, context);
      const place = await placeOf(options, artifact, context);
      const predicate = await slsaPredicate(options, artifact, context);
      await writeStatement(
        { subjects, type: PREDICATES.slsa, predicate },
        `${place}.provenance.json`,
        options,
        context,
      );
      if (options.sbom === true) await writeSbom(place, subjects, { options, artifact, context });
      return artifact;
    }),
  examples: {
    good: [
      { title: 'Beside the artifact', options: {} },
      { title: 'Signed', options: { signing_mode: 'key', signer: 'keys/build.pem', output_dir: 'out' } },
    ],
    bad: [
      { title: 'No key', options: { signing_mode: 'key' }, error: 'requires signer or key' },
      {
        title: 'A service',
        options: { signing_mode: 'kms', signer: 'awskms://alias/build' },
        error: 'which imgpipe does not do',
      },
    ],
  },
});

interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** The files, or what names an artifact without any. */
async function subjectsOf(artifact: Artifact, { signal }: PostContext): Promise<readonly Subject[]> {
  if (artifact.files.length === 0) {
    const sha256 = createHash('sha256').update(identityOf(artifact)).digest('hex');
    return [{ name: `${artifact.builderId}:${artifact.id}`, digest: { sha256 } }];
  }
  const subjects: Subject[] = [];
  for (const file of artifact.files) {
    const { sha256 } = await digestOfPath(file.path, signal);
    subjects.push({ name: path.basename(file.path), digest: { sha256 } });
  }
  return subjects;
}

const identityOf = ({ builderId: builder, id }: Artifact): string =>
  goJson({ builderId: builder, id }, false);

/** Path of the statements without their endings: builds that share a folder do not share names. */
async function placeOf(
  options: ProvenanceOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<string> {
  const [file] = artifact.files;
  const folder = options.output_dir || (file === undefined ? '.' : path.dirname(writtenPath(file)));
  await mkdir(context.resolvePath(folder), { recursive: true, mode: 0o755 });
  const base =
    file === undefined ? plainName(`${artifact.builderId}-${artifact.id}`) : path.basename(file.path);
  const build = plainName(options.packer_build_name.trim());
  const isNamed = build === '' || base === build || base.startsWith(`${build}.`);
  return path.join(folder, isNamed ? base : `${build}.${base}`);
}

const plainName = (name: string): string => name.replaceAll(/[^\p{L}\p{Nd}._-]/gu, '_');

async function slsaPredicate(
  options: ProvenanceOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<Record<string, unknown>> {
  const environment = process.env;
  const state = await sourceState(context.resolvePath('.'), environment, context.signal);
  const dependency = isGiven(options.source_uri) ? { ...state, uri: options.source_uri } : state;
  return {
    buildDefinition: {
      buildType: options.build_type || 'https://packer.io/buildtypes/hcl2/v1',
      externalParameters: externalParameters(options, environment),
      internalParameters: {
        packerBuildName: options.packer_build_name,
        packerBuilderType: options.packer_builder_type,
        packerVersion: PACKER_VERSION,
      },
      ...(dependency === undefined ? {} : { resolvedDependencies: [dependency] }),
    },
    runDetails: {
      builder: { id: builderId(environment), version: { packer: PACKER_VERSION } },
      metadata: { invocationId: invocationId(environment) ?? randomUUID() },
      ...(artifact.files.length > 0
        ? {}
        : {
            byproducts: [
              {
                name: 'cloud-artifact-identity',
                content: Buffer.from(identityOf(artifact)).toString('base64'),
              },
            ],
          }),
    },
  };
}

const isGiven = (text: string | undefined): text is string => text !== undefined && text !== '';

function externalParameters(
  options: ProvenanceOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const { only_builds: builds = [], template, packer_sensitive_variables: hidden } = options;
  const ofEnvironment = Object.entries(environment).flatMap(([name, value = '']) =>
    name.startsWith('PKR_VAR_') ? [[name.slice('PKR_VAR_'.length), value] as const] : [],
  );
  const variables = { ...Object.fromEntries(ofEnvironment), ...options.user_variables };
  const shown = Object.entries(variables).map(
    ([name, value]) => [name, hidden.includes(name) ? HIDDEN : value] as const,
  );
  return {
    ...(builds.length === 0 ? {} : { onlyBuilds: builds }),
    ...(isGiven(template) ? { template } : {}),
    ...(shown.length === 0 ? {} : { userVariables: goMap(shown) }),
  };
}

interface Claim {
  readonly subjects: readonly Subject[];
  readonly type: string;
  readonly predicate: unknown;
}

async function writeStatement(
  { subjects, type, predicate }: Claim,
  written: string,
  options: ProvenanceOptions,
  context: PostContext,
): Promise<void> {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: subjects,
    predicateType: type,
    predicate,
  };
  let content = goJson(statement, true);
  const signer = options.signer || options.key;
  if (options.signing_mode === 'key' && isGiven(signer)) {
    const { signedEnvelope } = await import('./provenance/sign.ts');
    const keys = {
      signer: context.resolvePath(signer),
      verifier: isGiven(options.verifier) ? context.resolvePath(options.verifier) : undefined,
    };
    content = goJson(await signedEnvelope(Buffer.from(goJson(statement, false)), keys), true);
  }
  place(written, content, context);
  context.log(`Wrote attestation to ${written}`);
}

function place(written: string, content: string, context: PostContext): void {
  const file = context.resolvePath(written);
  writeFileAtomic(file, content);
  // Whatever the umask is, as Packer does.
  chmodSync(file, 0o664);
  context.placed(file);
}

async function writeSbom(
  at: string,
  subjects: readonly Subject[],
  {
    options,
    artifact,
    context,
  }: { readonly options: ProvenanceOptions; readonly artifact: Artifact; readonly context: PostContext },
): Promise<void> {
  const word = (options.sbom_format || 'cyclonedx').toLowerCase();
  if (!/cyclonedx|spdx/.test(word))
    throw new FailureError({ reason: 'post-failed', message: `unsupported format: ${word}` });
  const format = word.includes('cyclonedx') ? 'cyclonedx' : 'spdx';
  const root = context.resolvePath(scanPath(options, artifact));
  const inventory = inventoryOfFolder(root, { withFiles: false, excluded: options.sbom_exclude ?? [] });
  const document = await folderSbom(root, `${format}-json`, inventory);
  const raw = `${at}.sbom.${format === 'spdx' ? 'spdx' : 'cdx'}.json`;
  place(raw, `${JSON.stringify(document, undefined, 2)}\n`, context);
  const claim = { subjects, type: PREDICATES[format], predicate: document };
  await writeStatement(claim, `${at}.sbom.att.json`, options, context);
  context.log(`Wrote SBOM to ${raw}`);
}

/** The one file of the artifact, or the folder of all. @throws FailureError `post-failed` when there is none */
function scanPath({ sbom_scan_path: given }: ProvenanceOptions, { files }: Artifact): string {
  if (isGiven(given)) return given;
  const [first, ...more] = files.map(writtenPath);
  if (first !== undefined && more.length === 0) return first;
  const folders = new Set(files.map((file) => path.dirname(writtenPath(file))));
  const [folder] = folders;
  if (folder !== undefined && folders.size === 1) return folder;
  const message =
    folder === undefined
      ? 'sbom=true requires local artifact files or sbom_scan_path'
      : 'sbom=true requires sbom_scan_path when artifact files span multiple directories';
  throw new FailureError({ reason: 'post-failed', message });
}
