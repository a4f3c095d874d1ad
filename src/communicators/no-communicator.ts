import { FailureError } from '../diagnostics/failure.ts';
import type { CommandOutcome, Communicator } from './communicator.ts';

/**
 * No way in. `none`: commands succeed without being run, as in Packer, so that a step that needs no machine may stand
 * there; files cannot be copied. `pretend`: copying succeeds as well.
 */
export class NoCommunicator implements Communicator {
  readonly #pretends: boolean;

  constructor(mode: 'none' | 'pretend') {
    this.#pretends = mode === 'pretend';
  }

  run(): Promise<CommandOutcome> {
    return Promise.resolve({ type: 'exited', code: 0 });
  }

  uploadFile(): Promise<void> {
    return this.#refuse('Upload');
  }

  downloadFile(): Promise<void> {
    return this.#refuse('Download');
  }

  uploadTree(): Promise<void> {
    return this.#refuse('UploadDir');
  }

  downloadTree(): Promise<void> {
    return this.#refuse('DownloadDir');
  }

  async readFile(): Promise<Buffer | undefined> {
    await this.#refuse('Download');
    return undefined;
  }

  reconnect(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #refuse(what: string): Promise<void> {
    if (this.#pretends) return Promise.resolve();
    return Promise.reject(
      new FailureError({
        reason: 'communicator-failed',
        message: `${what} is not implemented when communicator = 'none'`,
        hint: 'Give the builder a communicator.',
      }),
    );
  }
}
