import { LayerStore } from '../../layer-store.ts';
import type { AgentRequest, AgentResults, AgentSettings, ToAgent } from '../protocol.ts';
import type { FromAgent } from '../reply-schema.ts';
import { ActiveLayers } from './active-layers.ts';
import {
  prepareMountPoints,
  readImageFile,
  readText,
  removeMountPoints,
  writeImageFile,
} from './disk-tree.ts';
import { failuresOf } from './failures.ts';
import { removeStaleRuns } from './stale-runs.ts';
import { Programs } from './programs.ts';
import { WorkerPool } from './worker-pool.ts';

type Handlers = {
  readonly [Type in AgentRequest['type']]: (
    request: AgentRequest & { type: Type },
    id: number,
  ) => Promise<AgentResults[Type]> | AgentResults[Type];
};

/**
 * Answers the requests of imgpipe until it says stop or goes away.
 * @param settings an `AgentSettings` as JSON
 * @param workerEntry module that worker threads run
 */
export function serveRequests(settings: string, workerEntry: URL): void {
  // Our own start line: both ends are the same build.
  const { store: directory, run } = JSON.parse(settings) as AgentSettings;
  const store = new LayerStore(directory);
  const workers = new WorkerPool(workerEntry);
  const layers = new ActiveLayers(store, run, workers);
  const cleared = removeStaleRuns(store, run);
  const programs = new Programs(layers.memoryDirectory, (id, chunk) =>
    sendAndWait({ type: 'output', id, ...chunk }),
  );
  const work = { store: directory };
  // A step's files must not depend on the umask of the user who started imgpipe.
  process.umask(0o022);

  const handlers: Handlers = {
    activate: ({ view, shim }) => layers.activate(view, shim),
    'mount-view': ({ view }) => layers.mountView(view),
    spawn: (request, id) => programs.run(request, id),
    commit: ({ active, rules }) => layers.commit(active, rules),
    discard: async ({ active }) => {
      await layers.discard(active);
      return null;
    },
    'write-layer': ({ entries, facts, rules }) =>
      workers.run({ type: 'write-layer', ...work, directory: layers.newDirectory(), entries, facts, rules }),
    verify: ({ layer }) => workers.run({ type: 'verify', ...work, layer }),
    'read-text': ({ path }) => readText(path),
    'read-active': ({ active, path }) => readImageFile(layers.mountPoint(active), path),
    'write-active': ({ active, file }) => {
      writeImageFile(layers.mountPoint(active), file);
      return null;
    },
    'prepare-mount-points': ({ active, points }) => prepareMountPoints(layers.mountPoint(active), points),
    'remove-mount-points': ({ active, made }) => {
      removeMountPoints(layers.mountPoint(active), made);
      return null;
    },
    remove: async ({ paths }) => {
      await layers.removeTrees(paths);
      return null;
    },
    'take-away': async ({ paths }) => {
      await layers.takeTreesAway(paths);
      return null;
    },
    settle: async () => {
      await cleared;
      await layers.settle();
      return null;
    },
    stop: async () => {
      await programs.stop();
      await layers.close();
      await cleared;
      setImmediate(() => process.exit(0));
      return null;
    },
  };

  process.on('disconnect', () => process.exit(1));
  process.on('message', (message: ToAgent) => {
    if (message.type === 'cancel') programs.cancel(message.id);
    else void answer(handlers, message.id, message.request);
  });
  workers.warmUp();
  send({ type: 'ready' });
}

async function answer(handlers: Handlers, id: number, request: AgentRequest): Promise<void> {
  try {
    // The table pairs each type with its own handler; the compiler cannot follow that through a union.
    const handler = handlers[request.type] as (request: AgentRequest, id: number) => unknown;
    send({ type: 'done', id, result: await handler(request, id) });
  } catch (error) {
    const failures = failuresOf(error);
    if (failures === undefined) {
      send({
        type: 'broken',
        id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    } else {
      send({
        type: 'failed',
        id,
        failures: failures.map(({ reason, message, hint }) => ({ reason, message, hint })),
      });
    }
  }
}

function send(message: FromAgent): void {
  process.send?.(message, undefined, {}, () => undefined);
}

/** Waits until the message has left, so that a flood of output does not pile up in memory. */
function sendAndWait(message: FromAgent): Promise<void> {
  return new Promise((resolve) => process.send?.(message, undefined, {}, () => resolve()));
}
