import path from 'node:path';
import { type EvaluationContext, Scope } from '../evaluate/context.ts';
import { FUNCTIONS } from '../functions/function-table.ts';
import type { FileReader, FunctionWorld } from '../functions/function.ts';
import { nodeWorld } from '../functions/node-world.ts';
import type { Block } from '../syntax/ast.ts';
import { STRING } from '../values/type.ts';
import { type Value, objectValue, stringValue, unknownValue } from '../values/value.ts';
import { VariableAssignments } from './assign-variables.ts';
import { readBuild, readComponents, readPacker } from './blocks.ts';
import { Problems } from './body.ts';
import { checkReferences } from './check-references.ts';
import { dataCycles } from './data-cycles.ts';
import { VariableDeclarations } from './declare-variables.ts';
import { expandBlock } from './expand-dynamic.ts';
import { checkVersions } from './check-version.ts';
import { declareLocals, evaluateLocals } from './locals.ts';
import { checkAccessors } from './required-plugins.ts';
import { textsOf } from './secret-texts.ts';
import type { LoadOutcome, PackerLocal, PackerVariable, ParsedPackerTemplate } from './parsed-template.ts';
import { findTemplateFiles, readTemplateFile, readValuesFile } from './template-files.ts';

export interface LoadOptions {
  /** A folder, a `.pkr.hcl` or a `.pkr.json` file; left out: a template without content. */
  readonly template?: string;
  /** What the template says, where `template` is only its name: it came through standard input. */
  readonly content?: Uint8Array;
  /** `-var`, in order. */
  readonly variables?: readonly (readonly [name: string, text: string])[];
  /** `-var-file`, in order. */
  readonly variableFiles?: readonly string[];
  /** `packer.version`. */
  readonly packerVersion: string;
  /** Values of `data.TYPE.NAME`; one that is not given is unknown. */
  readonly dataValues?: ReadonlyMap<string, Value>;
  readonly world?: Partial<FunctionWorld>;
  /** The order of old versions of Packer: first all data sources, then the locals, which may nest ten deep. */
  readonly sequential?: boolean;
  /** Stops where `parseFailures` are known: no variable, local or block is evaluated, and the template has none. */
  readonly parseOnly?: boolean;
}

/**
 * Reads a template of Packer's HCL2 form: files, variables with their values (default < PKR_VAR_x <
 * *.auto.pkrvars.hcl < *.auto.pkrvars.json < -var-file < -var), locals, and the blocks behind them.
 * Gives what could be read together with everything that is wrong.
 */
