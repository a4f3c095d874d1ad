const UNITS: readonly (readonly [name: string, milliseconds: number])[] = [
  ['year', 365 * 24 * 3_600_000],
  ['week', 7 * 24 * 3_600_000],
  ['day', 24 * 3_600_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
  ['millisecond', 1],
  ['microsecond', 0.001],
];

/** A span of time in its two largest units, as Packer tells how long a build took: `1 minute 5 seconds`. */
export function spanText(milliseconds: number): string {
  let microseconds = Math.round(milliseconds * 1000);
  const parts: string[] = [];
  for (const [name, length] of UNITS) {
    const size = Math.round(length * 1000);
    const count = Math.floor(microseconds / size);
    microseconds -= count * size;
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return parts.length === 0 ? '0 seconds' : parts.join(' ');
}

/** Several errors of one build as Packer joins them. */
export const errorList = (errors: readonly string[]): string =>
  `${errors.length} error(s) occurred:\n\n${errors.map((error) => `* ${error}`).join('\n')}`;

/** The time in the form of RFC 3339, in this host's zone. */
export function rfc3339(date: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const offset = -date.getTimezoneOffset();
  const zone =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${zone}`;
}
