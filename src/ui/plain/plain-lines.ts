import { unreachable } from '../../diagnostics/failure.ts';
import type { BuildEvent } from '../../events/build-event.ts';
import type { NodeId } from '../../model/ids.ts';
import { count, formatBytes, formatDuration, listNames } from '../format.ts';
import { painter, type Paint } from '../paint.ts';
import { nodeOf, type NodeView, type RunView } from '../view-model.ts';
import { skippedReason } from '../summary.ts';

export interface PlainOptions {
  readonly color: boolean;
  readonly verbose: boolean;
}

/**
 * Turns events into lines for a log: one for each fact that matters, with the step before it. Cached and skipped nodes
 * are gathered into one line until something else happens.
 */
export class PlainLines {
  readonly #options: PlainOptions;
  readonly #paint: Paint;
  #gathered: { readonly state: 'cached' | 'skipped'; readonly ids: NodeId[] } | undefined;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#paint = painter(options.color);
  }

  /** Lines for one event; `view` is the fold up to and with it. */
  next(event: BuildEvent, view: RunView): string[] {
    if (event.type === 'node-ended') {
      const { type } = event.end;
      if (type === 'cached' || type === 'skipped') return this.#gather(type, event.id, view);
    }
    const lines = this.#lines(event, view);
    const before = lines.length > 0 || event.type === 'run-ended' ? this.#flush(view) : [];
    return [...before, ...lines];
  }

  #gather(state: 'cached' | 'skipped', id: NodeId, view: RunView): string[] {
    const lines = this.#gathered?.state === state ? [] : this.#flush(view);
    this.#gathered ??= { state, ids: [] };
    this.#gathered.ids.push(id);
    return lines;
  }

  #flush(view: RunView): string[] {
    const gathered = this.#gathered;
    this.#gathered = undefined;
    if (gathered === undefined) return [];
    const nodes = gathered.ids.flatMap((id) => nodeOf(view, id) ?? []);
    const groups = Map.groupBy(nodes, (node) => node.summary.pipeline + (node.skippedBecause ?? ''));
    return [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const number = group.length === 1 ? '' : ` ${group.length}`;
      const why = gathered.state === 'skipped' ? ` (${skippedReason(view, first)})` : '';
      const names = listNames(
        group.map((node) => node.summary.name),
        90,
      );
      const tone = gathered.state === 'cached' ? 'dim' : 'warn';
      return this.#paint(tone, `[${first.summary.pipeline}] ${gathered.state}${number}${why}: ${names}`);
    });
  }

  #lines(event: BuildEvent, view: RunView): string[] {
    switch (event.type) {
      case 'run-started': {
        const pipelines = new Set(event.nodes.map((node) => node.pipeline)).size;
        return [`${event.command}: ${count(pipelines, 'pipeline')}, ${count(event.nodes.length, 'step')}`];
      }
      case 'node-started': {
        const seconds = nodeOf(view, event.id)?.summary.expectedSeconds;
        const about = seconds === undefined ? '' : `, last time ${formatDuration(seconds * 1000)}`;
        return [this.#line(event.id, `started: ${event.reason}${about}`)];
      }
      case 'node-ended': {
        const node = nodeOf(view, event.id);
        return node === undefined ? [] : [this.#ended(node)];
      }
      case 'node-log':
        return this.#options.verbose ? [this.#line(event.id, `| ${event.line}`)] : [];
      case 'node-progress':
        return [];
      case 'node-status':
        return [this.#line(event.id, event.text)];
      case 'node-retry':
        return [
          this.#line(
            event.id,
            this.#paint('warn', `attempt ${event.attempt} of ${event.of}: ${event.message}`),
          ),
        ];
      case 'notice': {
        const text =
          event.level === 'warning'
            ? this.#paint('warn', `warning: ${event.message}`)
            : `note: ${event.message}`;
        return [event.id === undefined ? text : this.#line(event.id, text)];
      }
      case 'artifact':
        return [];
      case 'question':
        return [`${event.question} ${event.answer}`];
      case 'run-ended':
        return [];
      default:
        return unreachable(event);
    }
  }

  #ended(node: NodeView): string {
    const { id } = node.summary;
    const took = formatDuration(node.durationMs ?? 0);
    switch (node.state) {
      case 'built': {
        const size = node.size === undefined ? '' : `, ${formatBytes(node.size)}`;
        const same = node.unchanged === true ? ', same result as before' : '';
        return this.#line(id, this.#paint('good', `built in ${took}${size}${same}`));
      }
      case 'failed': {
        const message = node.failures?.[0]?.message.split('\n')[0] ?? 'no reason given';
        return this.#line(id, this.#paint('bad', `failed after ${took}: ${message}`));
      }
      case 'cancelled':
        return this.#line(id, this.#paint('warn', `stopped after ${took}`));
      default:
        return this.#line(id, node.state);
    }
  }

  #line(id: NodeId, text: string): string {
    return `${this.#paint('info', `[${id}]`)} ${text}`;
  }
}
