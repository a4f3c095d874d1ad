import { fail, type Result } from '../../diagnostics/failure.ts';
import type { OciImageOptions } from '../oci-image.ts';
import type { SourceRunContext } from '../source.ts';

/** In work. */
export function produceOciImage(_options: OciImageOptions, _context: SourceRunContext): Promise<Result<void>> {
  return Promise.resolve(fail({ reason: 'internal', message: 'the source oci-image is not written yet' }));
}
