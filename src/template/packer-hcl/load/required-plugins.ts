import { FailureError } from '../../../diagnostics/failure.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Attribute, Block } from '../syntax/ast.ts';
import { entriesOf } from '../values/value.ts';
import type { Problems } from './body.ts';
import { isPrerelease, meets } from './check-version.ts';
import type { RequiredPlugin } from './parsed-template.ts';

/** Reads a `required_plugins` block: every entry an object of exactly `version` and `source`. */
export function readRequiredPlugins(
  block: Block,
  context: EvaluationContext,
  problems: Problems,
): RequiredPlugin[] {
  return block.body.items.flatMap((item) => {
    if (item.type === 'attribute') return problems.attempt(() => readPlugin(item, context)) ?? [];
    problems.add({
      reason: 'unknown-option',
      message: `Unexpected "${item.name}" block: Blocks are not allowed here.`,
      origin: item.nameSpan.range,
    });
    return [];
  });
}

function readPlugin(attribute: Attribute, context: EvaluationContext): RequiredPlugin[] {
  const { name } = attribute;
  const origin = attribute.value.span.range;
  const wrong = (message: string): never => {
    throw new FailureError({
      reason: 'template-invalid',
      message,
      origin,
      hint: `Write ${name} = { version = ">= 1.0.0", source = "github.com/OWNER/${name}" }.`,
    });
  };
  const badName = wrongPart(name) ?? (name === name.toLowerCase() ? undefined : 'capitals are not allowed');
  if (badName !== undefined) wrong(`Invalid plugin local name: ${name}: ${badName}.`);
  const result = captureEvaluation(attribute.value.span, () => evaluate(attribute.value, context));
  if (!result.ok) throw new FailureError(...result.failures);
  const entries = entriesOf(result.value);
  if (entries === undefined) {
    return wrong(
      ['string', 'number', 'bool'].includes(result.value.type.kind)
        ? 'Invalid plugin requirement: A version alone does not say where a plugin comes from.'
        : 'Invalid required_plugins syntax: required_plugins entries must be objects.',
    );
  }
  const field = (key: 'version' | 'source', missing: string, bad: string): string => {
    const value = entries.get(key);
    if (value === undefined) return wrong(`${missing}: The ${key} must be given as a string.`);
    if (typeof value.data !== 'string') {
      return wrong(`${bad}: The ${key} must be a string.`);
    }
    return value.data;
  };
  const version = field('version', 'No version constraint was set', 'Invalid version constraint');
  if (meets('0', version) === undefined) {
    wrong(`Invalid version constraint: ${JSON.stringify(version)} is not a version constraint.`);
  }
  if (isPrerelease(version)) {
    wrong(`Invalid version constraint: Unsupported prerelease for constraint ${JSON.stringify(version)}.`);
  }
  const source = field('source', 'No source was set', 'Invalid source');
  const badSource = wrongSource(source);
  if (badSource !== undefined) wrong(`Failed to parse source: ${badSource}`);
  if ([...entries.keys()].some((key) => key !== 'version' && key !== 'source')) {
    wrong(
      'Invalid required_plugins object: required_plugins objects can only contain "version" and "source" attributes.',
    );
  }
  return [{ name, source, version, attribute }];
}

/** What is wrong with the address of a plugin: host, path and, last, the type; undefined when nothing is. */
function wrongSource(source: string): string | undefined {
  const errors = [
    ...(source.startsWith('/') ? ["it must not start with a '/'"] : []),
    ...(source.endsWith('/') ? ["it must not end with a '/'"] : []),
    ...(source.split('/').length < 3 ? ['it must have a host and a path of two parts at least'] : []),
    ...(/^[a-z][a-z0-9+.-]*:/i.test(source) ? ['it must not have a scheme such as https://'] : []),
    ...(/\?./.test(source) ? ['it must not have a query'] : []),
    ...(/#./.test(source) ? ['it must not have a fragment'] : []),
  ];
  if (errors.length > 0) {
    return `The provided source URL is invalid: ${errors.join('; ')}. A valid one looks like "github.com/hashicorp/happycloud".`;
  }
  const parts = source.split('/').filter((part) => part !== '');
  const type = parts.at(-1) ?? '';
  const bad = wrongPart(type);
  if (bad !== undefined) return `Invalid plugin type ${JSON.stringify(type)} in source: ${bad}.`;
  if (type.startsWith('packer-')) {
    const prefix = type.startsWith('packer-plugin-') ? 'packer-plugin-' : 'packer-';
    return `Plugin source has a type with the prefix "${prefix}", which isn't valid. Did you mean "${type.slice(prefix.length)}"?`;
  }
  return parts.length > 16 ? 'The source URL must have at most 16 components.' : undefined;
}

/** What keeps a word from being a label of a domain name; undefined when nothing does. */
function wrongPart(text: string): string | undefined {
  if (text === '') return 'it must have at least one character';
  if (text.includes('.')) return 'dots are not allowed';
  if (text.includes('--')) return 'several dashes in a row are not allowed';
  return /^[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?$/u.test(text)
    ? undefined
    : 'only letters, digits and dashes inside are allowed';
}

/** Two plugins may not have the same name on the left: kinds could not be told apart. */
export function checkAccessors(plugins: readonly RequiredPlugin[], problems: Problems): void {
  const seen = new Map<string, RequiredPlugin>();
  for (const plugin of plugins) {
    const earlier = seen.get(plugin.name);
    if (earlier === undefined) {
      seen.set(plugin.name, plugin);
      continue;
    }
    problems.add({
      reason: 'duplicate-name',
      message: `Duplicate required_plugin."${plugin.name}" block: Two plugins must have different names on the left side.`,
      origin: plugin.attribute.nameSpan.range,
      related: [{ message: 'It was first named here.', range: earlier.attribute.nameSpan.range }],
    });
  }
}
