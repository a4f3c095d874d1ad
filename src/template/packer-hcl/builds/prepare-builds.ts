import type { Failure } from '../../../diagnostics/failure.ts';
import type { CheckWorld } from '../../packer-kinds/component.ts';
import { findComponent } from '../../packer-kinds/table.ts';
import type { EvaluationContext } from '../evaluate/context.ts';
import { Problems } from '../load/body.ts';
import type {
  BuildBlock,
  BuildSource,
  ComponentBlock,
  ParsedPackerTemplate,
} from '../load/parsed-template.ts';
import type { Block, Body } from '../syntax/ast.ts';
import { type Value, objectValue, stringValue, unknownValue } from '../values/value.ts';
import { matchesGlob } from './globs.ts';
import { preparePostProcessors } from './post-processors.ts';
import { prepareComponent } from './prepare-component.ts';
import type { PreparedBuild, PreparedComponent } from './prepared.ts';
import { prepareProvisioner } from './provisioners.ts';

export interface PrepareOptions {
  readonly only: readonly string[];
  readonly except: readonly string[];
  readonly packerVersion: string;
  /** Values under `build.` by name; one that is not given is `<unknown>`, as for Packer before a build runs. */
  readonly buildValues?: BuildValues;
}

export interface PrepareOutcome {
  readonly builds: readonly PreparedBuild[];
  readonly failures: readonly Failure[];
  readonly warnings: readonly Failure[];
}

export type BuildValues = (name: string) => string | undefined;

/** What one source of a build is prepared with. */
export interface BuildWork {
  readonly source: BuildSource;
  readonly sourceName: string;
  readonly context: EvaluationContext;
  /** Without `build`: a source is read before its build begins. */
  readonly builderContext: EvaluationContext;
  readonly world: CheckWorld;
  readonly facts: Parameters<typeof prepareComponent>[0]['facts'];
  readonly buildFact: Parameters<typeof prepareComponent>[0]['buildFact'];
  readonly plugins: Parameters<typeof prepareComponent>[0]['plugins'];
  readonly except: readonly string[];
  readonly exceptMatches: { count: number };
  readonly problems: Problems;
  /** Steps whose blocks say the same for every source: checked once. */
  readonly checked: Map<Block, PreparedComponent>;
}

/**
 * Reads and checks every build that `-only` and `-except` leave: the options of its source, provisioners and
 * post-processors against their kinds. Starts nothing and reaches nothing.
 */
export function prepareBuilds(template: ParsedPackerTemplate, options: PrepareOptions): PrepareOutcome {
  const problems = new Problems();
  const builds: PreparedBuild[] = [];
  const possible: string[] = [];
  const checked = new Map<Block, PreparedComponent>();
  let onlyMatches = 0;
  const exceptMatches = { count: 0 };
  if (template.builds.length === 0) {
    problems.add({
      reason: 'template-invalid',
      message:
        'Missing build block: a build block with one or more sources is required for executing a build.',
    });
  }
  for (const build of template.builds) {
    if (build.sources.length === 0) {
      problems.add({
        reason: 'template-invalid',
        message: 'missing source reference: a build block must reference at least one source to be built',
        origin: build.span.range,
      });
    }
    for (const source of build.sources) {
      const block = template.sources.find(({ type, name }) => type === source.type && name === source.name);
      if (block === undefined) continue;
      const name = buildName(build, source);
      possible.push(name);
      if (options.only.length > 0) {
        if (!options.only.some((glob) => matchesGlob(glob, name))) continue;
        onlyMatches += 1;
      }
      if (options.except.some((glob) => matchesGlob(glob, name))) {
        exceptMatches.count += 1;
        continue;
      }
      const work = buildWork(template, build, source, { ...options, exceptMatches, problems, checked });
      builds.push(prepareBuild(name, build, block, work));
    }
  }
  warnOfUnused('only', options.only.length > onlyMatches, possible, problems);
  warnOfUnused('except', options.except.length > exceptMatches.count, possible, problems);
  return { builds, failures: unique(problems.failures), warnings: unique(problems.warnings) };
}

const buildName = (build: BuildBlock, { type, name, localName }: BuildSource): string => {
  const own = `${type}.${localName ?? name}`;
  return build.name === undefined || build.name === '' ? own : `${build.name}.${own}`;
};

/** The attributes that a build adds to a source come after those of the source; none may be set in both. */
function mergeBodies(body: Body, extra: Body | undefined, problems: Problems): Body {
  if (extra === undefined) return body;
  const added = extra.items.filter((item) => item.type === 'block' || item.name !== 'name');
  for (const item of added) {
    const earlier = body.items.find(
      (other) => other.type === 'attribute' && item.type === 'attribute' && other.name === item.name,
    );
    if (earlier === undefined) continue;
    problems.add({
      reason: 'duplicate-name',
      message: `Duplicate argument: Argument "${item.name}" was already set.`,
      origin: item.nameSpan.range,
      related: [{ message: 'The source sets it here.', range: earlier.nameSpan.range }],
    });
  }
  const names = new Set(added.filter((item) => item.type === 'attribute').map((item) => item.name));
  const kept = body.items.filter((item) => item.type === 'block' || !names.has(item.name));
  return { ...body, items: [...kept, ...added] };
}

