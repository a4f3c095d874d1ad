import { FailureError } from '../diagnostics/failure.ts';
import type { Engine } from './engine-api.ts';

/** Stands here until src/engine.ts is written. */
export function loadEngine(): Promise<Engine> {
  return Promise.reject(new FailureError({ reason: 'internal', message: 'the engine is not built in yet' }));
}
