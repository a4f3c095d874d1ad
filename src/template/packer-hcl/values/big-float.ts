import { ceilOfLog10, divideRounded, pow10, roundToPrecision, bitLength } from './rounding.ts';

/** The precision of numbers that templates write, in bits. */
const LITERAL_PRECISION = 512;
const MAX_EXPONENT = 400_000;

/** Thrown by arithmetic that has no result. The message is for the user. */
export class ArithmeticError extends Error {
  override readonly name = 'ArithmeticError';
}

/**
 * A binary floating-point number of a stated precision: `mantissa × 2^exponent`, rounded half to even. Numbers of
 * templates have 512 bits, so sums and quotients print the very digits that Packer prints.
 */
export class BigFloat {
  readonly mantissa: bigint;
  readonly exponent: number;
  readonly precision: number;
  /** 1 or -1 for the infinities, which division by zero gives. */
  readonly infinite: -1 | 0 | 1;

  private constructor(mantissa: bigint, exponent: number, precision: number, infinite: -1 | 0 | 1 = 0) {
    this.mantissa = mantissa;
    this.exponent = exponent;
    this.precision = precision;
    this.infinite = infinite;
  }

  static of(mantissa: bigint, exponent: number, precision: number, inexact = false): BigFloat {
    const rounded = roundToPrecision(mantissa, exponent, precision, inexact);
    if (Math.abs(rounded.exponent) > MAX_EXPONENT)
      throw new ArithmeticError('the number is too large or too small');
    return new BigFloat(rounded.mantissa, rounded.exponent, precision);
  }

  static infinity(sign: -1 | 1): BigFloat {
    return new BigFloat(BigInt(sign), 0, LITERAL_PRECISION, sign);
  }

  static integer(value: bigint | number): BigFloat {
    const whole = BigInt(value);
    return BigFloat.of(whole, 0, Math.max(64, bitLength(whole)));
  }

  /** A 64-bit floating-point number. Fails for NaN. */
  static float(value: number): BigFloat {
    if (Number.isNaN(value)) throw new ArithmeticError('the result is not a number');
    if (!Number.isFinite(value)) return BigFloat.infinity(value > 0 ? 1 : -1);
    let scaled = value;
    let exponent = 0;
    while (!Number.isInteger(scaled)) {
      scaled *= 2;
      exponent -= 1;
    }
    return BigFloat.of(BigInt(scaled), exponent, 53);
  }

  /** Reads a decimal number such as `-12.5e3`; undefined when the text is not one. */
  static parse(text: string): BigFloat | undefined {
    const match = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
    if (match === null) return undefined;
    const [, sign, whole = '', fraction = '', power = '0'] = match;
    if (whole.length + fraction.length > 100_000) throw new ArithmeticError('the number has too many digits');
    const digits = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
    const scale = Number(power) - fraction.length;
    if (Math.abs(scale) > 100_000) throw new ArithmeticError('the number is too large or too small');
    if (scale >= 0) return BigFloat.of(digits * pow10(scale), 0, LITERAL_PRECISION);
    const quotient = divideRounded(digits, pow10(-scale), LITERAL_PRECISION);
    return BigFloat.of(quotient.mantissa, quotient.exponent, LITERAL_PRECISION, quotient.inexact);
  }

  get sign(): -1 | 0 | 1 {
    return this.mantissa === 0n ? 0 : this.mantissa < 0n ? -1 : 1;
  }

  isInteger(): boolean {
    return this.infinite === 0 && this.exponent >= 0;
  }

  /** The integer part, towards zero. */
  truncate(): bigint {
    if (this.infinite !== 0) throw new ArithmeticError('the number is infinite');
    if (this.exponent >= 0) return this.mantissa << BigInt(this.exponent);
    const magnitude = (this.mantissa < 0n ? -this.mantissa : this.mantissa) >> BigInt(-this.exponent);
    return this.mantissa < 0n ? -magnitude : magnitude;
  }

  toNumber(): number {
    if (this.infinite !== 0) return this.infinite * Number.POSITIVE_INFINITY;
    const { mantissa, exponent } = roundToPrecision(this.mantissa, this.exponent, 53);
    const half = Math.trunc(exponent / 2);
    return Number(mantissa) * 2 ** half * 2 ** (exponent - half);
  }

  negate(): BigFloat {
    return new BigFloat(-this.mantissa, this.exponent, this.precision, -this.infinite as -1 | 0 | 1);
  }

