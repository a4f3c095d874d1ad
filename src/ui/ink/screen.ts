import type { Tone } from '../paint.ts';
import { formatDuration } from '../format.ts';
import { countStates, type NodeView, type RunView } from '../view-model.ts';
import { nodeLine, type Glyphs } from './node-line.ts';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One line of the screen; the component cuts it at the terminal's width. */
export interface ScreenLine {
  readonly key: string;
  readonly spans: readonly Span[];
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenOptions extends ScreenSize {
  /** Milliseconds since the run began, now; between events it moves on. */
  readonly now: number;
  readonly glyphs: Glyphs;
}

/** Most lines of output shown under one running step. */
const TAIL = 4;

/**
 * The live screen: a head line, a row for each step, the last output of running steps and a line of totals, in at most
 * `rows - 1` lines (a full screen would scroll). Where not every step fits, first the cached, then the waiting, then
 * the built steps are folded into one line each.
 */
export function screenLines(view: RunView, options: ScreenOptions): ScreenLine[] {
  const space = Math.max(1, options.rows - 3);
  const running = view.nodes.filter((node) => node.state === 'running');
  // Room for output only where the running steps and the folds (at most four) have theirs.
  const tails = Math.max(0, Math.min(Math.min(running.length, 2) * 2, space - running.length - 4));
  const rows = clip(chooseRows(view.nodes, space - tails), space);
  const free = space - rows.length;
  const body = rows.flatMap((row): ScreenLine[] => {
    if (row.type === 'fold') {
      return [{ key: row.key, spans: [{ text: `${options.glyphs[row.state]} ${row.text}`, tone: 'dim' }] }];
    }
    const line = nodeLine(view, row.node, options);
    const share =
      row.node.state === 'running' ? tailShare(running.indexOf(row.node), running.length, free) : 0;
    return [line, ...tailLines(row.node, share, options.glyphs)];
  });
  return [headLine(view, options), ...body, totalsLine(view)];
}

type Row =
  | { readonly type: 'node'; readonly node: NodeView }
  | { readonly type: 'fold'; readonly key: string; readonly state: NodeView['state']; readonly text: string };

/** Rows in graph order, folded as little as the space allows. */
function chooseRows(nodes: readonly NodeView[], space: number): Row[] {
  if (nodes.length <= space) return nodes.map((node): Row => ({ type: 'node', node }));
  const folded: NodeView['state'][] = [];
  for (const state of ['cached', 'waiting', 'skipped'] as const) {
    if (nodes.some((node) => node.state === state)) folded.push(state);
    const shown = nodes.filter((node) => !folded.includes(node.state));
    if (shown.length + folded.length <= space) return withFolds(nodes, shown, folded);
  }
  const urgent = nodes.filter((node) => urgency(node) > 0).length;
  // Still too many: failed and running ones first, then the ones that ended last.
  const shown = nodes
    .filter((node) => !folded.includes(node.state))
    .toSorted((a, b) => urgency(b) - urgency(a) || (b.endedAt ?? 0) - (a.endedAt ?? 0))
    .slice(0, Math.max(urgent, space - folded.length - 1));
  return withFolds(
    nodes,
    nodes.filter((node) => shown.includes(node)),
    [...folded, 'built'],
  );
}

/** On the smallest screens the folds give way, then what is least urgent. */
function clip(rows: readonly Row[], space: number): readonly Row[] {
  if (rows.length <= space) return rows;
  const nodes = rows.filter((row) => row.type === 'node');
  if (nodes.length <= space)
    return [...nodes, ...rows.filter((row) => row.type === 'fold').slice(0, space - nodes.length)];
  const kept = nodes.toSorted((a, b) => urgency(b.node) - urgency(a.node)).slice(0, space);
  return nodes.filter((row) => kept.includes(row));
}

const urgency = (node: NodeView): number => (node.state === 'failed' ? 2 : node.state === 'running' ? 1 : 0);

/** Folds of ended steps stand above the rows, those of steps to come below. */
function withFolds(
  all: readonly NodeView[],
  shown: readonly NodeView[],
  states: readonly NodeView['state'][],
): Row[] {
  const hidden = all.filter((node) => !shown.includes(node));
  const fold = (state: NodeView['state'], text: (count: number) => string): Row[] => {
    const count = hidden.filter((node) =>
      state === 'built' ? !isFolded(node, states) : node.state === state,
    ).length;
    return count === 0 ? [] : [{ type: 'fold', key: `fold-${state}`, state, text: text(count) }];
  };
  return [
    ...fold('cached', (count) => `${count} cached`),
    ...fold('built', (count) => `${count} more`),
    ...shown.map((node): Row => ({ type: 'node', node })),
    ...fold('waiting', (count) => `${count} waiting`),
    ...fold('skipped', (count) => `${count} skipped`),
  ];
}

const isFolded = (node: NodeView, states: readonly NodeView['state'][]): boolean =>
  node.state !== 'built' && states.includes(node.state);

/** Free lines shared evenly among running steps, the first ones getting what is left over. */
function tailShare(index: number, running: number, free: number): number {
  const base = Math.floor(free / running);
  return Math.min(TAIL, base + (index < free % running ? 1 : 0));
}

function tailLines(node: NodeView, share: number, glyphs: Glyphs): ScreenLine[] {
  if (share <= 0) return [];
  const lines = node.tail.filter((line) => line.trim() !== '').slice(-share);
  return lines.map((line, index) => ({
    key: `${node.summary.id} ${index}`,
    spans: [{ text: `  ${glyphs.tail} ${line}`, tone: 'dim' as const }],
  }));
}

function headLine(view: RunView, options: ScreenOptions): ScreenLine {
  const pipelines = [...new Set(view.nodes.map((node) => node.summary.pipeline))];
  const name =
    pipelines.length === 1
      ? ` ${pipelines[0]}`
      : pipelines.length > 1
        ? ` ${pipelines.length} pipelines`
        : '';
  const left = `${view.command}${name}`;
  const right = formatDuration(options.now);
  const gap = Math.max(1, options.columns - left.length - right.length - 1);
  return {
    key: 'head',
    spans: [
      { text: left, tone: 'bold' },
      { text: ' '.repeat(gap), tone: 'plain' },
      { text: right, tone: 'dim' },
    ],
  };
}

const TOTALS = [
  ['failed', 'bad'],
  ['running', 'info'],
  ['built', 'good'],
  ['cached', 'dim'],
  ['waiting', 'dim'],
  ['skipped', 'warn'],
  ['cancelled', 'warn'],
] as const;

function totalsLine(view: RunView): ScreenLine {
  const counts = countStates(view);
  const spans = TOTALS.filter(([state]) => counts[state] > 0).flatMap(([state, tone], index): Span[] => [
    { text: index === 0 ? '' : ', ', tone: 'dim' },
    { text: `${counts[state]} ${state}`, tone },
  ]);
  return { key: 'totals', spans };
}
