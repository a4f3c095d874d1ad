/** A moment and the offset of the clock it was written by. */
export interface Moment {
  /** Whole seconds since 1970-01-01T00:00:00Z. */
  readonly unix: number;
  readonly nanoseconds: number;
  /** Minutes east of UTC. */
  readonly offset: number;
}

export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
export const WEEKDAYS = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
] as const;

const RFC3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(\.\d+)?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/** Reads a time of RFC 3339; undefined when it is none. */
export function parseRfc3339(text: string): Moment | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const zoneHour = Number(match[10] ?? 0);
  const zoneMinute = Number(match[11] ?? 0);
  const lastDay = new Date(Date.UTC(2000, month, 0)).setUTCFullYear(year, month, 0);
  const valid =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= new Date(lastDay).getUTCDate() &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    zoneHour < 24 &&
    zoneMinute < 60;
  if (!valid) return undefined;
  const offset = (match[9] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute);
  const local = new Date(0).setUTCFullYear(year, month - 1, day) / 1000 + hour * 3600 + minute * 60 + second;
  const nanoseconds = Number((match[7] ?? '.0').slice(1, 10).padEnd(9, '0'));
  return { unix: local - offset * 60, nanoseconds, offset };
}

/** The parts of a moment as its own clock shows them. */
export interface Fields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
  readonly yearDay: number;
  readonly isoYear: number;
  readonly isoWeek: number;
}

export function fieldsOf({ unix, offset }: Moment): Fields {
  const date = new Date((unix + offset * 60) * 1000);
  const year = date.getUTCFullYear();
  const yearStart = new Date(0).setUTCFullYear(year, 0, 1);
  const yearDay = Math.floor((date.getTime() - yearStart) / 86_400_000) + 1;
  const thursday = new Date(date.getTime() + (3 - ((date.getUTCDay() + 6) % 7)) * 86_400_000);
  const isoYear = thursday.getUTCFullYear();
  const isoStart = new Date(0).setUTCFullYear(isoYear, 0, 1);
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    weekday: date.getUTCDay(),
    yearDay,
    isoYear,
    isoWeek: Math.floor((thursday.getTime() - isoStart) / 86_400_000 / 7) + 1,
  };
}

/** `+01:30`, or without the colon. */
export function formatOffset(offset: number, colon: boolean): string {
  const minutes = Math.abs(offset);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${colon ? ':' : ''}${two(minutes % 60)}`;
}

/** RFC 3339 without fractions of a second. */
export function formatRfc3339(moment: Moment): string {
  const text = new Date((moment.unix + moment.offset * 60) * 1000).toISOString().slice(0, 19);
  return text + (moment.offset === 0 ? 'Z' : formatOffset(moment.offset, true));
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** Seconds of a Go duration such as `-1h30m`; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of (match[2] ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    seconds += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  }
  return match[1] === '-' ? -seconds : seconds;
}
