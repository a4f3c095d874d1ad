import { BigFloat } from '../values/big-float.ts';
import { DYNAMIC, NUMBER, STRING } from '../values/type.ts';
import { type Value, numberValue, objectValue, stringValue } from '../values/value.ts';
import {
  type Fields,
  type Moment,
  MONTHS,
  WEEKDAYS,
  fieldsOf,
  formatOffset,
  formatRfc3339,
  parseDuration,
  parseRfc3339,
} from './calendar.ts';
import {
  type FunctionDefinition,
  FunctionError,
  type FunctionWorld,
  numberOf,
  parameter,
  textOf,
} from './function.ts';
import { formatGoTime, formatStrftime } from './legacy-time.ts';

function readTime(text: string, argument: number): Moment {
  const moment = parseRfc3339(text);
  if (moment === undefined)
    throw new FunctionError(
      `${JSON.stringify(text)} is not a valid RFC 3339 timestamp, such as 2018-01-02T23:12:01Z`,
      argument,
    );
  return moment;
}

export const runTime = (world: FunctionWorld): Moment => ({
  unix: Math.floor(world.now.getTime() / 1000),
  nanoseconds: 0,
  offset: 0,
});

const two = (number: number): string => String(number).padStart(2, '0');

/** One run of equal letters of a `formatdate` pattern; undefined when it means nothing. */
function dateVerb(verb: string, fields: Fields, offset: number): string | undefined {
  const month = MONTHS[fields.month - 1] ?? '';
  const weekday = WEEKDAYS[fields.weekday] ?? '';
  const hour12 = fields.hour % 12 === 0 ? 12 : fields.hour % 12;
  const verbs: Readonly<Record<string, string>> = {
    YYYY: String(fields.year).padStart(4, '0'),
    YY: two(fields.year % 100),
    MMMM: month,
    MMM: month.slice(0, 3),
    MM: two(fields.month),
    M: String(fields.month),
    DD: two(fields.day),
    D: String(fields.day),
    EEEE: weekday,
    EEE: weekday.slice(0, 3),
    hh: two(fields.hour),
    h: String(fields.hour),
    HH: two(hour12),
    H: String(hour12),
    mm: two(fields.minute),
    m: String(fields.minute),
    ss: two(fields.second),
    s: String(fields.second),
    AA: fields.hour < 12 ? 'AM' : 'PM',
    aa: fields.hour < 12 ? 'am' : 'pm',
    Z: offset === 0 ? 'Z' : formatOffset(offset, true),
    ZZZ: offset === 0 ? 'UTC' : formatOffset(offset, false),
    ZZZZ: formatOffset(offset, false),
    ZZZZZ: formatOffset(offset, true),
  };
  return Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
}

function formatDate(format: string, moment: Moment): string {
  const fields = fieldsOf(moment);
  return format.replace(
    /'(?:[^']|'')*('|$)|([A-Za-z])\2*/g,
    (part, close: string, letter: string | undefined) => {
      if (letter === undefined) {
        if (close === '' || part.length === 1)
          throw new FunctionError("unterminated literal: a quoted part must end with '", 0);
        return part.slice(1, -1).replaceAll("''", "'");
      }
      return dateVerb(part, fields, moment.offset) ?? failVerb(part);
    },
  );
}

function failVerb(verb: string): never {
  throw new FunctionError(
    `invalid date format verb ${JSON.stringify(verb)}; put literal letters in single quotes`,
    0,
  );
}

function parts(moment: Moment, more: Readonly<Record<string, Value>>): Value {
  const fields = fieldsOf(moment);
  const number = (value: number): Value => numberValue(BigFloat.integer(value));
  return objectValue({
    year: number(fields.year),
    year_day: number(fields.yearDay),
    month: number(fields.month),
    month_name: stringValue(MONTHS[fields.month - 1] ?? ''),
    day: number(fields.day),
    weekday: number(fields.weekday),
    weekday_name: stringValue(WEEKDAYS[fields.weekday] ?? ''),
    hour: number(fields.hour),
    minute: number(fields.minute),
    second: number(fields.second),
    iso_year: number(fields.isoYear),
    iso_week: number(fields.isoWeek),
    ...more,
  });
}

function parseUnix(number: BigFloat): Value {
  if (!number.isInteger() || Math.abs(number.toNumber()) > 8_000_000_000_000) {
    throw new FunctionError('a whole number of seconds is required', 0);
  }
  const moment: Moment = { unix: number.toNumber(), nanoseconds: 0, offset: 0 };
  return parts(moment, { rfc3339: stringValue(formatRfc3339(moment)) });
}

function addTime(text: string, duration: string): string {
  const moment = readTime(text, 0);
  const seconds = parseDuration(duration);
  if (seconds === undefined)
    throw new FunctionError(`${JSON.stringify(duration)} is not a valid duration, such as 10m or 1h30m`, 1);
  const unix = Math.floor(moment.unix + moment.nanoseconds / 1e9 + seconds);
  if (Math.abs(unix) > 250_000_000_000) throw new FunctionError('the time is out of range', 1);
  return formatRfc3339({ ...moment, unix });
}

const legacy = (format: (layout: string, moment: Moment) => string): FunctionDefinition => ({
  parameters: [],
  rest: parameter('format', STRING),
  returns: STRING,
  call: (formats, world) => {
    if (formats.length > 1) throw new FunctionError('at most one format is allowed', 1);
    const moment = runTime(world);
    return stringValue(formats[0] === undefined ? formatRfc3339(moment) : format(textOf(formats[0]), moment));
  },
});

export const DATE_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  formatdate: {
    parameters: [parameter('format', STRING), parameter('time', STRING)],
    returns: STRING,
    call: ([format, time]) => stringValue(formatDate(textOf(format), readTime(textOf(time), 1))),
  },
  timeadd: {
    parameters: [parameter('timestamp', STRING), parameter('duration', STRING)],
    returns: STRING,
    call: ([time, duration]) => stringValue(addTime(textOf(time), textOf(duration))),
  },
  timestamp: {
    parameters: [],
    returns: STRING,
    call: (_, world) => stringValue(formatRfc3339(runTime(world))),
  },
  rfc3339_parse: {
    parameters: [parameter('timestamp', STRING)],
    returns: DYNAMIC,
    call: ([text]) => {
      // RFC 3339 lets a blank stand between date and time; of all functions only this one takes it.
      const moment = readTime(textOf(text).replace(/^(\S{10}) /, '$1T'), 0);
      return parts(moment, { unix: numberValue(BigFloat.integer(moment.unix)) });
    },
  },
  unix_timestamp_parse: {
    parameters: [parameter('unix_timestamp', NUMBER)],
    returns: DYNAMIC,
    call: ([number]) => parseUnix(numberOf(number)),
  },
  legacy_isotime: legacy(formatGoTime),
  legacy_strftime: legacy(formatStrftime),
};
