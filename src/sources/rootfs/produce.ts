import { fail, type Result } from '../../diagnostics/failure.ts';
import type { RootfsOptions } from '../rootfs.ts';
import type { SourceRunContext } from '../source.ts';

/** In work. */
export function produceRootfs(_options: RootfsOptions, _context: SourceRunContext): Promise<Result<void>> {
  return Promise.resolve(fail({ reason: 'internal', message: 'the source rootfs is not written yet' }));
}
