import path from 'node:path';
import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import { importModule, stackFrames, type Importer } from '../schema/import-module.ts';
import { describeValue } from '../schema/issues.ts';
import { subLocator, type Locator } from '../schema/locator.ts';
import { moduleLocator } from '../schema/module-file.ts';
import { readText } from '../schema/read-text.ts';
import { parseJson, parseYaml } from '../schema/yaml-file.ts';
import { isPipelineDefinition } from './define-pipeline.ts';
import type { ParsedPipeline } from './parsed-template.ts';

/** Reads the pipelines of one file. */
export async function readTemplate(
  file: string,
  importer?: Importer,
): Promise<Result<readonly ParsedPipeline[]>> {
  return /\.[cm]?[jt]s$/.test(file) ? readModule(file, importer) : readDocument(file);
}

async function readDocument(file: string): Promise<Result<readonly ParsedPipeline[]>> {
  const text = readText(file, 'template-syntax');
  return text.ok ? await parseDocument(file, text.value) : text;
}

/** Reads the pipelines of a template in YAML or JSON; `file` is its name, it need not be there. */
export async function parseDocument(file: string, text: string): Promise<Result<readonly ParsedPipeline[]>> {
  const parsed = file.endsWith('.json')
    ? parseJson(file, text, 'template-syntax')
    : await parseYaml(file, text, 'template-syntax');
  if (!parsed.ok) return parsed;
  const { value, locate } = parsed.value;
  return collect(file, listed(value, locate), { interpolates: true });
}

async function readModule(file: string, importer?: Importer): Promise<Result<readonly ParsedPipeline[]>> {
  const loaded = await importModule(
    file,
    { syntax: 'template-syntax', thrown: 'template-invalid' },
    importer,
  );
  if (!loaded.ok) return loaded;
  const value = loaded.value['default'];
  if (value === undefined) {
    return fail({
      reason: 'template-invalid',
      message: 'the template exports nothing by default',
      origin: { file, line: 1, column: 1 },
      hint: 'Write: export default definePipeline({ … }). A helper file needs a name that begins with _.',
    });
  }
  return collect(file, listed(value, moduleLocator(file)), { interpolates: false });
}

interface Item {
  readonly value: unknown;
  readonly locate: Locator;
}

function listed(value: unknown, locate: Locator): readonly Item[] {
  if (!Array.isArray(value)) return [{ value, locate }];
  return value.map((item: unknown, index) => ({ value: item, locate: subLocator(locate, [index]) }));
}

function collect(
  file: string,
  items: readonly Item[],
  settings: { readonly interpolates: boolean },
): Result<readonly ParsedPipeline[]> {
  const failures: Failure[] = [];
  const pipelines = items.flatMap((item): ParsedPipeline[] => {
    const definition = isPipelineDefinition(item.value) ? item.value : undefined;
    const fields = definition === undefined ? item.value : definition.head;
    const locate = definition === undefined ? item.locate : callLocator(file, definition.site);
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
      const what =
        fields === null || fields === undefined ? 'is empty' : `must be a map, not ${describeValue(fields)}`;
      failures.push({ reason: 'template-invalid', message: `the template ${what}`, origin: locate([]) });
      return [];
    }
    const plain = fields as Readonly<Record<string, unknown>>;
    const body = definition?.body === undefined ? {} : { body: definition.body };
    return [{ file, fallbackName: fallbackName(file), fields: plain, ...body, ...settings, locate }];
  });
  return failures.length > 0 ? fail(...failures) : { ok: true, value: pipelines };
}

/** The file's name without ending, or its folder's for `pipeline.*`. */
function fallbackName(file: string): string {
  const stem = path.basename(file).replace(/\.[^.]+$/, '');
  return stem === 'pipeline' ? path.basename(path.dirname(file)) : stem;
}

/** Reads the stack that `definePipeline` kept only when a place is asked for. */
function callLocator(file: string, site: { readonly stack?: string }): Locator {
  let locate: Locator | undefined;
  return (where, part) => {
    if (locate === undefined) {
      const call = stackFrames(site.stack ?? '')[0];
      locate = call === undefined ? moduleLocator(file) : moduleLocator(call.file, call);
    }
    return locate(where, part);
  };
}
