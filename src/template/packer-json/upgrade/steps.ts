import { parseGoDuration } from '../../packer-kinds/go-duration.ts';
import type { JsonObject } from '../json-value.ts';
import type { JsonPostProcessor, JsonProvisioner } from '../template.ts';
import { HclWriter, writeOptions } from './hcl-writer.ts';

/** A provisioner as a block of the given type, with an empty line after it. */
export function provisionerBlock(type: string, step: JsonProvisioner): HclWriter {
  const options: JsonObject = { ...step.config, ...onlyExcept(step) };
  if (step.maxRetries !== '') options['max_retries'] = step.maxRetries;
  for (const [name, text] of [
    ['timeout', step.timeout],
    ['pause_before', step.pauseBefore],
  ] as const) {
    const duration = formatGoDuration(text);
    if (duration !== undefined) options[name] = duration;
  }
  return new HclWriter().block(type, [step.type], (body) => writeOptions(body, options)).newline();
}

/** A chain of post-processors; a single one needs no block around it. */
export function postProcessorBlock(chain: readonly JsonPostProcessor[]): HclWriter[] {
  const [first] = chain;
  if (first === undefined) return [];
  const writer = new HclWriter();
  if (chain.length === 1) writePostProcessor(writer, first);
  else {
    writer.block('post-processors', [], (body) => {
      for (const step of chain) writePostProcessor(body, step);
    });
  }
  return [writer];
}

function writePostProcessor(writer: HclWriter, step: JsonPostProcessor): void {
  writer.block('post-processor', [step.type], (body) => {
    if (step.keepInputArtifact !== undefined) {
      body.attribute('keep_input_artifact', step.keepInputArtifact);
    }
    const name: JsonObject = step.name === step.type ? {} : { name: step.name };
    writeOptions(body, { ...step.config, ...onlyExcept(step), ...name });
  });
}

function onlyExcept({ only, except }: Pick<JsonProvisioner, 'only' | 'except'>): JsonObject {
  return {
    ...(except.length > 0 && { except: [...except] }),
    ...(only.length > 0 && { only: [...only] }),
  };
}

/** A span of time as Go prints it (`1m30s`); undefined for none. */
function formatGoDuration(text: string): string | undefined {
  const parsed = text === '' ? undefined : parseGoDuration(text);
  if (parsed === undefined || 'error' in parsed || parsed.milliseconds <= 0) return undefined;
  const seconds = parsed.milliseconds / 1000;
  if (seconds < 1) return seconds < 0.001 ? `${parsed.milliseconds * 1000}µs` : `${parsed.milliseconds}ms`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
