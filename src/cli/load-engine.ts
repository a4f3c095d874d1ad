import type { Engine } from '../engine/api.ts';

/** The engine, with schemas of all kinds: more than `--help` needs. */
export async function loadEngine(): Promise<Engine> {
  return (await import('../engine.ts')).engine;
}