export function loadPackerTemplate(options: LoadOptions): LoadOutcome {
  const problems = new Problems();
  const world = nodeWorld({ baseDirectory: '.', ...options.world });
  const { workingDirectory } = world;
  const files = withContent(world, options);
  const found =
    options.template === undefined
      ? { directory: '.', templates: [], automaticValues: [] }
      : findTemplateFiles(options.template, workingDirectory, files, problems);
  const here: FunctionWorld = { ...world, baseDirectory: path.resolve(workingDirectory, found.directory) };
  const blocks = found.templates.flatMap((file) => readTemplateFile(file, workingDirectory, files, problems));
  const of = (...names: readonly string[]): Block[] => blocks.filter((block) => names.includes(block.name));
  const packer = of('packer').map((block) => readPacker(block, emptyContext(here), problems));
  const unmet = checkVersions(
    packer.flatMap(({ versions }) => versions),
    options.packerVersion,
  );

  const declarations = new VariableDeclarations(problems, here);
  for (const block of of('variable', 'variables')) declarations.add(block);
  const assignments = new VariableAssignments(declarations.declared, problems, here);
  assignments.fromEnvironment(here.environment);
  for (const file of [...found.automaticValues, ...(options.variableFiles ?? [])]) {
    const values = readValuesFile(file, workingDirectory, files, problems);
    if (values !== undefined) assignments.fromFile(values);
  }
  for (const [name, text] of options.variables ?? []) assignments.fromCommandLine(name, text);
  const dataSources = readComponents(of('data'), problems);
  const localDeclarations = declareLocals(of('locals', 'local'), emptyContext(here), problems);
  // What another version is to read may look wrong to this one: nothing else is said of it.
  if (unmet.length > 0) problems.failures.splice(0, Infinity, ...unmet);
  const parseFailures = [...problems.failures];
  const requiredPlugins = packer.flatMap(({ plugins }) => plugins);
  checkAccessors(requiredPlugins, problems);
  const parseOnly = options.parseOnly === true;
  const variables: ReadonlyMap<string, PackerVariable> = parseOnly ? new Map() : assignments.finish();

  const base = baseContext(
    options,
    found.directory,
    here,
    variables,
    dataSources.map(({ type, name }) => [type, name]),
  );
  const sequential = options.sequential === true;
  const locals = evaluateLocals(
    parseOnly ? new Map() : localDeclarations,
    base,
    problems,
    sequential ? SEQUENTIAL_DEPTH : undefined,
  );
  const beforeData = sequential ? new Map<string, PackerLocal>() : locals;
  for (const { body } of parseOnly ? [] : dataSources)
    checkReferences(body, { var: variables, local: beforeData }, problems);
  if (!parseOnly) problems.failures.push(...dataCycles(dataSources, localDeclarations));
  const localValues = objectValue(new Map([...locals].map(([name, local]) => [name, local.value])));
  const context: EvaluationContext = {
    ...base,
    variables: base.variables.with(new Map([['local', localValues]])),
  };

  const expanded = (...names: readonly string[]): Block[] =>
    parseOnly ? [] : of(...names).map((block) => expandBlock(block, context, problems));
  const sources = readComponents(expanded('source'), problems);
  const template: ParsedPackerTemplate = {
    directory: found.directory,
    files: found.templates,
    requiredVersions: packer.flatMap(({ versions }) => versions),
    requiredPlugins,
    variables,
    locals,
    sources,
    dataSources,
    builds: expanded('build').map((block) => readBuild(block, sources, context, problems)),
    registries: of('hcp_packer_registry'),
    context,
    secrets: [
      ...new Set([
        ...assignments.secrets,
        ...here.servers.secrets(),
        ...[...variables.values(), ...locals.values()].flatMap(({ value, sensitive }) =>
          sensitive ? textsOf(value) : [],
        ),
      ]),
    ],
  };
  const failures = unmet.length > 0 ? unmet : problems.failures;
  return { template, failures, parseFailures, warnings: problems.warnings };
}

/** How many locals may wait for each other in the old order. */
const SEQUENTIAL_DEPTH = 10;

/** The files of the world, and the content of the template under its name. */
function withContent(
  { files, workingDirectory }: FunctionWorld,
  { template, content }: LoadOptions,
): FileReader {
  if (template === undefined || content === undefined) return files;
  const own = path.resolve(workingDirectory, template);
  return {
    ...files,
    kind: (file) => (file === own ? 'file' : files.kind(file)),
    read: (file) => (file === own ? content : files.read(file)),
  };
}

const emptyContext = (world: FunctionWorld): EvaluationContext => ({
  variables: new Scope(new Map()),
  functions: FUNCTIONS,
  world,
});

function baseContext(
  options: LoadOptions,
  directory: string,
  world: FunctionWorld,
  variables: ReadonlyMap<string, PackerVariable>,
  dataSources: readonly (readonly [string, string])[],
): EvaluationContext {
  const data = new Map<string, Map<string, Value>>();
  for (const [type, name] of dataSources) {
    const ofType = data.get(type) ?? new Map<string, Value>();
    data.set(type, ofType.set(name, options.dataValues?.get(`${type}.${name}`) ?? unknownValue()));
  }
  const names = new Map<string, Value>([
    ['var', objectValue(new Map([...variables].map(([name, variable]) => [name, variable.value])))],
    ['local', objectValue(new Map())],
    ['data', objectValue(new Map([...data].map(([type, ofType]) => [type, objectValue(ofType)])))],
    [
      'path',
      objectValue({
        cwd: pathValue(world.workingDirectory),
        root: pathValue(options.template === undefined ? '' : directory),
      }),
    ],
    ['source', objectValue({ type: unknownValue(STRING), name: unknownValue(STRING) })],
    // Only what runs in a build knows it.
    ['build', unknownValue({ kind: 'object', attributes: new Map() })],
    [
      'packer',
      objectValue({
        version: stringValue(options.packerVersion),
        iterationID: unknownValue(STRING),
        versionFingerprint: unknownValue(STRING),
      }),
    ],
  ]);
  return { variables: new Scope(names), functions: FUNCTIONS, world };
}

const pathValue = (text: string): Value => stringValue(text.replaceAll('\\', '/'));
