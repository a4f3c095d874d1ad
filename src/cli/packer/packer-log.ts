import { closeSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { BuildEvent, NodeEnd } from '../../events/build-event.ts';
import { VERSION, type CliContext } from '../context.ts';
import type { PackerUi } from './packer-ui.ts';
import { describeSystem } from '../../template/packer-kinds/system-error.ts';
import { PACKER_VERSION } from '../../template/packer-kinds/packer-version.ts';

/** What a run does, line by line, for whoever looks for a mistake: `PACKER_LOG`, `PACKER_LOG_PATH`. */
export interface PackerLog {
  readonly info: (text: string) => void;
  /** The same facts that the screen shows, and those that it leaves out. Secrets are hidden in them. */
  readonly listen: (event: BuildEvent) => void;
  /** A screen whose lines are in the log as well. */
  readonly beside: (ui: PackerUi) => PackerUi;
  readonly close: () => void;
}

const SILENT: PackerLog = {
  info: () => undefined,
  listen: () => undefined,
  beside: (ui) => ui,
  close: () => undefined,
};

/**
 * The log that the environment asks for: `PACKER_LOG_PATH` names a file that starts anew, and `PACKER_LOG` (anything but
 * empty and `0`) means standard error, which does not repeat what the screen shows. A text: why the file cannot be made.
 */
export function openPackerLog({ env, stderr, cwd }: CliContext, now: () => Date): PackerLog | string {
  const { PACKER_LOG: wanted = '', PACKER_LOG_PATH: file = '' } = env;
  if (file === '' && (wanted === '' || wanted === '0')) return SILENT;
  if (file === '') return logTo((text) => void stderr.write(text), { now, ownLines: true });
  try {
    const open = openSync(path.resolve(cwd, file), 'w');
    const write = (text: string): void => void writeSync(open, text);
    return logTo(write, { now, ownLines: false, close: () => closeSync(open) });
  } catch (cause) {
    return `Couldn't setup log output: ${describeSystem('open', file, cause)}`;
  }
}

function logTo(
  write: (text: string) => void,
  options: { readonly now: () => Date; readonly ownLines: boolean; readonly close?: () => void },
): PackerLog {
  const line = (text: string): void => {
    for (const part of text.split('\n')) write(`${stamp(options.now())} ${part}\n`);
  };
  const info = (text: string): void => line(`[INFO] ${text}`);
  info(
    `Packer version: ${PACKER_VERSION} [imgpipe ${VERSION}, Node ${process.version} ${process.platform} ${process.arch}]`,
  );
  return {
    info,
    listen: (event) => {
      const text = describe(event);
      if (text !== undefined) info(text);
    },
    beside: (ui) => (options.ownLines ? ui : copied(ui, line)),
    close: options.close ?? (() => undefined),
  };
}

const copied = (ui: PackerUi, line: (text: string) => void): PackerUi => ({
  ...ui,
  say: (text) => {
    line(`ui: ${text}`);
    ui.say(text);
  },
  message: (text) => {
    line(`ui: ${text}`);
    ui.message(text);
  },
  error: (text) => {
    line(`ui error: ${text}`);
    ui.error(text);
  },
});

/** As Go's log package: in the time of this place, without the zone. */
function stamp(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('/');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** Undefined for what the screen shows anyway and for what is of no use afterwards. */
function describe(event: BuildEvent): string | undefined {
  switch (event.type) {
    case 'run-started':
      return `run ${event.runId}: ${event.nodes.length} nodes`;
    case 'node-started':
      return `${event.id}: runs: ${event.reason}`;
    case 'node-status':
      return `${event.id}: ${event.text}`;
    case 'node-retry':
      return `${event.id}: attempt ${event.attempt} of ${event.of}: ${event.message}`;
    case 'node-ended':
      return `${event.id}: ${ending(event.end)} after ${Math.round(event.durationMs)} ms`;
    case 'notice':
      return `${event.level}: ${event.message}`;
    case 'artifact':
      return `${event.id}: artifact ${event.path}, ${event.size} bytes, sha256 ${event.sha256}`;
    case 'run-ended':
      return `run ${event.outcome} after ${Math.round(event.durationMs)} ms`;
    case 'node-log':
    case 'node-progress':
    case 'question':
      return undefined;
  }
}

function ending(end: NodeEnd): string {
  switch (end.type) {
    case 'built':
      return end.unchanged ? 'built, with the same result as before' : 'built';
    case 'failed': {
      const log = end.logFile === undefined ? '' : ` (log: ${end.logFile})`;
      return `failed: ${end.failures.map(({ reason, message }) => `${reason}: ${message}`).join('; ')}${log}`;
    }
    case 'skipped':
      return `skipped because of ${end.because}`;
    default:
      return end.type;
  }
}
