import { prepareBuilds } from '../packer-hcl/builds/prepare-builds.ts';
import type {
  PreparedBuild,
  PreparedComponent,
  PreparedPostProcessor,
  PreparedProvisioner,
} from '../packer-hcl/builds/prepared.ts';
import { loadPackerTemplate, type LoadOptions } from '../packer-hcl/load/load.ts';
import { STRING } from '../packer-hcl/values/type.ts';
import type { Value } from '../packer-hcl/values/value.ts';
import type { PackerVariable, ParsedPackerTemplate } from '../packer-hcl/load/parsed-template.ts';
import type {
  PackerBuild,
  PackerInput,
  PackerPart,
  PackerPostProcessor,
  PackerProvisioner,
  PackerReader,
  Surroundings,
} from './packer-build.ts';

export interface HclSelection {
  readonly only: readonly string[];
  readonly except: readonly string[];
  readonly packerVersion: string;
}

/**
 * Reads the builds of a template in Packer's HCL2 form. `template` is the one that `options` give with the clock and
 * dice of `world`; for others it is loaded again.
 */
export function hclReader(
  template: ParsedPackerTemplate,
  options: LoadOptions,
  selection: HclSelection,
): PackerReader {
  const loaded = new Map<Surroundings['world'], ParsedPackerTemplate>();
  const { world } = template.context;
  const templateFor = (wanted: Surroundings['world']): ParsedPackerTemplate => {
    if (wanted.now === world.now) return template;
    const known = loaded.get(wanted);
    if (known !== undefined) return known;
    const again = loadPackerTemplate({ ...options, world: { ...options.world, ...wanted } }).template;
    loaded.set(wanted, again);
    return again;
  };
  return {
    get secrets() {
      return [...new Set([...template.secrets, ...world.servers.secrets()])];
    },
    inputs: [...template.variables.values()].map(inputOf),
    withValues: (values) => {
      const wanted = { ...options, variables: [...(options.variables ?? []), ...values] };
      const world = { ...options.world, ...template.context.world };
      return hclReader(loadPackerTemplate({ ...wanted, world }).template, wanted, selection);
    },
    read: ({ world: wanted, buildValues }) => {
      const prepared = prepareBuilds(templateFor(wanted), {
        ...selection,
        ...(buildValues === undefined ? {} : { buildValues }),
      });
      return { ...prepared, builds: prepared.builds.map(buildOf) };
    },
  };
}

function inputOf(variable: PackerVariable): PackerInput {
  const { name, description, sensitive, value, from, validations } = variable;
  // A file of values takes the place of the default.
  const preset = from === 'file' ? value : variable.default;
  const text = ({ type, data }: Value): string | undefined =>
    type === STRING && typeof data === 'string' ? data : undefined;
  return {
    name,
    description,
    sensitive,
    value: text(value),
    default: preset === undefined ? undefined : text(preset),
    lost: validations.length === 0 ? undefined : 'validation',
  };
}

function buildOf(build: PreparedBuild): PackerBuild {
  return {
    name: build.name,
    sourceName: build.source.name,
    builder: { ...partOf(build.builder), type: build.source.type },
    provisioners: build.provisioners.map(provisionerOf),
    cleanup: build.cleanup === undefined ? undefined : provisionerOf(build.cleanup),
    chains: build.postProcessors.map((chain) => chain.map(postProcessorOf)),
    userVariables: {},
    failed: build.failed,
  };
}

function partOf({ type, options, span }: PreparedComponent, name = ''): PackerPart {
  return { type, name, options, origin: span.range };
}

function provisionerOf(step: PreparedProvisioner): PackerProvisioner {
  const { pauseBeforeMs, timeoutMs, maxRetries, continueOnError } = step;
  return { ...partOf(step, step.name), pauseBeforeMs, timeoutMs, maxRetries, continueOnError };
}

function postProcessorOf(step: PreparedPostProcessor): PackerPostProcessor {
  return { ...partOf(step, step.name), keepInputArtifact: step.keepInputArtifact };
}
