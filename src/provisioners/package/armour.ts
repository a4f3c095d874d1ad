const BEGIN = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const END = '-----END PGP PUBLIC KEY BLOCK-----';

/** An OpenPGP public key as ASCII armour (RFC 9580, 6.2), whether it comes armoured or binary. */
export function armoured(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  if (text.includes(BEGIN)) return text.endsWith('\n') ? text : `${text}\n`;
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  const sum = crc24(bytes);
  const check = Buffer.from([(sum >> 16) & 0xff, (sum >> 8) & 0xff, sum & 0xff]).toString('base64');
  return [BEGIN, '', ...lines, `=${check}`, END, ''].join('\n');
}

/** Checksum of ASCII armour (RFC 4880, 6.1); readers of today may ignore it, older ones want it. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}
