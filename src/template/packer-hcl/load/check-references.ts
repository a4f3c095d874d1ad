import { didYouMean } from '../evaluate/did-you-mean.ts';
import type { Body, Expression } from '../syntax/ast.ts';
import type { Problems } from './body.ts';
import { referencesOf } from './references.ts';

const NOUNS: Readonly<Record<string, string>> = { var: 'input variable', local: 'local value' };

/**
 * Notes references of a body to variables and locals that do not exist. For data sources: their bodies are
 * evaluated only when their plugins run, but what they wait for must be known before.
 */
export function checkReferences(
  body: Body,
  declared: Readonly<Record<'var' | 'local', ReadonlyMap<string, unknown>>>,
  problems: Problems,
): void {
  for (const expression of expressionsOf(body)) {
    if (/\b(?:try|can)\(/.test(expression.span.text)) continue;
    for (const { root, path, span } of referencesOf(expression)) {
      const [name] = path;
      if ((root !== 'var' && root !== 'local') || name === undefined || declared[root].has(name)) continue;
      problems.add({
        reason: 'variable-unknown',
        message: `Unsupported attribute: there is no ${NOUNS[root]} named "${name}".`,
        origin: span.range,
        ...didYouMean(name, declared[root].keys()),
      });
    }
  }
}

/** Every expression of a body and of the blocks in it. */
export function expressionsOf(body: Body): Expression[] {
  return body.items.flatMap((item) => (item.type === 'attribute' ? [item.value] : expressionsOf(item.body)));
}
