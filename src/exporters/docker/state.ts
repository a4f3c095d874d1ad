import { FailureError } from '../../diagnostics/failure.ts';
import type { ExportContext } from '../exporter.ts';
import type { CommittedState } from './commit-image.ts';

/** The last state of a container, as its driver noted it. @throws FailureError `export-failed` when it noted none */
export function stateOf({ machine }: ExportContext): CommittedState {
  const { image, source } = machine?.info?.external ?? {};
  if (image !== undefined && source !== undefined) return { image, source };
  throw new FailureError({
    reason: 'export-failed',
    message: 'the last state of the machine is no image of the Docker daemon',
    hint: 'This export goes with `builder: { type: docker }`.',
  });
}
