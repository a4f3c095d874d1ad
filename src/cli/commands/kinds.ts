import { fail, type Result } from '../../diagnostics/failure.ts';
import { suggestName } from '../../diagnostics/nearest-name.ts';
import type { Kinds } from '../../plan/kinds.ts';
import type { KindDescriptor } from '../../schema/kind.ts';
import { usesColor, type CommonOptions } from '../options/common-options.ts';
import { painter, type Paint } from '../../ui/paint.ts';
import { defineCommand } from '../define-command.ts';
import { openProject } from '../open-project.ts';
import { formatTable } from '../output/table.ts';

interface NamedKind {
  readonly sort: string;
  readonly kind: KindDescriptor;
}

export const kindsCommand = defineCommand<CommonOptions>({
  name: 'kinds',
  summary:
    'List the kinds of builders, sources, steps, exports, post-processors and checks, or the options of one',
  examples: [
    { line: 'imgpipe kinds', about: 'all there are, with those of plugins' },
    { line: 'imgpipe kinds package', about: 'options of the step `package`, with examples' },
  ],
  declare: (command) => command.argument('[type]', 'name of a kind'),
  async run(context, [type], options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const kinds = await project.value.kinds();
    if (!kinds.ok) return kinds;
    const paint = painter(usesColor(context.stdout, options.color, context.env));
    if (type === undefined) {
      context.stdout.write(listKinds(allKinds(kinds.value), paint));
      return 0;
    }
    const found = findKinds(kinds.value, type as string);
    if (!found.ok) return found;
    const texts = await Promise.all(found.value.map((named) => describeKind(named, paint)));
    context.stdout.write(texts.join('\n'));
    return 0;
  },
});

function allKinds(kinds: Kinds): NamedKind[] {
  return [kinds.builders, kinds.sources, kinds.steps, kinds.exports, kinds.posts, kinds.checks].flatMap(
    (table) => table.all.map((kind) => ({ sort: table.sort, kind })),
  );
}

/** All kinds of that name: a source and an export may share one. */
function findKinds(kinds: Kinds, type: string): Result<readonly NamedKind[]> {
  const all = allKinds(kinds);
  const found = all.filter(({ kind }) => kind.type === type);
  if (found.length > 0) return { ok: true, value: found };
  const hint = suggestName(type, new Set(all.map(({ kind }) => kind.type)), 'kinds');
  return fail({ reason: 'unknown-kind', message: `there is no kind \`${type}\``, hint });
}

function listKinds(kinds: readonly NamedKind[], paint: Paint): string {
  const [title = '', ...rows] = formatTable(
    [{ title: 'SORT' }, { title: 'TYPE' }, { title: 'WHAT IT DOES' }],
    kinds.map(({ sort, kind }) => [sort, kind.type, kind.summary]),
  );
  return [paint('bold', title), ...rows, ''].join('\n');
}

async function describeKind({ sort, kind }: NamedKind, paint: Paint): Promise<string> {
  const { describeFields } = await import('../../schema/markdown.ts');
  const rows = describeFields(kind.schema).flatMap(([name, type, byDefault, meaning]) => {
    const needed =
      byDefault === '**required**' ? ', required' : byDefault === '' ? '' : `, default ${byDefault}`;
    return [
      `  ${paint('bold', plain(name))}  ${paint('dim', plain(`${type}${needed}`))}`,
      `      ${plain(meaning)}`,
    ];
  });
  const examples = kind.examples.good.flatMap((example) => [
    `  # ${example.title}`,
    ...JSON.stringify({ type: kind.type, ...example.options }, undefined, 2)
      .split('\n')
      .map((line) => `  ${line}`),
  ]);
  return [
    `${paint('bold', `${kind.type} (${sort})`)}  ${kind.summary}`,
    ...(kind.description === undefined ? [] : ['', kind.description]),
    '',
    paint('bold', 'Options'),
    ...(rows.length === 0 ? ['  none'] : rows),
    ...(examples.length === 0 ? [] : ['', paint('bold', 'Examples'), ...examples]),
    '',
  ].join('\n');
}

/** A terminal shows no Markdown. */
const plain = (text: string): string => text.replaceAll('`', '').replaceAll('**', '');
