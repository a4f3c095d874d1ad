import type { BuildEvent, NodeEnd, NodeRole, NodeSummary } from '../../src/events/build-event.ts';
import { asNodeId, type NodeId } from '../../src/model/ids.ts';

type Untimed = BuildEvent extends infer E ? (E extends BuildEvent ? Omit<E, 'time'> : never) : never;

interface NodeSpec {
  readonly name: string;
  readonly role?: NodeRole;
  readonly kind?: string;
  readonly pipeline?: string;
  readonly expectedSeconds?: number;
}

/** Writes the events of a run that never was, with a clock that only moves when told. */
export class Recorder {
  readonly events: BuildEvent[] = [];
  #time = 0;

  emit(event: Untimed): this {
    this.events.push({ ...event, time: this.#time });
    return this;
  }

  /** Lets time go by. */
  wait(milliseconds: number): this {
    this.#time += milliseconds;
    return this;
  }

  start(specs: readonly NodeSpec[], command = 'build'): this {
    const nodes = specs.map((spec, index): NodeSummary => {
      const before = specs[index - 1];
      return {
        id: idOf(spec.name, spec.pipeline),
        pipeline: spec.pipeline ?? 'web',
        name: spec.name,
        kind: spec.kind ?? 'shell',
        role: spec.role ?? 'step',
        dependsOn: before === undefined ? [] : [idOf(before.name, before.pipeline)],
        expectedSeconds: spec.expectedSeconds,
      };
    });
    return this.emit({
      type: 'run-started',
      runId: 'r1',
      command,
      startedAt: '2026-01-02T03:04:05.000Z',
      nodes,
    });
  }

  cached(...names: readonly string[]): this {
    for (const name of names) this.end(name, { type: 'cached' }, 0);
    return this;
  }

  run(name: string, reason: string): this {
    return this.emit({ type: 'node-started', id: idOf(name), reason });
  }

  log(name: string, ...lines: readonly string[]): this {
    for (const line of lines) this.emit({ type: 'node-log', id: idOf(name), stream: 'stdout', line });
    return this;
  }

  end(name: string, end: NodeEnd, durationMs: number, size?: number): this {
    return this.emit({ type: 'node-ended', id: idOf(name), end, durationMs, size });
  }

  built(name: string, durationMs: number, size?: number, unchanged = false): this {
    return this.end(name, { type: 'built', unchanged }, durationMs, size);
  }

  finish(
    outcome: 'succeeded' | 'failed' | 'aborted',
    [cached, built, failed, skipped]: [number, number, number, number],
  ): this {
    const counts = { cached, built, failed, skipped };
    return this.emit({ type: 'run-ended', outcome, durationMs: this.#time, counts });
  }
}

/** `web/nginx`; a name with a slash is an id already. */
export function idOf(name: string, pipeline = 'web'): NodeId {
  return asNodeId(name.includes('/') ? name : `${pipeline}/${name}`);
}

const STEPS: readonly NodeSpec[] = [
  { name: 'source', role: 'source', kind: 'bootstrap', expectedSeconds: 14 },
  { name: 'packages', kind: 'package', expectedSeconds: 9 },
  { name: 'services', kind: 'service' },
  { name: 'page', kind: 'file', expectedSeconds: 0.1 },
  { name: 'seal', role: 'seal', kind: 'seal' },
  { name: 'disk', role: 'disk', kind: 'disk', expectedSeconds: 2 },
  { name: 'qcow2', role: 'export', kind: 'qcow2' },
  { name: 'boot', role: 'check', kind: 'boot' },
];

/** One file was edited: its layer, the disk and what follows run, the rest is cached. */
export function editedRun(): readonly BuildEvent[] {
  return new Recorder()
    .start(STEPS)
    .wait(12)
    .cached('source', 'packages', 'services')
    .run('page', 'content of `files/index.html` changed')
    .wait(35)
    .built('page', 35, 412)
    .cached('seal')
    .run('disk', '1 layer changed')
    .wait(1900)
    .built('disk', 1900, 824_000_000)
    .run('qcow2', 'the image changed')
    .emit({ type: 'node-progress', id: idOf('qcow2'), done: 40, total: 100, unit: 'percent' })
    .wait(600)
    .built('qcow2', 600, 412_300_000)
    .emit({
      type: 'artifact',
      id: idOf('qcow2'),
      path: '/project/output/web.qcow2',
      size: 412_300_000,
      sha256: `0123456789abcdef${'0'.repeat(48)}`,
    })
    .run('boot', 'the image changed')
    .emit({ type: 'node-status', id: idOf('boot'), text: 'booting' })
    .wait(21_000)
    .emit({ type: 'node-status', id: idOf('boot'), text: 'GET http://127.0.0.1/ answered 200' })
    .built('boot', 21_000)
    .emit({ type: 'notice', level: 'warning', message: 'the archive has newer packages than imgpipe.lock' })
    .finish('succeeded', [4, 4, 0, 0]).events;
}

/** Nothing changed. */
export function cachedRun(): readonly BuildEvent[] {
  const names = STEPS.map((step) => step.name);
  return new Recorder()
    .start(STEPS)
    .wait(40)
    .cached(...names)
    .emit({
      type: 'artifact',
      id: idOf('qcow2'),
      path: '/project/output/web.qcow2',
      size: 412_300_000,
      sha256: 'ab'.repeat(32),
    })
    .finish('succeeded', [8, 0, 0, 0]).events;
}

/** A script exits 3 at its second attempt; what needs it is skipped. */
export function failedRun(): readonly BuildEvent[] {
  return new Recorder()
    .start(STEPS)
    .cached('source', 'packages')
    .run('services', 'option `enable` changed')
    .wait(700)
    .emit({ type: 'node-retry', id: idOf('services'), attempt: 2, of: 2, message: 'exit code 3' })
    .log('services', ...Array.from({ length: 60 }, (_, index) => `line ${index + 1}`), 'no such unit: ngnix')
    .wait(800)
    .end(
      'services',
      {
        type: 'failed',
        failures: [
          {
            reason: 'step-failed',
            message: 'step services exited with code 3',
            origin: { file: '/project/pipelines/web.yaml', line: 12, column: 5 },
            stepId: 'web/services',
            hint: 'Name a unit that exists.',
          },
        ],
        logFile: '/project/.cache/logs/r1/services.log',
      },
      1500,
    )
    .cached('page')
    .end('seal', { type: 'skipped', because: idOf('services') }, 0)
    .end('disk', { type: 'skipped', because: idOf('services') }, 0)
    .end('qcow2', { type: 'skipped', because: idOf('services') }, 0)
    .end('boot', { type: 'skipped', because: idOf('services') }, 0)
    .finish('failed', [3, 0, 1, 4]).events;
}

/** In the middle of a run with far more steps than a small terminal has lines. */
export function crowdedRun(steps: number): readonly BuildEvent[] {
  const names = Array.from({ length: steps }, (_, index) => `step-${String(index + 1).padStart(3, '0')}`);
  const recorder = new Recorder().start(names.map((name) => ({ name, expectedSeconds: 10 })));
  const third = Math.floor(steps / 3);
  recorder.cached(...names.slice(0, third)).wait(1000);
  for (const name of names.slice(third, third * 2))
    recorder.run(name, 'first build').wait(100).built(name, 100, 1000);
  for (const name of names.slice(third * 2, third * 2 + 3)) {
    recorder.run(name, 'first build').log(name, `${name} says one`, `${name} says two`, `${name} says three`);
  }
  return recorder.wait(2500).emit({ type: 'notice', level: 'info', message: 'tick' }).events;
}
