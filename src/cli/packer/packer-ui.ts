import type { TextStream } from '../../ui/build-ui.ts';

/** Where the commands speak: as text, or in lines for machines (`-machine-readable`). Everything goes to stdout. */
export interface PackerUi {
  /** A line for the user. */
  say(text: string): void;
  /** The result of a command. */
  message(text: string): void;
  error(text: string): void;
  /** What hides secrets, for those who break or cut texts before they show them. */
  readonly hide?: (text: string) => string;
  /** A fact that only machines read. */
  machine(type: string, ...data: readonly string[]): void;
  /** The same of one build. */
  machineOf(target: string, type: string, ...data: readonly string[]): void;
}

export function textUi(stdout: TextStream): PackerUi {
  const line = (text: string): void => {
    stdout.write(`${text}\n`);
  };
  return { say: line, message: line, error: line, machine: () => undefined, machineOf: () => undefined };
}

/** Lines `unixtime,target,type,data…`; commas and line ends in the data are replaced. */
export function machineUi(stdout: TextStream, now: () => Date): PackerUi {
  const line = (type: string, data: readonly string[], target = ''): void => {
    const time = Math.floor(now().getTime() / 1000);
    stdout.write(`${[String(time), target, type, ...data.map(escape)].join(',')}\n`);
  };
  return {
    say: (text) => line('ui', ['say', text]),
    message: (text) => line('ui', ['message', text]),
    error: (text) => line('ui', ['error', text]),
    machine: (type, ...data) => line(type, data),
    machineOf: (target, type, ...data) => line(type, data, target),
  };
}

const escape = (text: string): string =>
  text.replaceAll(',', '%!(PACKER_COMMA)').replaceAll('\r', '\\r').replaceAll('\n', '\\n');

/** Puts `<sensitive>` in the place of every secret before anything is shown. */
export function hidingUi(ui: PackerUi, hide: (text: string) => string): PackerUi {
  return {
    hide,
    say: (text) => ui.say(hide(text)),
    message: (text) => ui.message(hide(text)),
    error: (text) => ui.error(hide(text)),
    machine: (type, ...data) => ui.machine(type, ...data.map(hide)),
    machineOf: (target, type, ...data) => ui.machineOf(target, type, ...data.map(hide)),
  };
}
