import type { Failure } from '../../../diagnostics/failure.ts';
import { shapesOf } from '../../packer-kinds/shape.ts';
import { findComponent } from '../../packer-kinds/table.ts';
import { decodeBody } from '../builds/decode-body.ts';
import type { ComponentBlock, ParsedPackerTemplate } from '../load/parsed-template.ts';
import { STRING } from '../values/type.ts';
import { type Value, mapValue, objectValue, stringValue } from '../values/value.ts';

export interface EvaluatedData {
  /** By `type.name`: those that could be read now. */
  readonly values: ReadonlyMap<string, Value>;
  readonly failures: readonly Failure[];
}

/** Reads the data sources whose options are known and that were not read before. Reaches the network. */
export async function evaluateDataSources(
  template: ParsedPackerTemplate,
  known: ReadonlyMap<string, Value>,
  signal: AbortSignal,
): Promise<EvaluatedData> {
  const values = new Map<string, Value>();
  const failures: Failure[] = [];
  for (const source of template.dataSources) {
    const name = `${source.type}.${source.name}`;
    const kind = known.has(name) ? undefined : findComponent('data-source', source.type);
    if (kind === undefined) continue;
    const decoded = decodeBody(source.body, shapesOf(kind.schema), template.context);
    if (decoded.failures.length > 0 || [...decoded.values.values()].some((value) => !value.whollyKnown))
      continue;
    const { options } = decoded;
    try {
      values.set(name, source.type === 'null' ? readNull(options) : await readHttp(options, signal));
    } catch (cause) {
      failures.push(failed(source, cause));
      values.set(name, objectValue({}));
    }
  }
  return { values, failures };
}

function readNull(options: Readonly<Record<string, unknown>>): Value {
  return objectValue({ output: textValue(options['input']) });
}

async function readHttp(options: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Value> {
  const headers = new Map(
    Object.entries((options['request_headers'] ?? {}) as Readonly<Record<string, unknown>>).map(
      ([name, value]) => [name, String(value)],
    ),
  );
  const url = String(options['url'] ?? '');
  const body = options['request_body'];
  const response = await fetch(url, {
    method: typeof options['method'] === 'string' && options['method'] !== '' ? options['method'] : 'GET',
    headers: Object.fromEntries(headers),
    signal,
    ...(typeof body === 'string' && body !== '' && { body }),
  });
  if (!response.ok) throw new Error(`HTTP request error. Response code: ${response.status}`);
  const sent = [...headers].map(([name, value]) => [name, stringValue(value)] as const);
  return objectValue({
    url: stringValue(url),
    body: stringValue(await response.text()),
    request_headers: mapValue(STRING, new Map(sent)),
  });
}

const textValue = (value: unknown): Value => stringValue(typeof value === 'string' ? value : '');

function failed(source: ComponentBlock, cause: unknown): Failure {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const why =
    cause instanceof Error && cause.cause instanceof Error ? `${reason}: ${cause.cause.message}` : reason;
  return {
    reason: 'source-failed',
    message: `The data source ${source.type}.${source.name} cannot be read\n${why}`,
    origin: source.span.range,
    cause,
  };
}