  add(other: BigFloat): BigFloat {
    if (this.infinite !== 0 || other.infinite !== 0)
      return BigFloat.float(this.toNumber() + other.toNumber());
    const exponent = Math.min(this.exponent, other.exponent);
    const sum =
      (this.mantissa << BigInt(this.exponent - exponent)) +
      (other.mantissa << BigInt(other.exponent - exponent));
    return BigFloat.of(sum, exponent, Math.max(this.precision, other.precision));
  }

  subtract(other: BigFloat): BigFloat {
    return this.add(other.negate());
  }

  multiply(other: BigFloat): BigFloat {
    if (this.infinite !== 0 || other.infinite !== 0)
      return BigFloat.float(this.toNumber() * other.toNumber());
    const precision = Math.max(this.precision, other.precision);
    return BigFloat.of(this.mantissa * other.mantissa, this.exponent + other.exponent, precision);
  }

  divide(other: BigFloat): BigFloat {
    if (this.infinite !== 0 || other.infinite !== 0)
      return BigFloat.float(this.toNumber() / other.toNumber());
    if (other.sign === 0) {
      if (this.sign === 0) throw new ArithmeticError('zero divided by zero is not a number');
      return BigFloat.infinity(this.sign);
    }
    const precision = Math.max(this.precision, other.precision);
    const quotient = divideRounded(this.mantissa, other.mantissa, precision);
    const exponent = quotient.exponent + this.exponent - other.exponent;
    return BigFloat.of(quotient.mantissa, exponent, precision, quotient.inexact);
  }

  /** The rest of the division, with the sign of this number. */
  remainder(other: BigFloat): BigFloat {
    // What Packer gives for a remainder of 0 as well.
    if (other.infinite !== 0 || other.sign === 0) return this;
    const whole = BigFloat.integer(this.divide(other).truncate());
    return this.subtract(other.multiply(whole));
  }

  compare(other: BigFloat): -1 | 0 | 1 {
    if (this.infinite !== 0 || other.infinite !== 0)
      return Math.sign(this.infinite - other.infinite) as -1 | 0 | 1;
    const exponent = Math.min(this.exponent, other.exponent);
    const left = this.mantissa << BigInt(this.exponent - exponent);
    const right = other.mantissa << BigInt(other.exponent - exponent);
    return left < right ? -1 : left > right ? 1 : 0;
  }

  /** The shortest decimal digits that round to this number, without an exponent. */
  toString(): string {
    if (this.infinite !== 0) return this.infinite > 0 ? '+Inf' : '-Inf';
    if (this.mantissa === 0n) return '0';
    const sign = this.mantissa < 0n ? '-' : '';
    const magnitude = this.mantissa < 0n ? -this.mantissa : this.mantissa;
    if (this.exponent >= 0 && bitLength(magnitude) + this.exponent <= this.precision) {
      return sign + (magnitude << BigInt(this.exponent)).toString();
    }
    return sign + shortestDigits(magnitude, this.exponent, this.precision);
  }
}

function shortestDigits(mantissa: bigint, exponent: number, precision: number): string {
  // One bit below the last one of the precision, so that half a unit is a whole number; two for powers of two.
  const shift = precision - bitLength(mantissa) + 2;
  const whole = mantissa << BigInt(shift);
  const scale = exponent - shift;
  const powerOfTwo = (mantissa & (mantissa - 1n)) === 0n;
  const lower = whole - (powerOfTwo ? 1n : 2n);
  const upper = whole + 2n;
  const numerator = scale >= 0 ? 1n << BigInt(scale) : 1n;
  const denominator = scale >= 0 ? 1n : 1n << BigInt(-scale);
  const top = ceilOfLog10(whole * numerator, denominator);
  for (let count = 1; ; count += 1) {
    const power = top - count;
    const up = power < 0 ? pow10(-power) : 1n;
    const down = power < 0 ? 1n : pow10(power);
    const unit = denominator * down;
    const exact = whole * numerator * up;
    const below = exact / unit;
    const twice = 2n * (exact - below * unit);
    const digits = twice > unit || (twice === unit && (below & 1n) === 1n) ? below + 1n : below;
    const back = digits * unit;
    const even = shift > 2 || (mantissa & 1n) === 0n;
    const inside = even
      ? back >= lower * numerator * up && back <= upper * numerator * up
      : back > lower * numerator * up && back < upper * numerator * up;
    if (inside) return placePoint(digits.toString(), power);
  }
}

function placePoint(digits: string, power: number): string {
  const trimmed = digits.replace(/0+$/, '');
  const shift = power + digits.length - trimmed.length;
  if (shift >= 0) return trimmed + '0'.repeat(shift);
  const point = trimmed.length + shift;
  return point > 0
    ? `${trimmed.slice(0, point)}.${trimmed.slice(point)}`
    : `0.${'0'.repeat(-point)}${trimmed}`;
}
