const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a span of time in Go's notation (`1h5m30s`), or what Go says is wrong with it. */
export function parseGoDuration(
  text: string,
): { readonly milliseconds: number } | { readonly error: string } {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return { milliseconds: 0 };
  if (unsigned === '') return { error: `time: invalid duration ${JSON.stringify(text)}` };
  let milliseconds = 0;
  let rest = unsigned;
  while (rest !== '') {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) return { error: `time: invalid duration ${JSON.stringify(text)}` };
    rest = rest.slice(number.length);
    const unit = /^[^\d.]+/.exec(rest)?.[0];
    if (unit === undefined) return { error: `time: missing unit in duration ${JSON.stringify(text)}` };
    const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
    if (factor === undefined) {
      return { error: `time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}` };
    }
    milliseconds += Number(number) * factor;
    rest = rest.slice(unit.length);
  }
  return { milliseconds: text.startsWith('-') ? -milliseconds : milliseconds };
}

/** A span of time as Go writes it: `1m30s`, `500ms`, `1.5µs`. */
export function goDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  if (milliseconds < 0.001) return `${Number((milliseconds * 1e6).toFixed(0))}ns`;
  if (milliseconds < 1) return `${Number((milliseconds * 1000).toFixed(3))}µs`;
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(6))}ms`;
  const seconds = milliseconds / 1000;
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = `${Number(rest.toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${shown}`;
  return minutes > 0 ? `${minutes}m${shown}` : shown;
}
