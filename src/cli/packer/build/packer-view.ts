import path from 'node:path';
import type { Failure } from '../../../diagnostics/failure.ts';
import { CLEANING_UP, type BuildEvent, type NodeEnd } from '../../../events/build-event.ts';
import type { GraphNode } from '../../../model/graph.ts';
import type { NodeId } from '../../../model/ids.ts';
import type { PackerBuild } from '../../../template/packer-lower/packer-build.ts';
import type { BuildOutput } from './build-output.ts';
import { goDuration } from '../../../template/packer-kinds/go-duration.ts';
import { describeSystem } from '../../../template/packer-kinds/system-error.ts';
import { errorList, spanText } from './go-text.ts';

/** One build with its nodes, as it is shown. */
export interface ViewedBuild {
  readonly build: PackerBuild;
  readonly nodes: readonly GraphNode[];
  readonly output: BuildOutput;
}

export interface ViewOptions {
  /** For machines: only what Packer would say. */
  readonly plain: boolean;
  /** Of `-on-error`. */
  readonly onError: string;
}

interface State extends ViewedBuild {
  readonly open: Set<NodeId>;
  /** Steps of which was said that no try is left. */
  readonly exhausted: Set<NodeId>;
  readonly failures: { readonly node: GraphNode; readonly failures: readonly Failure[] }[];
  startedAt: number | undefined;
  cancelled: boolean;
}

/**
 * Shows a run in Packer's words: a fold over its events. What Packer does not know (steps from the cache, and why a
 * step is not) is left out of lines for machines.
 */
export class PackerView {
  /** Errors of builds that ended, by their names. */
  readonly errors = new Map<string, string>();
  readonly #states: readonly State[];
  readonly #of = new Map<NodeId, { readonly state: State; readonly node: GraphNode }>();
  readonly #options: ViewOptions;

