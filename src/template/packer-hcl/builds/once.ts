import { expressionsOf } from '../load/check-references.ts';
import { referencesOf } from '../load/references.ts';
import type { Block } from '../syntax/ast.ts';
import type { BuildWork } from './prepare-builds.ts';
import type { PreparedComponent } from './prepared.ts';

/** Names whose values differ from source to source. */
const VARYING = new Set(['source', 'build']);
const known = new WeakMap<Block, boolean>();

/**
 * Runs the check of a step's block, or gives what it gave for an earlier source when the block cannot tell sources
 * apart: then what is wrong with it was said already.
 */
export function checkOnce(block: Block, work: BuildWork, check: () => PreparedComponent): PreparedComponent {
  if (!isConstant(block)) return check();
  const found = work.checked.get(block) ?? check();
  work.checked.set(block, found);
  return found;
}

/** Whether a block says the same for every source. */
export function isConstant(block: Block): boolean {
  let constant = known.get(block);
  if (constant === undefined) {
    constant =
      !block.span.text.includes('{{') &&
      !block.body.items.some(({ name }) => name === 'override') &&
      !expressionsOf(block.body)
        .flatMap(referencesOf)
        .some(({ root }) => VARYING.has(root));
    known.set(block, constant);
  }
  return constant;
}
