import { FailureError, type Failure } from '../../diagnostics/failure.ts';
import type { LateOptions } from '../../model/late-options.ts';
import { lateValue } from '../../model/late-value.ts';
import type { Template } from '../../model/pipeline.ts';
import { type LoweredBuild, lowerBuild, type LowerContext, type WrittenOptions } from './lower-build.ts';
import { isMovingFact, otherFact } from './moving-facts.ts';
import { type NotingWorld, otherWorld } from './noting-world.ts';
import type { PackerBuild, PackerReader } from './packer-build.ts';
import { SecretFinder } from './stand-ins.ts';
import { runFacts } from './run-facts.ts';

export interface LowerOptions extends Pick<
  LowerContext,
  'kinds' | 'directory' | 'sourceDateEpoch' | 'force' | 'noCache' | 'tolerant'
> {
  readonly reader: PackerReader;
  /** Clock and dice that the template was loaded with. */
  readonly noting: NotingWorld;
}

/** Builds of Packer's as a template of ours. */
export interface LoweredPacker {
  readonly template: Template;
  readonly lateOptions: LateOptions;
  /** In the order of the pipelines of the template. */
  readonly builds: readonly PackerBuild[];
  /** Options by node id, as a template of ours would write them. */
  readonly written: ReadonlyMap<string, WrittenOptions>;
  /** All that is wrong; builds with something wrong in them are left out. */
  readonly failures: readonly Failure[];
  readonly warnings: readonly Failure[];
}

/** Makes pipelines of all builds that can run. Nothing behind it knows Packer. */
export function lowerPacker(options: LowerOptions): LoweredPacker {
  const { reader, noting } = options;
  const { world } = noting;
  const plain = reader.read({ world });
  let asksMoving = false;
  const symbolic = reader.read({
    world,
    buildValues: (name) => {
      asksMoving ||= isMovingFact(name);
      return lateValue('build', name);
    },
  });
  const elsewhere =
    noting.used() || asksMoving
      ? reader.read({ world: noting.used() ? otherWorld(world) : world, buildValues: otherFact })
      : undefined;
  const secrets = new SecretFinder(reader.secrets);
  const sensitive = reader.inputs.flatMap((input) => (input.sensitive ? [input.name] : []));
  const context: LowerContext = { ...options, secrets, sensitive };
  const failures = [...plain.failures];
  const lowered: { readonly build: PackerBuild; readonly made: LoweredBuild }[] = [];
  const ids = new Set<string>();
  for (const [index, build] of plain.builds.entries()) {
    if (build.failed && options.tolerant !== true) continue;
    try {
      const made = lowerBuild(
        uniqueId(build.name, ids),
        {
          plain: build,
          symbolic: symbolic.builds[index] ?? build,
          elsewhere: elsewhere?.builds[index],
          running: (facts) => running(reader, world, index, facts),
        },
        context,
      );
      lowered.push({ build, made });
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(...error.failures);
    }
  }
  const late = new Map(lowered.flatMap(({ made }) => [...made.late]));
  return {
    template: {
      pipelines: lowered.map(({ made }) => made.pipeline),
      secrets: lowered.flatMap(({ made }) => made.secrets),
    },
    lateOptions: (id, facts) => late.get(id)?.(id, facts),
    builds: lowered.map(({ build }) => build),
    written: new Map(lowered.flatMap(({ made }) => [...made.written])),
    failures,
    warnings: plain.warnings,
  };
}

function running(
  reader: PackerReader,
  world: NotingWorld['world'],
  index: number,
  facts: Readonly<Record<string, string>>,
): PackerBuild {
  const known = runFacts(facts);
  const { builds, failures } = reader.read({
    world,
    buildValues: (name) => known.get(name),
  });
  const build = builds[index];
  if (build === undefined || build.failed) throw new FailureError(...failures);
  return build;
}

function uniqueId(name: string, ids: Set<string>): string {
  let id = name;
  for (let count = 2; ids.has(id); count += 1) id = `${name}#${count}`;
  ids.add(id);
  return id;
}
