import type { Artifact } from '../../model/artifact.ts';
import type { NodeId } from '../../model/ids.ts';
import type { Pipeline } from '../../model/pipeline.ts';
import { VERSION } from '../../util/version.ts';
import { nameOf } from '../new-file.ts';
import type { BuildNode } from '../post-processor.ts';

export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
export const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';
/** What the parameters of a build of imgpipe mean; raised with their form. */
const BUILD_TYPE = 'urn:imgpipe:build:1';

export interface ProvenanceFacts {
  readonly artifact: Artifact;
  readonly pipeline: Pipeline;
  readonly exportId: NodeId;
  readonly nodes: readonly BuildNode[];
  readonly builderId: string;
}

/** An in-toto statement (v1) with SLSA provenance (v1, slsa.dev/spec/v1.0/provenance) of an artifact. */
export function provenanceStatement({
  artifact,
  pipeline,
  exportId,
  nodes,
  builderId,
}: ProvenanceFacts): object {
  return {
    _type: STATEMENT_TYPE,
    subject: artifact.files.map((file) => ({ name: nameOf(file), digest: { sha256: file.sha256 } })),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: {
          pipeline: pipeline.id,
          export: exportId.slice(pipeline.id.length + 1),
          architecture: pipeline.architecture,
          sourceDateEpoch: pipeline.sourceDateEpoch,
          nodes: nodes.map(describeNode),
        },
        internalParameters: { tools: toolsOf(nodes) },
        resolvedDependencies: nodes.flatMap(dependenciesOf),
      },
      runDetails: {
        builder: { id: builderId, version: { imgpipe: VERSION } },
        metadata: { invocationId: nodes.at(-1)?.key ?? '' },
      },
    },
  };
}

/** A node as its key has it; of secrets only the names. */
function describeNode({ id, key, inputs }: BuildNode): object {
  const { kind, keyVersion, options, secrets, reads } = inputs;
  return {
    id,
    kind,
    keyVersion,
    options,
    ...(reads === undefined ? {} : { reads }),
    ...(secrets === undefined ? {} : { secrets: Object.keys(secrets) }),
    key,
  };
}

/** Host files that a node read, and the layer, disk or file that it gave. */
function dependenciesOf({ id, inputs, output }: BuildNode): object[] {
  const files = Object.entries(inputs.inputs ?? {}).map(([option, sha256]) => ({
    name: `${id}: ${option}`,
    // Digest of type, mode and content, as keys have it: see docs/dev/keys.md.
    digest: { imgpipeInput: sha256 },
  }));
  const given =
    output.type === 'layer' || output.type === 'snapshot'
      ? [
          {
            name: id,
            digest: {
              [`imgpipe${output.type === 'layer' ? 'Layer' : 'Snapshot'}`]: output.digest.replace(
                'sha256:',
                '',
              ),
            },
          },
        ]
      : [];
  return [...files, ...given];
}

/** Host programs with a say in the result, by name, as the digest of their files. */
function toolsOf(nodes: readonly BuildNode[]): Record<string, string> {
  return Object.fromEntries(
    nodes
      .flatMap(({ inputs }) => Object.entries(inputs.tools ?? {}))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
