/** Text forms of numbers that all user interfaces share. */

/** A duration for people: `0.31 s`, `6.2 s`, `48 s`, `3 m 05 s`, `2 h 04 m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 1) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} m`;
}

const pad = (value: number): string => String(value).padStart(2, '0');

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A size in bytes for people, in powers of 1000 with three digits: `512 B`, `4.1 kB`, `412 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** The first 12 hex digits of a digest, with or without `sha256:` before them. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** `1 step`, `2 steps`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** Names in one line of at most `width` characters: `a, b, c and 4 more`. At least one name is shown. */
export function listNames(names: readonly string[], width: number): string {
  let text = names[0] ?? '';
  for (let shown = 1; shown < names.length; shown++) {
    const next = `${text}, ${names[shown]}`;
    const rest = names.length - shown - 1;
    const ending = rest === 0 ? 0 : ` and ${rest} more`.length;
    if (next.length + ending > width) return `${text} and ${names.length - shown} more`;
    text = next;
  }
  return text;
}
