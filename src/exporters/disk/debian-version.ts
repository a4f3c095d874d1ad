/**
 * Orders versions as dpkg does (deb-version(7), "Sorting algorithm"): `~` before the end, letters before other
 * characters, runs of digits by value. Also right for kernel releases such as `6.1.0-13-amd64` and `6.1.0-9-amd64`.
 * @returns negative, zero or positive
 */
export function compareDebianVersions(left: string, right: string): number {
  const a = left.match(/\d+|\D/g) ?? [];
  const b = right.match(/\d+|\D/g) ?? [];
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = compareParts(a[index], b[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function compareParts(a: string | undefined, b: string | undefined): number {
  const aDigits = a !== undefined && /^\d/.test(a);
  const bDigits = b !== undefined && /^\d/.test(b);
  if (aDigits && bDigits) {
    const difference = BigInt(a) - BigInt(b);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }
  // An absent part, and the place before a number, weigh the same: only `~` sorts before them. An absent number is 0.
  if (a === undefined && bDigits) return BigInt(b) === 0n ? 0 : -1;
  if (b === undefined && aDigits) return BigInt(a) === 0n ? 0 : 1;
  return weight(aDigits ? undefined : a) - weight(bDigits ? undefined : b);
}

function weight(character: string | undefined): number {
  if (character === undefined) return 0;
  if (character === '~') return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}
