import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Result, fail, ok } from '../../diagnostics/failure.ts';
import { nodeWorld } from '../../template/packer-hcl/functions/node-world.ts';
import { LEGACY_PREFIX } from '../../template/packer-json/parse-json.ts';
import { readJsonTemplate } from '../../template/packer-json/read-template.ts';
import type { JsonTemplate } from '../../template/packer-json/template.ts';
import type { JsonFacts, renderVariables } from '../../template/packer-json/variables.ts';
import type { CliContext } from '../context.ts';
import type { LoadWork } from './load-hcl.ts';
import { readStdin } from './read-stdin.ts';
import { describeSystem } from '../../template/packer-kinds/system-error.ts';
import type { TemplateFlags } from './template-flags.ts';
import { PACKER_VERSION } from '../../template/packer-kinds/packer-version.ts';

export interface LoadedJson {
  readonly template: JsonTemplate | undefined;
  /** Of files of values and of `-var`, which wins. */
  readonly given: ReadonlyMap<string, string>;
  readonly facts: JsonFacts;
}

/** The text of the error, as Packer puts it before anything else is read. */
export interface JsonProblem {
  readonly text: string;
}

/** Reads a template of the legacy JSON form and the values given for its variables. Without a path there is no template. */
export async function loadJson(
  flags: TemplateFlags,
  { context, servers }: LoadWork,
): Promise<LoadedJson | JsonProblem> {
  const { path: file } = flags;
  let template: JsonTemplate | undefined;
  if (file !== undefined) {
    const content = await readTemplate(file, context);
    if (!content.ok) return { text: content.failures[0]?.message ?? '' };
    const read = readJsonTemplate(file, content.value);
    if (!read.ok) return { text: describe(read.failures) };
    template = read.value;
  }
  const given = new Map<string, string>();
  for (const name of flags.variableFiles) {
    const problem = readValues(name, context, given);
    if (problem !== undefined) return { text: problem };
  }
  for (const [name, text] of flags.variables) given.set(name, text);
  const folder =
    file === undefined || file === '-' ? context.cwd : path.dirname(path.resolve(context.cwd, file));
  const world = nodeWorld({
    baseDirectory: folder,
    workingDirectory: context.cwd,
    environment: context.env,
    servers,
  });
  return {
    template,
    given,
    facts: { world, packerVersion: PACKER_VERSION, ...(file !== undefined && { templateDirectory: folder }) },
  };
}

/** What was given for the sensitive variables of a template, their defaults, and what servers answered. */
export function secretsOf({ template, given, facts }: LoadedJson): readonly string[] {
  const written = (template?.sensitive ?? [])
    .flatMap((name) => [given.get(name) ?? '', template?.variables.get(name)?.default ?? ''])
    .filter((text) => text !== '');
  return [...written, ...facts.world.servers.secrets()];
}

/** Gives every user variable its value; what their defaults ask servers is answered. */
export async function answeredVariables(
  { template, given, facts }: LoadedJson,
  { context, servers }: LoadWork,
): Promise<ReturnType<typeof renderVariables>> {
  const { renderVariables: render } = await import('../../template/packer-json/variables.ts');
  return await servers.answering(context.signal, () => render(template, given, facts));
}

async function readTemplate(file: string, context: CliContext): Promise<Result<Uint8Array>> {
  if (file === '-') return ok(await readStdin(context));
  try {
    return ok(readFileSync(path.resolve(context.cwd, file)));
  } catch (cause) {
    return fail({
      reason: 'template-not-found',
      message: `${JSON.stringify(file)}: ${describeSystem('stat', file, cause)}`,
      cause,
    });
  }
}

/** Several problems of one template are listed, as Packer does; the place of each comes with it. */
function describe(
  failures: readonly {
    readonly message: string;
    readonly origin?: { readonly file: string; readonly line: number; readonly column: number };
    readonly hint?: string;
  }[],
): string {
  const lines = failures.map(({ message, origin, hint }) => {
    const place =
      origin === undefined || message.startsWith('Error parsing JSON')
        ? ''
        : ` (${origin.file}:${origin.line}:${origin.column})`;
    return `${message}${place}${hint === undefined ? '' : `. ${hint}`}`;
  });
  if (lines.length === 1) return LEGACY_PREFIX + (lines[0] ?? '');
  return `${LEGACY_PREFIX}${lines.length} errors occurred:\n${lines.map((line) => `\t* ${line}\n`).join('')}\n`;
}

/** A file of values is one flat object of texts. */
function readValues(file: string, context: CliContext, given: Map<string, string>): string | undefined {
  let text: string;
  try {
    text = readFileSync(path.resolve(context.cwd, file), 'utf8');
  } catch (cause) {
    return describeSystem('open', file, cause);
  }
  let data: unknown;
  try {
    data = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (cause) {
    return `Error reading variables in ${JSON.stringify(file)}: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    return `Error reading variables in ${JSON.stringify(file)}: it must hold an object of texts.`;
  }
  for (const [name, value] of Object.entries(data)) {
    if (typeof value !== 'string') {
      return `Error reading variables in ${JSON.stringify(file)}: the value of ${JSON.stringify(name)} must be a text.`;
    }
    given.set(name, value);
  }
  return undefined;
}
