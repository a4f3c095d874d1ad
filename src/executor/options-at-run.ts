import { FailureError } from '../diagnostics/failure.ts';
import type { MachineFacts } from '../model/late-options.ts';
import { fillLateNow } from '../model/late-value.ts';
import type { KindUse } from '../model/pipeline.ts';
import type { ExecutorServices } from './services.ts';

/**
 * Options as a kind gets them: those that a front end makes anew, or those of the graph with secrets and facts of the
 * machine in the places that stand for them.
 * @throws FailureError when the machine does not have a fact, or a secret no value
 */
export function optionsAtRun(
  { lateOptions, secrets }: Pick<ExecutorServices, 'lateOptions' | 'secrets'>,
  { id, options }: { readonly id: string; readonly options: KindUse['options'] },
  facts: MachineFacts,
): KindUse['options'] {
  const made = lateOptions?.(id, facts);
  if (made !== undefined) return made;
  return fillLateNow(options, (sort, name) => (sort === 'secret' ? secrets.get(name) : factOf(facts, name)));
}

function factOf(facts: MachineFacts, name: string): string {
  const known = facts[name];
  if (known !== undefined) return known;
  const names = Object.keys(facts);
  throw new FailureError({
    reason: 'template-invalid',
    message: `the machine has no \${build.${name}}`,
    hint: names.length === 0 ? 'It has none of these facts.' : `It has ${names.toSorted().join(', ')}.`,
  });
}
