/** Number of bits of the magnitude. */
export function bitLength(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  if (magnitude === 0n) return 0;
  const hex = magnitude.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0]!, 16)));
}

export interface Rounded {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/**
 * Rounds to `precision` bits, half to even, and takes out factors of two.
 * `inexact`: the mantissa was cut, the true value is a little larger in magnitude.
 */
export function roundToPrecision(
  mantissa: bigint,
  exponent: number,
  precision: number,
  inexact = false,
): Rounded {
  if (mantissa === 0n) return { mantissa, exponent: 0 };
  const negative = mantissa < 0n;
  let magnitude = negative ? -mantissa : mantissa;
  let power = exponent;
  const excess = bitLength(magnitude) - precision;
  if (excess > 0) {
    const shift = BigInt(excess);
    const rest = magnitude & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    magnitude >>= shift;
    power += excess;
    const above = rest > half || (rest === half && (inexact || (magnitude & 1n) === 1n));
    if (above) magnitude += 1n;
  }
  const zeros = trailingZeros(magnitude);
  magnitude >>= BigInt(zeros);
  return { mantissa: negative ? -magnitude : magnitude, exponent: power + zeros };
}

function trailingZeros(magnitude: bigint): number {
  const hex = magnitude.toString(16);
  let at = hex.length - 1;
  while (hex[at] === '0') at -= 1;
  const digit = Number.parseInt(hex[at]!, 16);
  return (hex.length - 1 - at) * 4 + (31 - Math.clz32(digit & -digit));
}

/** A quotient with at least two bits more than the precision, cut towards zero. */
export function divideRounded(
  numerator: bigint,
  denominator: bigint,
  precision: number,
): Rounded & { inexact: boolean } {
  const shift = Math.max(0, precision + 3 + bitLength(denominator) - bitLength(numerator));
  const scaled = numerator << BigInt(shift);
  const mantissa = scaled / denominator;
  return { mantissa, exponent: -shift, inexact: mantissa * denominator !== scaled };
}

const POWERS: bigint[] = [];

export function pow10(exponent: number): bigint {
  if (exponent > 400) return 10n ** BigInt(exponent);
  return (POWERS[exponent] ??= 10n ** BigInt(exponent));
}

/** The least `k` with `numerator / denominator < 10^k`. */
export function ceilOfLog10(numerator: bigint, denominator: bigint): number {
  let guess = Math.floor((bitLength(numerator) - bitLength(denominator)) * Math.LOG10E * Math.LN2) - 1;
  const below = (power: number): boolean =>
    power >= 0 ? numerator < denominator * pow10(power) : numerator * pow10(-power) < denominator;
  while (!below(guess)) guess += 1;
  return guess;
}
