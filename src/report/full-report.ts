import type { Change } from '../plan/explain.ts';
import type { AuditComparison, AuditDifference } from './audit-report.ts';
import type { ByteDifference } from './diff/byte-difference.ts';

/** What became of one node when everything was built again from nothing. */
export type FullVerdict =
  /** The same result as the cache has. */
  | { readonly type: 'same' }
  /** The cache had nothing to compare with. */
  | { readonly type: 'new' }
  /** Equal inputs, another result: its key is not used any more. */
  | ({ readonly type: 'not-deterministic' } & AuditComparison)
  /** As `not-deterministic`, for a file of the output folder. */
  | { readonly type: 'bytes-differ'; readonly content?: ByteDifference }
  /** The package archives hold something else than when it was built. */
  | {
      readonly type: 'archive-moved';
      readonly archives: readonly string[];
      readonly packages: AuditComparison['packages'];
    }
  /** Other inputs than when it was built: options, files, tools, or what lies below. */
  | { readonly type: 'changed'; readonly changes: readonly Change[] }
  /** Grown in pieces in the cache; from scratch its tree is the same, or differs in these files. */
  | {
      readonly type: 'grown';
      readonly agrees: boolean;
      readonly files: readonly Pick<AuditDifference, 'path' | 'change' | 'aspects'>[];
    }
  /** Its result has no digest that two builds could share. */
  | { readonly type: 'not-compared'; readonly reason: string }
  | { readonly type: 'failed' };

export interface FullRow {
  readonly id: string;
  readonly pipeline: string;
  readonly name: string;
  readonly verdict: FullVerdict;
  /** When the result that it was compared with was made, ISO 8601. */
  readonly comparedWith?: string;
}

/** What `imgpipe build --full` found out. */
export interface FullReport {
  readonly startedAt: string;
  readonly outcome: 'succeeded' | 'failed' | 'aborted';
  /** Entries of the lock that moved, as text: `debian bookworm main (amd64): bookworm-security 2026-11-20 → 2026-11-21`. */
  readonly archives: readonly string[];
  readonly rows: readonly FullRow[];
  /** Keys that are never served again from now on, with their nodes. */
  readonly quarantined: readonly { readonly key: string; readonly node: string }[];
}

/** Whether somebody has to do something: a step failed, or gave something else for equal inputs. */
export function needsAttention({ outcome, rows }: FullReport): boolean {
  const bad = new Set<FullVerdict['type']>(['not-deterministic', 'bytes-differ', 'failed']);
  return (
    outcome !== 'succeeded' ||
    rows.some(({ verdict }) => bad.has(verdict.type) || (verdict.type === 'grown' && !verdict.agrees))
  );
}

/** Most files or packages that are listed of one step. */
const MOST_LINES = 20;

/** The report as text, what matters first. */
export function formatFullReport(report: FullReport): string {
  const { rows, archives, quarantined } = report;
  const counts = Map.groupBy(rows, ({ verdict }) => verdict.type);
  const lines = [
    `Everything was built again from nothing, ${report.startedAt}: ${report.outcome}.`,
    ...(archives.length === 0
      ? ['No package archive moved.']
      : ['Package archives that moved:', ...archives.map((one) => `  ${one}`)]),
    '',
    ...ORDER.flatMap((type) => (counts.get(type) ?? []).flatMap(rowLines)),
  ];
  const same = counts.get('same')?.length ?? 0;
  lines.push(`${same} of ${rows.length} came out the same.`);
  if (quarantined.length > 0) {
    lines.push('', 'Not used from the cache any more, until the step changes:');
    lines.push(...quarantined.map(({ key, node }) => `  ${node} (key ${key.slice(0, 12)})`));
  }
  return `${lines.join('\n')}\n`;
}

const ORDER: readonly FullVerdict['type'][] = [
  'failed',
  'not-deterministic',
  'bytes-differ',
  'grown',
  'archive-moved',
  'changed',
  'new',
  'not-compared',
];

function rowLines({ id, verdict, comparedWith }: FullRow): string[] {
  const since =
    comparedWith === undefined
      ? ''
      : ` (compared with the build of ${comparedWith.slice(0, 16).replace('T', ' ')})`;
  switch (verdict.type) {
    case 'failed':
      return [`${id}: failed`];
    case 'new':
      return [`${id}: was not in the cache`];
    case 'not-compared':
      return [`${id}: not compared, ${verdict.reason}`];
    case 'not-deterministic':
      return [
        `${id}: not deterministic${since}`,
        ...atMost([...verdict.packages.map(packageLine), ...verdict.files.flatMap(fileLines)]),
      ];
    case 'bytes-differ':
      return [`${id}: not deterministic${since}`, ...contentLines(verdict.content)];
    case 'archive-moved':
      return [
        `${id}: archive moved (${verdict.archives.join('; ')})${since}`,
        ...atMost(verdict.packages.map(packageLine)),
      ];
    case 'changed':
      return [`${id}: ${verdict.changes.map(({ what }) => what).join('; ') || 'changed'}${since}`];
    case 'grown':
      return verdict.agrees
        ? [`${id}: grown in pieces in the cache; from scratch it is the same`]
        : [
            `${id}: grown in pieces in the cache; from scratch it differs in`,
            ...atMost(verdict.files.flatMap(fileLines)),
          ];
    case 'same':
      return [];
  }
}

const packageLine = ({ name, before, after }: AuditComparison['packages'][number]): string =>
  `    ${name} ${before ?? 'none'} → ${after ?? 'removed'}`;

function fileLines({ path, change, aspects, content }: AuditDifference): string[] {
  return [`    ${path}: ${aspects.length === 0 ? change : aspects.join(', ')}`, ...contentLines(content)];
}

function contentLines(content: ByteDifference | undefined): string[] {
  if (content === undefined) return [];
  const { line, offset, bytes, before, after } = content;
  const at = line === undefined ? `byte ${offset}` : `line ${line}, byte ${offset}`;
  return [
    `      ${bytes} byte${bytes === 1 ? '' : 's'}, first at ${at}`,
    `      - ${before}`,
    `      + ${after}`,
  ];
}

function atMost(lines: readonly string[]): string[] {
  if (lines.length <= MOST_LINES) return [...lines];
  return [
    ...lines.slice(0, MOST_LINES),
    `    … and ${lines.length - MOST_LINES} more lines; the JSON has them all`,
  ];
}
