import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { runCli } from '../../src/cli/run-cli.ts';
import { runPacker } from '../../src/cli/packer/run-packer.ts';
import type { Engine } from '../../src/engine/api.ts';

/** A folder of its own in which command lines of Packer's run. */
export class PackerProject implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'imgpipe-packer-'));

  write(name: string, content: string | Uint8Array): this {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return this;
  }

  read(name: string): string {
    return readFileSync(path.join(this.folder, name), 'utf8');
  }

  async run(
    args: readonly string[],
    options: {
      readonly stdin?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly engine?: Engine;
      readonly signal?: AbortSignal;
      /** Takes the arguments; default: `packer`. */
      readonly command?: 'imgpipe build' | 'imgpipe convert';
    } = {},
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
    let stdout = '';
    let stderr = '';
    const own = options.command?.replace('imgpipe ', '');
    const run = own === undefined ? runPacker : runCli;
    const code = await run(own === undefined ? args : [own, ...args], {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
      stdin: Readable.from([Buffer.from(options.stdin ?? '')]) as unknown as NodeJS.ReadStream,
      env: options.env ?? {},
      cwd: this.folder,
      signal: options.signal ?? new AbortController().signal,
      takeSignals: () => undefined,
      engine: () =>
        options.engine === undefined
          ? Promise.reject(new Error('no engine here'))
          : Promise.resolve(options.engine),
    });
    return { code, stdout, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
