import { type Fields, type Moment, MONTHS, WEEKDAYS, fieldsOf, formatOffset } from './calendar.ts';
import { FunctionError } from './function.ts';

const two = (number: number, fill = '0'): string => String(number).padStart(2, fill);
const hour12 = (hour: number): number => (hour % 12 === 0 ? 12 : hour % 12);
const month = (fields: Fields): string => MONTHS[fields.month - 1] ?? '';
const weekday = (fields: Fields): string => WEEKDAYS[fields.weekday] ?? '';

const LAYOUT =
  /January|Jan|Monday|Mon|MST|2006|Z07:00:00|Z070000|Z07:00|Z0700|Z07|-07:00:00|-070000|-07:00|-0700|-07|002|01|02|03|04|05|06|15|_2|[.,]0+(?!\d)|[.,]9+(?!\d)|PM|pm|1|2|3|4|5/g;

/** A time in a layout of Go: the layout shows how `Mon Jan 2 15:04:05 MST 2006` would be written. */
export function formatGoTime(layout: string, moment: Moment): string {
  const fields = fieldsOf(moment);
  const { offset } = moment;
  const zone = (text: string): string =>
    text.startsWith('Z') && offset === 0 ? 'Z' : offsetLike(text.replace('Z', '-'), offset);
  return layout.replace(
    LAYOUT,
    (part) => goPart(part, fields, moment) ?? (/^(?:Z07|-07)/.test(part) ? zone(part) : part),
  );
}

function offsetLike(pattern: string, offset: number): string {
  const text = formatOffset(offset, pattern.includes(':'));
  return pattern.length === 3 ? text.slice(0, 3) : text;
}

function goPart(part: string, fields: Fields, moment: Moment): string | undefined {
  switch (part) {
    case 'January':
      return month(fields);
    case 'Jan':
      return month(fields).slice(0, 3);
    case 'Monday':
      return weekday(fields);
    case 'Mon':
      return weekday(fields).slice(0, 3);
    case 'MST':
      return moment.offset === 0 ? 'UTC' : formatOffset(moment.offset, false);
    case '2006':
      return String(fields.year).padStart(4, '0');
    case '06':
      return two(fields.year % 100);
    case '01':
      return two(fields.month);
    case '1':
      return String(fields.month);
    case '02':
      return two(fields.day);
    case '_2':
      return two(fields.day, ' ');
    case '2':
      return String(fields.day);
    case '002':
      return String(fields.yearDay).padStart(3, '0');
    case '15':
      return two(fields.hour);
    case '03':
      return two(hour12(fields.hour));
    case '3':
      return String(hour12(fields.hour));
    case '04':
      return two(fields.minute);
    case '4':
      return String(fields.minute);
    case '05':
      return two(fields.second);
    case '5':
      return String(fields.second);
    case 'PM':
      return fields.hour < 12 ? 'AM' : 'PM';
    case 'pm':
      return fields.hour < 12 ? 'am' : 'pm';
    default:
      return fraction(part, moment.nanoseconds);
  }
}

function fraction(part: string, nanoseconds: number): string | undefined {
  if (!/^[.,][09]/.test(part)) return undefined;
  const digits = String(nanoseconds)
    .padStart(9, '0')
    .slice(0, part.length - 1);
  if (part[1] === '0') return part.charAt(0) + digits;
  const trimmed = digits.replace(/0+$/, '');
  return trimmed === '' ? '' : part.charAt(0) + trimmed;
}

/** A time in a `strftime` format. */
export function formatStrftime(format: string, moment: Moment): string {
  const fields = fieldsOf(moment);
  return format.replace(/%(.?)/gsu, (_, verb: string) => {
    const text = strftimePart(verb, fields, moment);
    if (text === undefined)
      throw new FunctionError(`unknown time format specification: ${JSON.stringify(verb)}`, 0);
    return text;
  });
}

function strftimePart(verb: string, fields: Fields, moment: Moment): string | undefined {
  const recurse = (format: string): string => formatStrftime(format, moment);
  const weekNumber = (first: number): string =>
    two(Math.floor((fields.yearDay + 6 - ((fields.weekday - first + 7) % 7)) / 7));
  switch (verb) {
    case 'A':
      return weekday(fields);
    case 'a':
      return weekday(fields).slice(0, 3);
    case 'B':
      return month(fields);
    case 'b':
    case 'h':
      return month(fields).slice(0, 3);
    case 'C':
      return two(Math.floor(fields.year / 100));
    case 'c':
      return recurse('%v %X');
    case 'D':
      return recurse('%m/%d/%y');
    case 'd':
      return two(fields.day);
    case 'e':
      return two(fields.day, ' ');
    case 'F':
      return recurse('%Y-%m-%d');
    case 'H':
      return two(fields.hour);
    case 'I':
      return two(hour12(fields.hour));
    case 'j':
      return String(fields.yearDay).padStart(3, '0');
    case 'k':
      return two(fields.hour, ' ');
    case 'l':
      return two(hour12(fields.hour), ' ');
    case 'M':
      return two(fields.minute);
    case 'm':
      return two(fields.month);
    case 'n':
      return '\n';
    case 'p':
      return fields.hour < 12 ? 'AM' : 'PM';
    case 'R':
      return recurse('%H:%M');
    case 'r':
      return recurse('%I:%M:%S %p');
    case 'S':
      return two(fields.second);
    case 's':
      return String(moment.unix);
    case 'T':
    case 'X':
      return recurse('%H:%M:%S');
    case 't':
      return '\t';
    case 'U':
      return weekNumber(0);
    case 'u':
      return String(fields.weekday === 0 ? 7 : fields.weekday);
    case 'V':
      return two(fields.isoWeek);
    case 'v':
      return recurse('%e-%b-%Y');
    case 'W':
      return weekNumber(1);
    case 'w':
      return String(fields.weekday);
    case 'x':
      return recurse('%m/%d/%y');
    case 'Y':
      return String(fields.year);
    case 'y':
      return two(fields.year % 100);
    case 'Z':
      return moment.offset === 0 ? 'UTC' : formatOffset(moment.offset, false);
    case 'z':
      return formatOffset(moment.offset, false);
    case '%':
      return '%';
    default:
      return undefined;
  }
}
