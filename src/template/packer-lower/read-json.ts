import type { SourceRange } from '../../diagnostics/source-range.ts';
import {
  prepareJsonBuilds,
  type JsonPreparedBuild,
  type JsonPreparedComponent,
  type JsonPreparedProvisioner,
} from '../packer-json/prepare.ts';
import type { JsonTemplate } from '../packer-json/template.ts';
import { renderVariables, type GivenVariables, type JsonFacts } from '../packer-json/variables.ts';
import { parseGoDuration } from '../packer-kinds/go-duration.ts';
import type { PackerBuild, PackerPart, PackerProvisioner, PackerReader } from './packer-build.ts';

export interface JsonSelection {
  readonly given: GivenVariables;
  readonly facts: JsonFacts;
  readonly only: readonly string[];
  readonly except: readonly string[];
}

/** Reads the builds of a template in Packer's legacy JSON form. Its variables are known to render. */
export function jsonReader(template: JsonTemplate, selection: JsonSelection): PackerReader {
  const { given, facts, only, except } = selection;
  const variablesIn = (inFacts: JsonFacts): ReadonlyMap<string, string> => {
    const rendered = renderVariables(template, given, inFacts);
    return rendered.ok ? rendered.value : new Map();
  };
  const variables = variablesIn(facts);
  return {
    secrets: [
      ...template.sensitive.flatMap((name) => variables.get(name) ?? []).filter((text) => text !== ''),
      ...facts.world.servers.secrets(),
    ],
    inputs: [...template.variables].map(([name, { default: text, required }]) => ({
      name,
      description: '',
      sensitive: template.sensitive.includes(name),
      value: variables.get(name),
      default: required ? undefined : given.has(name) ? text : variables.get(name),
      lost: text.includes('{{') ? 'default that is made when the template is read' : undefined,
    })),
    withValues: (values) => jsonReader(template, { ...selection, given: new Map([...given, ...values]) }),
    read: ({ world, buildValues }) => {
      const here = { ...facts, world: { ...facts.world, ...world } };
      const values = variablesIn(here);
      const prepared = prepareJsonBuilds(template, {
        ...here,
        variables: values,
        only,
        except,
        ...(buildValues === undefined ? {} : { buildValues }),
      });
      const start: SourceRange = { file: template.file, line: 1, column: 1 };
      const userVariables = Object.fromEntries(values);
      return {
        ...prepared,
        builds: prepared.builds.map((build) => ({ ...buildOf(build, start), userVariables })),
      };
    },
  };
}

function buildOf(build: JsonPreparedBuild, start: SourceRange): Omit<PackerBuild, 'userVariables'> {
  const { name, builder, provisioners, cleanup, postProcessors, failed } = build;
  const partOf = ({ type, options, origin = start }: JsonPreparedComponent, label: string): PackerPart => ({
    type,
    name: label,
    options,
    origin,
  });
  const provisionerOf = (step: JsonPreparedProvisioner): PackerProvisioner => {
    const pauseBeforeMs = millisecondsOf(step.written.pauseBefore);
    return {
      ...partOf(step, ''),
      pauseBeforeMs,
      // As in Packer: a pause takes the place of the timeout.
      timeoutMs: pauseBeforeMs === 0 ? millisecondsOf(step.written.timeout) : 0,
      maxRetries: step.maxRetries,
      continueOnError: false,
    };
  };
  return {
    name: builder.type === name ? name : `${builder.type}.${name}`,
    sourceName: name,
    builder: partOf(builder, ''),
    provisioners: provisioners.map(provisionerOf),
    cleanup: cleanup === undefined ? undefined : provisionerOf(cleanup),
    chains: postProcessors.map((chain) =>
      chain.map((step) => ({
        ...partOf(step, step.written.name),
        keepInputArtifact: step.written.keepInputArtifact,
      })),
    ),
    failed,
  };
}

function millisecondsOf(text: string): number {
  const parsed = text === '' ? { milliseconds: 0 } : parseGoDuration(text);
  return 'milliseconds' in parsed ? parsed.milliseconds : 0;
}
