import { BigFloat } from '../values/big-float.ts';
import { NUMBER, STRING, describeType } from '../values/type.ts';
import { convertValue, tryConvert } from '../values/convert.ts';
import { type Value, entriesOf, isNumber, itemsOf, numberValue } from '../values/value.ts';
import {
  type FunctionDefinition,
  FunctionError,
  integerOf,
  numberOf,
  parameter,
  textOf,
} from './function.ts';

const NUM = parameter('num', NUMBER);

const mapping = (change: (number: BigFloat) => BigFloat): FunctionDefinition => ({
  parameters: [NUM],
  returns: NUMBER,
  call: ([number]) => numberValue(change(numberOf(number))),
});

/** A function of two numbers that is worked out in 64-bit floats. */
const floating = (
  first: string,
  second: string,
  change: (a: number, b: number) => number,
): FunctionDefinition => ({
  parameters: [parameter(first, NUMBER), parameter(second, NUMBER)],
  returns: NUMBER,
  call: ([a, b]) => numberValue(BigFloat.float(change(numberOf(a).toNumber(), numberOf(b).toNumber()))),
});

const choosing = (better: -1 | 1): FunctionDefinition => ({
  parameters: [],
  rest: parameter('numbers', NUMBER),
  returns: NUMBER,
  call: (numbers) => {
    const [first, ...others] = numbers.map(numberOf);
    if (first === undefined) throw new FunctionError('must pass at least one number');
    return numberValue(
      others.reduce((best, number) => (number.compare(best) === better ? number : best), first),
    );
  },
});

function roundTo(number: BigFloat, up: boolean): BigFloat {
  if (number.isInteger() || number.infinite !== 0) return number;
  const whole = number.truncate();
  if (up) return BigFloat.integer(number.sign > 0 ? whole + 1n : whole);
  return BigFloat.integer(number.sign < 0 ? whole - 1n : whole);
}

function parseInteger(digits: string, base: number): Value {
  if (base < 2 || base > 62)
    throw new FunctionError('base must be a whole number between 2 and 62 inclusive', 1);
  const fail = (): never => {
    throw new FunctionError(`cannot parse ${JSON.stringify(digits)} as a base ${base} integer`, 0);
  };
  const match = /^([+-]?)([0-9a-zA-Z]+)$/.exec(digits) ?? fail();
  if (digits.length > 20_000) fail();
  let result = 0n;
  for (const digit of match[2] ?? '') {
    const value = digitValue(digit, base);
    if (value >= base) fail();
    result = result * BigInt(base) + BigInt(value);
  }
  return numberValue(BigFloat.integer(match[1] === '-' ? -result : result));
}

/** Up to base 36 letters have no case; above, upper case follows lower case. */
function digitValue(digit: string, base: number): number {
  if (digit >= '0' && digit <= '9') return Number(digit);
  const lower = digit >= 'a';
  if (base <= 36) return digit.toLowerCase().charCodeAt(0) - 87;
  return lower ? digit.charCodeAt(0) - 87 : digit.charCodeAt(0) - 29;
}

/** Sum of a list, set or tuple of numbers or texts of numbers. */
function sum(value: Value | undefined): Value {
  const items = value === undefined ? undefined : itemsOf(value);
  if (value !== undefined && entriesOf(value) !== undefined) {
    throw new FunctionError(`argument must be list, set, or tuple. Received ${describeType(value.type)}`, 0);
  }
  if (items === undefined) throw new FunctionError('cannot sum noniterable', 0);
  if (items.length === 0) throw new FunctionError('cannot sum an empty list', 0);
  const numbers = items.map((item) => {
    const number = item.data === null ? undefined : tryConvert(item, NUMBER);
    if (number === undefined || !isNumber(number))
      throw new FunctionError('argument must be list, set, or tuple of number values', 0);
    return number.data;
  });
  return numberValue(numbers.slice(1).reduce((total, number) => total.add(number), numbers[0]!));
}

export const NUMBER_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  abs: mapping((number) => (number.sign < 0 ? number.negate() : number)),
  ceil: mapping((number) => roundTo(number, true)),
  floor: mapping((number) => roundTo(number, false)),
  signum: mapping((number) => {
    if (!number.isInteger()) throw new FunctionError('value must be a whole number', 0);
    return BigFloat.integer(number.sign);
  }),
  log: floating('num', 'base', (number, base) => Math.log(number) / Math.log(base)),
  pow: floating('num', 'power', (number, power) => number ** power),
  max: choosing(1),
  min: choosing(-1),
  parseint: {
    parameters: [parameter('number'), parameter('base', NUMBER)],
    returns: NUMBER,
    call: ([digits, base]) => {
      if (digits?.type.kind !== 'string') throw new FunctionError('first argument must be a string', 0);
      return parseInteger(textOf(convertValue(digits, STRING)), integerOf(base, 1));
    },
  },
  sum: { parameters: [parameter('list')], returns: NUMBER, call: ([list]) => sum(list) },
};
