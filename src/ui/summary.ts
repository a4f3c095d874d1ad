import path from 'node:path';
import type { Failure } from '../diagnostics/failure.ts';
import { count, formatBytes, formatDuration, shortDigest } from './format.ts';
import { painter } from './paint.ts';
import { countStates, nodeOf, type ArtifactView, type NodeView, type RunView } from './view-model.ts';

export interface SummaryOptions {
  readonly color: boolean;
  readonly cwd: string;
  readonly github?: boolean;
  readonly width?: number;
}

/** One line: how the run ended, how long it took and what was cached. */
export function outcomeLine(view: RunView, color: boolean): string {
  const paint = painter(color);
  if (view.ended === undefined) return paint('warn', 'not finished');
  const { outcome, durationMs, counts } = view.ended;
  const took = formatDuration(durationMs);
  const states = countStates(view);
  const unfinished = states.cancelled + states.waiting + states.running;
  const parts = [
    counts.failed > 0 ? `${counts.failed} failed` : '',
    counts.skipped > 0 ? `${counts.skipped} skipped` : '',
    counts.built > 0 ? `${counts.built} built` : '',
    counts.cached > 0 ? `${counts.cached} cached` : '',
    unfinished > 0 ? `${unfinished} not finished` : '',
  ].filter((part) => part !== '');
  const details = parts.length === 0 ? 'nothing to do' : parts.join(', ');
  switch (outcome) {
    case 'succeeded':
      return counts.built === 0 && counts.cached > 0
        ? `${paint('good', 'nothing changed')} in ${took}: all ${count(counts.cached, 'step')} cached`
        : `${paint('good', 'done')} in ${took}: ${details}`;
    case 'failed':
      return `${paint('bad', 'failed')} after ${took}: ${details}`;
    case 'aborted':
      return `${paint('warn', 'stopped')} after ${took}: ${details}`;
  }
}

/** One line for each artifact: path, size, first digits of its SHA-256. These are the results of a build. */
export function artifactLines(artifacts: readonly ArtifactView[], cwd: string): string[] {
  const rows = artifacts.map((artifact) => ({
    path: shortPath(artifact.path, cwd),
    size: formatBytes(artifact.size),
    digest: shortDigest(artifact.sha256),
  }));
  const pathWidth = Math.max(0, ...rows.map((row) => row.path.length));
  const sizeWidth = Math.max(0, ...rows.map((row) => row.size.length));
  return rows.map(
    (row) => `${row.path.padEnd(pathWidth)}  ${row.size.padStart(sizeWidth)}  sha256:${row.digest}`,
  );
}

/** What went wrong, last on the screen: the end of each failed step's output, then its failure with place and mend. */
export async function failureText(
  view: RunView,
  failures: readonly Failure[],
  options: SummaryOptions,
): Promise<string> {
  const all = failures.length > 0 ? failures : view.nodes.flatMap((node) => node.failures ?? []);
  if (all.length === 0) return '';
  // Loaded only now: measuring wide characters brings tables that take longer to load than a cached build.
  const { formatFailures } = await import('../diagnostics/printer.ts');
  const paint = painter(options.color);
  // A failure that quotes the telling lines itself needs no second copy of them.
  const quoted = new Set(all.filter((one) => (one.excerpt ?? []).length > 0).map((one) => one.stepId));
  const logs = view.nodes
    .filter((node) => node.state === 'failed' && node.tail.length > 0 && !quoted.has(node.summary.id))
    .map((node) => {
      const title = `end of the log of ${node.summary.id}`;
      const head = options.github === true ? `::group::${title}` : paint('bold', `── ${title}`);
      const foot = options.github === true ? ['::endgroup::'] : [];
      const where =
        node.logFile === undefined
          ? []
          : [paint('dim', `   all of it: ${shortPath(node.logFile, options.cwd)}`)];
      return [head, ...node.tail.map((line) => `   ${line}`), ...where, ...foot, ''].join('\n');
    });
  const places = view.nodes.flatMap((node) =>
    node.logFile !== undefined && quoted.has(node.summary.id)
      ? [paint('dim', `whole log of ${node.summary.id}: ${shortPath(node.logFile, options.cwd)}`)]
      : [],
  );
  const marks = options.github === true ? all.map((failure) => annotation(failure, options.cwd)) : [];
  const printed = formatFailures(all, { color: options.color, cwd: options.cwd, width: options.width });
  return [...logs, ...marks, printed, ...places].filter((part) => part !== '').join('\n');
}

/** A failure as a workflow command of GitHub Actions: shown at its line of the template. */
function annotation(failure: Failure, cwd: string): string {
  const place =
    failure.origin === undefined
      ? ''
      : ` file=${property(shortPath(failure.origin.file, cwd))},line=${failure.origin.line},col=${failure.origin.column}`;
  return `::error${place}::${failure.message.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}`;
}

const property = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Relative to `cwd` when it lies in it. */
export function shortPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, path.resolve(cwd, file));
  return relative === '' || relative.startsWith('..') ? file : relative;
}

/** Why a node did not run, in words. */
export function skippedReason(view: RunView, node: NodeView): string {
  const because = node.skippedBecause;
  if (because === undefined) return 'skipped';
  const cause = nodeOf(view, because);
  return `needs ${cause?.summary.pipeline === node.summary.pipeline ? cause.summary.name : because}`;
}
