import type { Engine } from './engine-api.ts';

/** The engine, loaded when a command needs it. */
export async function loadEngine(): Promise<Engine> {
  const { engine } = await import('../engine.ts');
  return engine;
}
