/** Media type of what DSSE envelopes of in-toto hold. */
export const STATEMENT_MEDIA_TYPE = 'application/vnd.in-toto+json';

/** What is signed in a DSSE envelope: its PAE (github.com/secure-systems-lab/dsse, protocol.md). */
export function preAuthentication(payload: Buffer): Buffer {
  const type = STATEMENT_MEDIA_TYPE;
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `),
    payload,
  ]);
}
