import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of this repository. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export interface BenchProject extends Disposable {
  readonly directory: string;
  /** Command line of the built CLI, by the Node that runs the benchmark. */
  readonly imgpipe: readonly string[];
  readonly page: string;
  /** Writes a new line into the page. */
  readonly editPage: () => void;
}

/** A copy of the sample project in a folder of its own, with its own cache; `link` shares the repository's packages. */
export function copyProject(): BenchProject {
  const directory = mkdtempSync(join(tmpdir(), 'imgpipe-bench-'));
  cpSync(join(ROOT, 'pipelines'), join(directory, 'pipelines'), { recursive: true });
  cpSync(join(ROOT, 'imgpipe.config.ts'), join(directory, 'imgpipe.config.ts'));
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(ROOT, join(directory, 'node_modules', 'imgpipe'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}\n');
  const page = join(directory, 'pipelines', 'debian-web', 'files', 'www', 'index.html');
  let edits = 0;
  return {
    directory,
    imgpipe: [process.execPath, join(ROOT, 'bin', 'imgpipe.mjs')],
    page,
    editPage: () => {
      edits += 1;
      const text = readFileSync(page, 'utf8').replace(/<!-- edit \d+ -->\n$/, '');
      writeFileSync(page, `${text}<!-- edit ${edits} -->\n`);
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Folders of the layers of the project's finished debian-web image, bottom first. */
export function layersOf(project: BenchProject): string[] {
  const manifest = JSON.parse(
    readFileSync(join(project.directory, 'output', 'debian-web', 'manifest.json'), 'utf8'),
  ) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  return manifest.layers.map(({ digest }) =>
    join(project.directory, 'cache', 'layers', digest.replace('sha256:', '')),
  );
}