  constructor(builds: readonly ViewedBuild[], options: ViewOptions) {
    this.#options = options;
    this.#states = builds.map((build) => ({
      ...build,
      open: new Set(build.nodes.map(({ id }) => id)),
      exhausted: new Set(),
      failures: [],
      startedAt: undefined,
      cancelled: false,
    }));
    for (const state of this.#states) for (const node of state.nodes) this.#of.set(node.id, { state, node });
  }

  readonly listen = (event: BuildEvent): void => {
    if (!('id' in event) || event.id === undefined) return;
    const found = this.#of.get(event.id);
    if (found === undefined) return;
    const { state, node } = found;
    switch (event.type) {
      case 'node-started':
        state.startedAt ??= event.time;
        this.#started(state, node);
        break;
      case 'node-log':
        if (event.stream === 'stderr') state.output.errorAs(targetOf(state, node), event.line);
        else state.output.sayAs(targetOf(state, node), event.line);
        break;
      case 'node-status':
        if (event.text === CLEANING_UP) this.#cleaning(state, node);
        break;
      case 'node-retry': {
        const left = event.of - event.attempt + 1;
        this.#say(
          state,
          `Provisioner failed with ${JSON.stringify(event.message)}, retrying with ${left} trie(s) left`,
        );
        this.#before(state, node);
        break;
      }
      case 'notice':
        this.#notice(state, event.message);
        break;
      case 'node-ended':
        this.#ended(state, node, event.end, event.time);
        break;
      default:
        break;
    }
  };

  #started(state: State, node: GraphNode): void {
    if (node.role === 'post') {
      const { type } = node.post;
      const packerType = type.replace(/^packer-/, '');
      const name = this.#nameOf(state, node) ?? packerType;
      const shown = name === packerType ? name : `${name} (type ${packerType})`;
      this.#say(state, `Running post-processor: ${shown}`);
    }
    if (node.role === 'step') {
      if (node.step.untracked !== undefined)
        this.#hint(state, `not cached: ${node.name}: ${node.step.untracked}`);
      this.#before(state, node);
    }
  }

  /** As the user called it; the posts of a pipeline stand in the order of its chains. */
  #nameOf({ build, nodes }: State, node: GraphNode): string | undefined {
    const index = nodes.filter(({ role }) => role === 'post').indexOf(node);
    return build.chains.flat()[index]?.name;
  }

  /** What is said before every try of a step. */
  #before(state: State, node: GraphNode): void {
    if (node.role !== 'step') return;
    const { pauseBeforeMs = 0, timeoutMs } = node.step.run;
    if (pauseBeforeMs > 0)
      this.#say(state, `Pausing ${goDuration(pauseBeforeMs)} before the next provisioner...`);
    if (timeoutMs !== undefined)
      this.#say(state, `Setting a ${goDuration(timeoutMs)} timeout for the next provisioner...`);
  }

  #cleaning(state: State, node: GraphNode): void {
    this.#retriesEnded(state, node);
    // The file builder has no such step.
    if (state.build.builder.type === 'file') return;
    this.#say(state, 'Provisioning step had errors: Running the cleanup provisioner, if present...');
  }

  #notice(state: State, message: string): void {
    const left = / failed and is left out \(continueOnError\): (.*)$/s.exec(message)?.[1];
    if (left === undefined) this.#hint(state, message);
    else
      this.#say(
        state,
        `Warning: Provisioner failed with ${JSON.stringify(left)}, but continue_on_error is set; continuing the build.`,
      );
  }

  #ended(state: State, node: GraphNode, end: NodeEnd, time: number): void {
    if (end.type === 'cached' && (node.role === 'step' || node.role === 'post'))
      this.#hint(state, `cached: ${node.name}`);
    if (end.type === 'cancelled') state.cancelled = true;
    if (end.type === 'failed') {
      if (node.role === 'step') this.#stepFailed(state, node, end.failures);
      state.failures.push({ node, failures: end.failures });
    }
    state.open.delete(node.id);
    if (state.open.size === 0) this.#finish(state, time);
  }

  #stepFailed(state: State, node: GraphNode & { role: 'step' }, failures: readonly Failure[]): void {
    if (failures[0]?.reason === 'step-timeout')
      state.output.errorAs(state.build.name, 'Cancelling provisioner after a timeout...');
    this.#retriesEnded(state, node);
    // Packer names its own steps here; the file builder has none.
    if (state.build.builder.type === 'file') return;
    const { onError } = this.#options;
    const aborted =
      onError === 'abort'
        ? 'StepProvision'
        : onError === 'run-cleanup-provisioner'
          ? 'StepConnect'
          : undefined;
    if (aborted === undefined) return;
    state.output.errorAs(state.build.name, wordsOf(failures[0]));
    state.output.errorAs(state.build.name, `Step "${aborted}" failed, aborting...`);
    if (onError === 'abort')
      state.output.errorAs(state.build.name, 'aborted: skipping cleanup of step "StepConnect"');
  }

  /** Said once, before the clean-up when there is one. */
  #retriesEnded(state: State, node: GraphNode): void {
    if (node.role !== 'step' || node.step.run.retries === 0 || state.exhausted.has(node.id)) return;
    state.exhausted.add(node.id);
    this.#say(state, 'retry limit reached.');
  }

  #finish(state: State, time: number): void {
    const { build, output } = state;
    if (state.cancelled && state.startedAt === undefined) return;
    const error = errorOf(state);
    const took = spanText(time - (state.startedAt ?? time));
    if (error === undefined) {
      output.say(`Build '${build.name}' finished after ${took}.`);
      return;
    }
    this.errors.set(build.name, error);
    output.error(`Build '${build.name}' errored after ${took}: ${error}`);
  }

  #say(state: State, text: string): void {
    state.output.sayAs(state.build.name, text);
  }

  #hint(state: State, text: string): void {
    if (!this.#options.plain) this.#say(state, text);
  }
}

/** What is wrong; a path that the operating system refuses in the words of Go. */
function wordsOf(failure: Failure | undefined): string {
  const { cause } = failure ?? {};
  if (cause instanceof Error && 'path' in cause && typeof cause.path === 'string') {
    const isPlain = failure?.reason === 'input-missing' || failure?.message.includes(cause.message) === true;
    if (isPlain) return describeSystem('open', path.relative('.', cause.path), cause);
  }
  return failure?.message ?? '';
}

/** Post-processors speak in their own name. */
function targetOf({ build }: State, node: GraphNode): string {
  return node.role === 'post' ? `${build.name} (${node.post.type.replace(/^packer-/, '')})` : build.name;
}

function errorOf({ failures, cancelled }: State): string | undefined {
  const [first] = failures;
  if (first === undefined) return cancelled ? 'build was cancelled' : undefined;
  if (first.node.role === 'post') {
    return errorList(failures.map((one) => `Post-processor failed: ${wordsOf(one.failures[0])}`));
  }
  const [cause, cleanup] = first.failures;
  if (cleanup === undefined) return wordsOf(cause);
  const why = cleanup.message.replace(/^clean-up failed: /, '');
  return `Cleanup failed: ${why}. Original Provisioning error: ${wordsOf(cause)}`;
}
