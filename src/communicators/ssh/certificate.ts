import type { Client, ParsedKey } from 'ssh2';

/**
 * OpenSSH certificates (PROTOCOL.certkeys) for ssh2, which knows none: a request to log in names the certificate's
 * algorithm and holds its blob, but the signature inside names the plain one.
 */

/** Plain signature algorithm and hash by the kind of a certificate; the first name is what the request says. */
const KINDS: Readonly<
  Record<string, { readonly request: string; readonly plain: string; readonly hash?: string }>
> = {
  'ssh-ed25519-cert-v01@openssh.com': {
    request: 'ssh-ed25519-cert-v01@openssh.com',
    plain: 'ssh-ed25519',
  },
  'ssh-rsa-cert-v01@openssh.com': {
    request: 'rsa-sha2-512-cert-v01@openssh.com',
    plain: 'rsa-sha2-512',
    hash: 'sha512',
  },
  ...Object.fromEntries(
    (['nistp256', 'nistp384', 'nistp521'] as const).map((curve) => {
      const request = `ecdsa-sha2-${curve}-cert-v01@openssh.com`;
      return [request, { request, plain: `ecdsa-sha2-${curve}` }];
    }),
  ),
};

/**
 * A key that logs in with its certificate, once `allowCertificates` has been called on the client.
 * @returns undefined when the text is no certificate that is known
 */
export function certifiedKey(key: ParsedKey, certificate: string): ParsedKey | undefined {
  const [name = '', base64 = ''] = certificate.trim().split(/\s+/);
  const kind = KINDS[name];
  const blob = Buffer.from(base64, 'base64');
  if (kind === undefined || !blob.includes(name)) return undefined;
  const isEcdsa = kind.plain.startsWith('ecdsa');
  const overrides: PropertyDescriptorMap & ThisType<ParsedKey> = {
    type: { value: kind.request },
    getPublicSSH: { value: () => blob },
    sign: {
      value: (data: Buffer) => {
        const signature = key.sign(data, kind.hash);
        return isEcdsa && Buffer.isBuffer(signature) ? ecdsaSignature(signature) : signature;
      },
    },
  };
  // The original stays the prototype: ssh2 knows its own keys by private marks.
  return Object.create(key, overrides) as ParsedKey;
}

/** The parts of ssh2's protocol object that are touched; the version of ssh2 is pinned, and tests log in this way. */
interface Protocol {
  authPK(
    user: string,
    key: ParsedKey,
    algorithm: string | undefined,
    sign?: (data: Buffer, done: (signature: Buffer) => void) => void,
  ): void;
  readonly _packetRW: { readonly write: PacketWriter };
}
interface PacketWriter {
  readonly allocStart: number;
  alloc(size: number): Buffer;
  finalize(packet: Buffer): unknown;
}

/** Makes a connecting client write the plain algorithm into signatures of certified keys. */
export function allowCertificates(client: Client): void {
  const { _protocol: protocol } = client as unknown as { readonly _protocol: Protocol };
  const original = protocol.authPK.bind(protocol);
  protocol.authPK = (user, key, algorithm, sign) => {
    const kind = Object.values(KINDS).find(({ request }) => request === key.type);
    if (kind === undefined || sign === undefined) return original(user, key, algorithm, sign);
    original(user, key, algorithm, (data, done) =>
      sign(data, (signature) => {
        withNextPacket(protocol._packetRW.write, renameSignature(kind), () => done(signature));
      }),
    );
  };
}

/** Lets `change` replace the payload of the one packet that `body` writes. */
function withNextPacket(writer: PacketWriter, change: (payload: Buffer) => Buffer, body: () => void): void {
  const alloc = writer.alloc.bind(writer);
  const finalize = writer.finalize.bind(writer);
  const { allocStart } = writer;
  writer.alloc = (size) => Buffer.alloc(allocStart + size);
  writer.finalize = (draft) => {
    const payload = change(draft.subarray(allocStart));
    const packet = alloc(payload.length);
    packet.set(payload, allocStart);
    return finalize(packet);
  };
  try {
    body();
  } finally {
    writer.alloc = alloc;
    writer.finalize = finalize;
  }
}

/** The signature is the last field: string(string algorithm, string signature), RFC 4252 §7. */
function renameSignature(kind: { readonly request: string; readonly plain: string }) {
  return (payload: Buffer): Buffer => {
    const at = payload.lastIndexOf(kind.request) - 8;
    const signature = payload.subarray(at + 8 + kind.request.length);
    const inner = Buffer.concat([sshString(Buffer.from(kind.plain)), signature]);
    return Buffer.concat([payload.subarray(0, at), sshString(inner)]);
  };
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** From DER (SEQUENCE of two INTEGERs), as node:crypto signs, to two mpints (RFC 5656 §3.1.2). */
function ecdsaSignature(der: Buffer): Buffer {
  // The sequence's length takes two bytes from 128 on, which only P-521 reaches.
  let position = der[1] === 0x81 ? 3 : 2;
  const integers: Buffer[] = [];
  while (integers.length < 2) {
    const length = der[position + 1] ?? 0;
    integers.push(sshString(der.subarray(position + 2, position + 2 + length)));
    position += 2 + length;
  }
  return Buffer.concat(integers);
}