const COMMON_VALUES = [
  'ID',
  'Host',
  'Port',
  'User',
  'Password',
  'ConnType',
  'PackerRunUUID',
  'PackerHTTPPort',
  'PackerHTTPIP',
  'PackerHTTPAddr',
  'SSHPublicKey',
  'SSHPrivateKey',
  'WinRMPassword',
];

function buildWork(
  template: ParsedPackerTemplate,
  build: BuildBlock,
  source: BuildSource,
  rest: PrepareOptions & Pick<BuildWork, 'exceptMatches' | 'problems' | 'checked'>,
): BuildWork {
  const { world } = template.context;
  const sourceName = source.localName ?? source.name;
  const kind = findComponent('builder', source.type);
  const known = [...COMMON_VALUES, ...(kind?.buildValues ?? [])];
  const valueOf = (name: string): string => rest.buildValues?.(name) ?? '<unknown>';
  const buildValue: Value =
    kind === undefined
      ? unknownValue()
      : objectValue(
          new Map([
            // As Packer has them before a build runs: texts, so that what is made of them keeps its form.
            ...known.map((name) => [name, stringValue(valueOf(name))] as const),
            ['name', stringValue(build.name ?? '')] as const,
          ]),
        );
  const ofSource = objectValue({ type: stringValue(source.type), name: stringValue(sourceName) });
  const contextWith = (names: ReadonlyMap<string, Value>): EvaluationContext => ({
    ...template.context,
    variables: template.context.variables.with(names),
  });
  return {
    source,
    sourceName,
    context: contextWith(
      new Map([
        ['source', ofSource],
        ['build', buildValue],
      ]),
    ),
    builderContext: contextWith(new Map([['source', ofSource]])),
    world: {
      files: world.files,
      workingDirectory: world.workingDirectory,
      homeDirectory: world.homeDirectory,
    },
    facts: {
      world,
      buildName: source.name,
      buildType: source.type,
      templateDirectory: world.baseDirectory,
      packerVersion: rest.packerVersion,
    },
    buildFact: ([name]) => valueOf(String(name)),
    plugins: template.requiredPlugins,
    except: rest.except,
    exceptMatches: rest.exceptMatches,
    problems: rest.problems,
    checked: rest.checked,
  };
}

function prepareBuild(
  name: string,
  build: BuildBlock,
  block: ComponentBlock,
  work: BuildWork,
): PreparedBuild {
  const { source, problems } = work;
  const before = problems.failures.length;
  const builder = prepareComponent(
    {
      role: 'builder',
      type: source.type,
      span: block.span,
      typeSpan: source.span,
      body: mergeBodies(block.body, source.body, problems),
      meta: new Map(),
      context: work.builderContext,
      world: work.world,
      facts: work.facts,
      buildFact: work.buildFact,
      plugins: work.plugins,
    },
    problems,
  );
  const steps = (type: string): Block[] => build.steps.filter((step) => step.name === type);
  const [cleanup] = steps('error-cleanup-provisioner').flatMap((step) => prepareProvisioner(step, work));
  const provisioners = steps('provisioner').flatMap((step) => prepareProvisioner(step, work));
  const postProcessors = build.steps.flatMap((step) => preparePostProcessors(step, work));
  const parts = [
    builder,
    ...provisioners,
    ...(cleanup === undefined ? [] : [cleanup]),
    ...postProcessors.flat(),
  ];
  const failed = problems.failures.length > before || parts.some((part) => part.failed);
  return { name, build, source, builder, provisioners, cleanup, postProcessors, failed };
}

function warnOfUnused(
  option: 'only' | 'except',
  unused: boolean,
  possible: readonly string[],
  problems: Problems,
): void {
  if (!unused) return;
  const summary =
    option === 'only'
      ? "an 'only' option was passed, but not all matches were found for the given build."
      : "an 'except' option was passed, but did not match any build.";
  problems.warnings.push({
    reason: 'usage',
    message: `${summary}\nPossible build names: [${possible.join(' ')}].\nThese could also be matched with a glob pattern like: 'happycloud.*'`,
  });
}

/** A step is checked once for every source: what is wrong with each is said once. */
function unique(failures: readonly Failure[]): Failure[] {
  const seen = new Map<string, Failure>();
  for (const failure of failures) {
    const key = JSON.stringify([failure.message, failure.origin]);
    if (!seen.has(key)) seen.set(key, failure);
  }
  return [...seen.values()];
}
