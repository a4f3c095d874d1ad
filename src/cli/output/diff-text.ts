import type { DiffReport, FileChange, FileFacts } from '../../report/diff/diff-report.ts';
import type { RowChange } from '../../report/diff/rows.ts';
import { count, formatBytes, shortDigest } from '../../ui/format.ts';
import type { Paint } from '../../ui/paint.ts';

/** Lines of one section that are shown unless all are asked for. */
const SHOWN = 40;

export interface DiffTextOptions {
  readonly paint: Paint;
  readonly all: boolean;
}

/** A comparison for people: what matters most first, every line with its step. */
export function formatDiff(report: DiffReport, { paint, all }: DiffTextOptions): string {
  const lines = [paint('bold', `${report.before.name} → ${report.after.name}`)];
  if (report.same && report.artifacts.length === 0) return `${lines[0]}\n  no difference\n`;
  const section = (title: string, rows: readonly string[]): void => {
    if (rows.length === 0) return;
    const shown = all || rows.length <= SHOWN + 5 ? rows : rows.slice(0, SHOWN);
    const rest = rows.length - shown.length;
    lines.push(paint('bold', `${title} (${rows.length})`), ...shown);
    if (rest > 0) lines.push(paint('dim', `  … and ${rest} more (--all)`));
  };
  const rowLine = (row: RowChange): string =>
    marked(paint, row.before, row.after, `${row.name} ${values(row.before, row.after)}`, row.step);
  section(
    'Steps',
    report.steps.map(({ step, before, after }) =>
      marked(paint, before, after, `${step} ${values(before && shortDigest(before), after && shortDigest(after))}`),
    ),
  );
  section('Packages', report.packages.map(rowLine));
  section('Users', report.users.map(rowLine));
  section('Groups', report.groups.map(rowLine));
  section('Units', report.units.map(rowLine));
  const { files } = report;
  const timesOnly = files.filter((file) => file.aspects.join() === 'time');
  const others = files.filter((file) => file.aspects.join() !== 'time');
  section(
    'Files',
    others.map((file) => marked(paint, file.before, file.after, fileLine(file), file.step)),
  );
  if (timesOnly.length > 0)
    lines.push(paint('dim', `  ${count(timesOnly.length, 'more entry', 'more entries')} in time alone`));
  section(
    'Images',
    report.artifacts.map(({ name, before, after }) =>
      marked(paint, before, after, `${name} ${values(before && formatBytes(before.size), after && formatBytes(after.size))}`),
    ),
  );
  const { before, after } = report.size;
  lines.push(`${paint('bold', 'Size')} ${formatBytes(before)} → ${formatBytes(after)} (${signed(after - before)})`);
  return `${lines.join('\n')}\n`;
}

function marked(paint: Paint, before: unknown, after: unknown, text: string, step?: string): string {
  const [sign, tone] =
    before === undefined ? (['+', 'good'] as const) : after === undefined ? (['-', 'bad'] as const) : (['~', 'warn'] as const);
  return `  ${paint(tone, `${sign} ${text}`)}${step === undefined ? '' : paint('dim', `  [${step}]`)}`;
}

const values = (before: string | undefined, after: string | undefined): string =>
  before === undefined ? (after ?? '') : after === undefined ? before : `${before} → ${after}`;

const signed = (bytes: number): string => `${bytes < 0 ? '-' : '+'}${formatBytes(Math.abs(bytes))}`;

/** A path with what is known of it, or what changed about it. */
function fileLine({ path, aspects, before, after }: FileChange): string {
  if (before === undefined || after === undefined) return `${path} ${summary(after ?? before)}`;
  const parts = aspects.flatMap((aspect): string[] => {
    switch (aspect) {
      case 'mode':
        return [`mode ${before.mode ?? '-'} → ${after.mode ?? '-'}`];
      case 'owner':
        return [`owner ${before.uid ?? '-'} → ${after.uid ?? '-'}`];
      case 'group':
        return [`group ${before.gid ?? '-'} → ${after.gid ?? '-'}`];
      case 'content':
        return [before.size === after.size ? 'content' : `content, ${before.size} → ${after.size} bytes`];
      case 'target':
        return [`target ${before.target} → ${after.target}`];
      case 'type':
        return [`${before.type} → ${after.type}`];
      case 'time':
        return [];
      default:
        return [aspect];
    }
  });
  return `${path}: ${parts.join(', ')}`;
}

function summary(facts: FileFacts | undefined): string {
  if (facts === undefined) return '';
  const size = facts.size === undefined ? '' : `, ${formatBytes(facts.size)}`;
  const target = facts.target === undefined ? '' : ` to ${facts.target}`;
  const owner = facts.uid === undefined ? '' : ` ${facts.mode ?? ''} ${facts.uid}:${facts.gid}`.replace('  ', ' ');
  return `(${facts.type}${target}${owner}${size})`;
}
