import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { MachineFacts } from '../model/late-options.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

/** Asked before every step when the user wants to look at the machine between them. */
export const GO_ON = {
  question: 'Pausing before the next provisioner . Press enter to continue.',
  choices: ['continue'],
  defaultChoice: 'continue',
};

/**
 * For a run that stops before every step: the key that was made for the build goes into a file beside the template's
 * other files, so that the user can get into the machine. The files are deleted with this object.
 */
export class LookIn implements Disposable {
  readonly #services: ExecutorServices;
  readonly #files = new Map<string, () => void>();

  constructor(services: ExecutorServices) {
    this.#services = services;
  }

  /** Waits for the user. @param facts of the machine that runs, if any */
  async pause(pipeline: Pipeline, facts: MachineFacts, scope: NodeScope): Promise<void> {
    const { stepwise, sink } = this.#services;
    if (stepwise !== true) return;
    const { SSHPrivateKey: key = '', Host: host = '', Port: port = '22', User: user = 'root' } = facts;
    if (key !== '') {
      const file = this.#save(pipeline, key, scope);
      scope.log(`To look into the machine: ssh -i ${basename(file)} -p ${port} ${user}@${host}`);
    }
    await sink.ask(GO_ON);
  }

  #save(pipeline: Pipeline, key: string, scope: NodeScope): string {
    const file = resolve(pipeline.directory, `${pipeline.name.replaceAll(/[^\w.-]/g, '_')}.pem`);
    if (this.#files.has(file)) return file;
    this.#files.set(
      file,
      this.#services.journal.add({ type: 'path', path: file, what: 'key for debugging' }),
    );
    rmSync(file, { force: true });
    writeFileSync(file, key, { mode: 0o600, flag: 'wx' });
    chmodSync(file, 0o600);
    scope.log(`Saving key for debug purposes: ${basename(file)}`);
    return file;
  }

  [Symbol.dispose](): void {
    for (const [file, gone] of this.#files) {
      rmSync(file, { force: true });
      gone();
    }
    this.#files.clear();
  }
}
