import { InvalidArgumentError } from 'commander';
import type { StoredItem } from '../../cache/inventory.ts';
import type { VerifyOutcome } from '../../cache/maintenance.ts';
import { parseDuration, parseSize } from '../../schema/units.ts';
import { count, formatBytes, formatDuration, listNames, shortDigest } from '../../ui/format.ts';
import { defineCommand } from '../define-command.ts';
import { openProject } from '../open-project.ts';
import type { CommonOptions } from '../options/common-options.ts';
import { formatTable } from '../output/table.ts';

interface ListOptions extends CommonOptions {
  readonly json?: boolean;
}

const ls = defineCommand<ListOptions>({
  name: 'ls',
  summary: 'List what the cache holds, newest first',
  examples: [{ line: 'imgpipe cache ls', about: 'layers, disks, folders of cache mounts, logs' }],
  declare: (command) => command.option('--json', 'rows as JSON'),
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const usage = await project.value.cacheUsage();
    if (!usage.ok) return usage;
    const items = usage.value.items.toSorted((a, b) => b.usedAt - a.usedAt);
    context.stdout.write(
      options.json === true ? `${JSON.stringify(items, undefined, 2)}\n` : itemTable(items),
    );
    return 0;
  },
});

const du = defineCommand<ListOptions>({
  name: 'du',
  summary: 'Show how much space the cache takes',
  examples: [{ line: 'imgpipe cache du', about: 'by sort, with the limit and the free space' }],
  declare: (command) => command.option('--json', 'numbers as JSON; sizes in bytes'),
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const usage = await project.value.cacheUsage();
    if (!usage.ok) return usage;
    const { directory, items, limit, free } = usage.value;
    const sorts = [...Map.groupBy(items, (item) => item.type)].map(([type, group]) => ({
      type,
      count: group.length,
      bytes: sum(group),
    }));
    if (options.json === true) {
      const numbers = { directory, sorts, total: sum(items), limit, free };
      context.stdout.write(`${JSON.stringify(numbers, undefined, 2)}\n`);
      return 0;
    }
    const rows = sorts.map((sort) => [sort.type, String(sort.count), formatBytes(sort.bytes)]);
    rows.push(['total', String(items.length), formatBytes(sum(items))]);
    const lines = formatTable(
      [{ title: 'WHAT' }, { title: 'COUNT', align: 'right' }, { title: 'SIZE', align: 'right' }],
      rows,
    );
    const cap = limit === undefined ? 'no limit' : `limit ${formatBytes(limit)}`;
    context.stdout.write(
      `${directory}: ${cap}, ${formatBytes(free)} free on its disk\n${lines.join('\n')}\n`,
    );
    return 0;
  },
});

interface PruneFlags extends CommonOptions {
  readonly maxSize?: number;
  readonly maxAge?: number;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const prune = defineCommand<PruneFlags>({
  name: 'prune',
  summary: 'Delete from the cache, least recently used first',
  description: 'Without flags the bounds of the config hold. What a running build uses always stays.',
  examples: [
    { line: 'imgpipe cache prune --max-size=10GB', about: 'down to a size' },
    { line: 'imgpipe cache prune --max-age=30d --dry-run', about: 'say what would go' },
  ],
  declare: (command) =>
    command
      .option('--max-size <size>', 'delete until the cache is no larger: 10GB, 512MiB', sizeArgument)
      .option('--max-age <time>', 'delete what was not used for longer: 30d, 12h', durationArgument)
      .option('--all', 'delete everything that is not in use')
      .option('--dry-run', 'only say what would be deleted')
      .option('--json', 'the outcome as JSON'),
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const dryRun = options.dryRun === true;
    const outcome = await project.value.cachePrune({
      dryRun,
      maxSize: options.maxSize,
      maxAgeMs: options.maxAge,
      all: options.all === true,
    });
    if (!outcome.ok) return outcome;
    const { removed, freed, kept } = outcome.value;
    if (options.json === true) {
      context.stdout.write(`${JSON.stringify(outcome.value, undefined, 2)}\n`);
      return 0;
    }
    if (removed.length > 0) context.stdout.write(itemTable(removed));
    const verb = dryRun ? 'would delete' : 'deleted';
    context.stdout.write(`${verb} ${count(removed.length, 'item')}, ${formatBytes(freed)}; ${kept} stay\n`);
    return 0;
  },
});

