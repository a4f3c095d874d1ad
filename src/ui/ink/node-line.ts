import { formatBytes, formatDuration } from '../format.ts';
import type { Tone } from '../paint.ts';
import { skippedReason } from '../summary.ts';
import type { NodeState, NodeView, RunView } from '../view-model.ts';
import type { ScreenLine, ScreenOptions, Span } from './screen.ts';

/** One character for each state, and those of bars. */
export type Glyphs = Readonly<Record<NodeState | 'full' | 'empty' | 'tail', string>> & {
  readonly spinner: readonly string[];
};

export const UNICODE_GLYPHS: Glyphs = {
  waiting: '○',
  running: '●',
  cached: '✔',
  built: '✔',
  failed: '✖',
  skipped: '−',
  cancelled: '■',
  full: '█',
  empty: '░',
  tail: '│',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

export const ASCII_GLYPHS: Glyphs = {
  waiting: '.',
  running: '*',
  cached: '+',
  built: '+',
  failed: 'x',
  skipped: '-',
  cancelled: '!',
  full: '#',
  empty: '-',
  tail: '|',
  spinner: ['-', '\\', '|', '/'],
};

const TONES: Record<NodeState, Tone> = {
  waiting: 'dim',
  running: 'info',
  cached: 'dim',
  built: 'good',
  failed: 'bad',
  skipped: 'warn',
  cancelled: 'warn',
};

const BAR = 10;
const TIME = 9;

/** The row of one step: state, name, time, and what there is to say about it. */
export function nodeLine(view: RunView, node: NodeView, options: ScreenOptions): ScreenLine {
  const { glyphs, now } = options;
  const tone = TONES[node.state];
  const quiet = node.state === 'cached' || node.state === 'waiting';
  const glyph =
    node.state === 'running'
      ? (glyphs.spinner[Math.floor(now / 100) % glyphs.spinner.length] ?? '')
      : glyphs[node.state];
  const width = nameWidth(view, options.columns);
  return {
    key: node.summary.id,
    spans: [
      { text: `${glyph} `, tone },
      { text: fit(nameOf(view, node), width), tone: quiet ? 'dim' : 'plain' },
      { text: ` ${timeOf(node, now).padStart(TIME)}  `, tone: 'dim' },
      ...details(view, node, options),
    ],
  };
}

interface Names {
  /** Whether all steps belong to one pipeline, whose name then says nothing. */
  readonly short: boolean;
  readonly longest: number;
}

/** By the run's index, which stays the same object from its first to its last event. */
const namesOf = new WeakMap<RunView['index'], Names>();

function names(view: RunView): Names {
  let known = namesOf.get(view.index);
  if (known === undefined) {
    const first = view.nodes[0]?.summary.pipeline;
    const short = view.nodes.every((node) => node.summary.pipeline === first);
    const lengths = view.nodes.map(({ summary }) => (short ? summary.name : summary.id).length);
    known = { short, longest: lengths.reduce((most, length) => Math.max(most, length), 4) };
    namesOf.set(view.index, known);
  }
  return known;
}

/** The step's name, with its pipeline when the run has several. */
function nameOf(view: RunView, node: NodeView): string {
  return names(view).short ? node.summary.name : node.summary.id;
}

function nameWidth(view: RunView, columns: number): number {
  return Math.min(names(view).longest, Math.max(8, Math.floor(columns * 0.4)));
}

/** Cut in the middle, where names of a matrix differ least. */
function fit(text: string, width: number): string {
  if (text.length <= width) return text.padEnd(width);
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}~${text.slice(text.length - (width - 1 - head))}`;
}

function timeOf(node: NodeView, now: number): string {
  if (node.state === 'running') return formatDuration(now - (node.startedAt ?? now));
  return node.state === 'built' || node.state === 'failed' ? formatDuration(node.durationMs ?? 0) : '';
}

function details(view: RunView, node: NodeView, options: ScreenOptions): Span[] {
  switch (node.state) {
    case 'running':
      return runningDetails(node, options);
    case 'built': {
      const size = node.size === undefined ? '' : `${formatBytes(node.size)}, `;
      const what = node.unchanged === true ? 'same result as before' : (node.reason ?? 'built');
      return [{ text: `${size}${what}`, tone: 'dim' }];
    }
    case 'failed':
      return [{ text: node.failures?.[0]?.message.split('\n')[0] ?? 'failed', tone: 'bad' }];
    case 'skipped':
      return [{ text: skippedReason(view, node), tone: 'dim' }];
    case 'cached':
    case 'cancelled':
    case 'waiting':
      return [{ text: node.state, tone: 'dim' }];
  }
}

function runningDetails(node: NodeView, options: ScreenOptions): Span[] {
  const { progress, status, summary, reason, attempt } = node;
  const elapsed = (options.now - (node.startedAt ?? options.now)) / 1000;
  const again: Span[] =
    attempt === undefined ? [] : [{ text: `attempt ${attempt.number} of ${attempt.of} `, tone: 'warn' }];
  const what = status ?? reason ?? '';
  const text: Span = { text: what, tone: 'dim' };
  /** Between a figure and words that it does not belong to. */
  const comma = what === '' ? '' : ', ';
  if (progress?.total !== undefined && progress.total > 0) {
    const share = Math.min(1, progress.done / progress.total);
    const left = share > 0.05 && share < 1 ? `, ${about(elapsed / share - elapsed)}` : '';
    return [
      ...again,
      ...bar(share, options),
      { text: ` ${Math.floor(share * 100)} %${left}${comma}`, tone: 'plain' },
      text,
    ];
  }
  if (progress !== undefined) {
    const amount =
      progress.unit === 'bytes' ? formatBytes(progress.done) : `${progress.done} ${progress.unit}`;
    return [...again, { text: `${amount}${comma}`, tone: 'plain' }, text];
  }
  if (summary.expectedSeconds !== undefined && summary.expectedSeconds > 0) {
    const left = summary.expectedSeconds - elapsed;
    const hint = left > 0 ? about(left) : `last time ${formatDuration(summary.expectedSeconds * 1000)}`;
    return [
      ...again,
      ...bar(Math.min(0.99, elapsed / summary.expectedSeconds), options),
      { text: ` ${hint}${comma}`, tone: 'plain' },
      text,
    ];
  }
  return [...again, text];
}

const about = (seconds: number): string => `~${Math.max(1, Math.round(seconds))} s left`;

function bar(share: number, { glyphs }: ScreenOptions): Span[] {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR);
  return [
    { text: glyphs.full.repeat(full), tone: 'info' },
    { text: glyphs.empty.repeat(BAR - full), tone: 'dim' },
  ];
}
