import { fail, type Result } from '../../diagnostics/failure.ts';
import type { BootstrapOptions } from '../bootstrap.ts';
import type { SourceRunContext } from '../source.ts';

/** In work. */
export function produceBootstrap(_options: BootstrapOptions, _context: SourceRunContext): Promise<Result<void>> {
  return Promise.resolve(fail({ reason: 'internal', message: 'the source bootstrap is not written yet' }));
}