const verify = defineCommand<ListOptions>({
  name: 'verify',
  summary: 'Hash every layer again and drop damaged ones',
  description: `What is dropped is made anew by the next build that needs it. Exits 1 when there was damage. Raw disks are too large to be
hashed: those of a store that was copied or restored, or from before the machine last started, are dropped as well, which is no damage.`,
  examples: [{ line: 'imgpipe cache verify', about: 'after a crash or a disk error' }],
  declare: (command) => command.option('--json', 'the outcome as JSON'),
  async run(context, _args, options) {
    const project = await openProject(context, options);
    if (!project.ok) return project;
    const { stderr } = context;
    const outcome = await project.value.cacheVerify((done, total, digest) => {
      if (stderr.isTTY === true) stderr.write(`\r${done + 1} of ${total}: ${shortDigest(digest)}`);
    });
    if (stderr.isTTY === true) stderr.write('\r\u001B[K');
    if (!outcome.ok) return outcome;
    context.stdout.write(
      options.json === true
        ? `${JSON.stringify(outcome.value, undefined, 2)}\n`
        : describeVerified(outcome.value),
    );
    return outcome.value.damaged.length === 0 ? 0 : 1;
  },
});

function describeVerified({ checked, damaged, unproven, dangling }: VerifyOutcome): string {
  const all = [count(checked.layers, 'layer'), count(checked.states, 'state'), count(checked.disks, 'disk')];
  const looked = all.filter((text, at) => at === 0 || !text.startsWith('0 '));
  const lines = [
    ...damaged.map((digest) => `damaged, dropped: ${digest}`),
    ...(unproven.length === 0
      ? []
      : [
          `${count(unproven.length, 'raw disk')} dropped: from another place or file system, or from before the machine last started; made anew when needed`,
        ]),
    ...(dangling === 0 ? [] : [`${count(dangling, 'record')} without layer dropped`]),
    `${looked.join(', ')} checked, ${damaged.length} damaged`,
  ];
  // Not one whole layer: more likely a bad copy than a bad disk.
  if (checked.layers > 1 && damaged.filter((id) => id.startsWith('sha256:')).length >= checked.layers)
    lines.push('Copy a store with owners, times and attributes: cp -a, rsync -aHAX or tar --xattrs --acls.');
  return `${lines.join('\n')}\n`;
}

export const cacheCommand = defineCommand({
  name: 'cache',
  summary: 'List, measure, prune and verify the cache',
  examples: [],
  subcommands: [ls, du, prune, verify],
});

function itemTable(items: readonly StoredItem[]): string {
  const now = Date.now();
  const lines = formatTable(
    [
      { title: 'SORT' },
      { title: 'ID' },
      { title: 'SIZE', align: 'right' },
      { title: 'USED', align: 'right' },
      { title: 'STEPS' },
    ],
    items.map((item) => [
      item.type,
      item.type === 'layer' || item.type === 'disk' ? shortDigest(item.id) : item.id,
      formatBytes(item.size),
      `${formatDuration(now - item.usedAt)} ago`,
      item.nodes.length === 0 ? '' : listNames(item.nodes, 60),
    ]),
  );
  return `${lines.join('\n')}\n`;
}

const sum = (items: readonly StoredItem[]): number => items.reduce((total, item) => total + item.size, 0);

function sizeArgument(text: string): number {
  const size = parseSize(text);
  if (size === undefined) throw new InvalidArgumentError('Write a size such as 10GB or 512MiB.');
  return size;
}

function durationArgument(text: string): number {
  const duration = parseDuration(text);
  if (duration === undefined) throw new InvalidArgumentError('Write a time such as 30d, 12h or 90s.');
  return duration;
}
