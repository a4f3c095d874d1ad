import { sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { afterImage, imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor } from './post-processor.ts';
import { privateKey } from './private-key.ts';
import { preAuthentication, STATEMENT_MEDIA_TYPE } from './provenance/envelope.ts';
import { provenanceStatement } from './provenance/statement.ts';

const schema = z.strictObject({
  secret: z
    .string()
    .optional()
    .describe(
      'Name of the secret with an ECDSA or Ed25519 key (PEM) that signs the statement. Without it the statement is not signed.',
    ),
  builderId: z
    .url()
    .default('urn:imgpipe:local')
    .describe('URI of who builds, such as that of a CI system: consumers decide by it what they trust.'),
});

export const provenancePostProcessor = definePostProcessor({
  type: 'provenance',
  summary: 'A statement of what the artifact was made from: SLSA provenance.',
  description: `An in-toto statement with an SLSA v1 predicate. It names the files of the artifact by digest; every node of the build with its
kind, options and key; and as resolved dependencies every input: host files, sources and layers by digest. Names of secrets are in it,
their values are not. \`imgpipe verify\` checks it.

Without \`secret\` it is written to \`<image>.provenance.json\`; with it, in a DSSE envelope to \`<image>.intoto.jsonl\`, as
\`cosign verify-blob-attestation\` and SLSA's verifiers read it.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  reads: 'build',
  examples: {
    good: [
      { title: 'Beside the image', options: {} },
      { title: 'Signed', options: { secret: 'cosign_key', builderId: 'https://ci.example.org/images' } },
    ],
    bad: [{ title: 'No URI', options: { builderId: 'ci' }, error: 'builderId' }],
  },
  secrets: ({ secret }) => (secret === undefined ? [] : [secret]),
  // ECDSA signatures have chance in them.
  reproducible: false,
  writes: (options, files) => afterImage(files, (image) => [statementName(options, image)]),
  run: (options, artifact, context) =>
    capture(async () => {
      const { stage, signal, pipeline, exportId, build } = context;
      const path = join(stage, statementName(options, nameOf(imageOf(artifact))));
      const nodes = build();
      const statement = provenanceStatement({
        artifact,
        pipeline,
        exportId,
        nodes,
        builderId: options.builderId,
      });
      if (options.secret === undefined) {
        await writeFile(path, `${JSON.stringify(statement, undefined, 2)}\n`);
        return withFiles(artifact, [await newFile(path, signal)]);
      }
      const key = privateKey(context.secret(options.secret));
      const payload = Buffer.from(JSON.stringify(statement));
      const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
      const envelope = {
        payloadType: STATEMENT_MEDIA_TYPE,
        payload: payload.toString('base64'),
        signatures: [{ sig: sign(algorithm, preAuthentication(payload), key).toString('base64') }],
      };
      await writeFile(path, `${JSON.stringify(envelope)}\n`);
      return withFiles(artifact, [await newFile(path, signal)]);
    }),
});

const statementName = ({ secret }: z.output<typeof schema>, image: string): string =>
  `${image}.${secret === undefined ? 'provenance.json' : 'intoto.jsonl'}`;
