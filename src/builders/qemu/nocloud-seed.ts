import { makeIso } from './iso9660.ts';

/** What cloud-init reads from a NoCloud seed (its datasource of that name). */
export interface CloudSeed {
  /** A change of it makes cloud-init start over; equal seeds should have equal ids. */
  readonly instanceId: string;
  readonly hostname?: string;
  /** `#cloud-config` YAML, or a script that begins `#!`. */
  readonly userData: string;
  /** Network config, version 1 or 2, as YAML. */
  readonly networkConfig?: string;
}

/**
 * A medium labelled `cidata` with the seed; the same seed gives the same bytes.
 * @param epoch its files' time, seconds since 1970
 */
export function makeCloudSeed(seed: CloudSeed, epoch: number): Buffer {
  const { instanceId, hostname, userData, networkConfig } = seed;
  // JSON is YAML.
  const metaData = {
    'instance-id': instanceId,
    ...(hostname !== undefined && { 'local-hostname': hostname }),
  };
  return makeIso(
    'cidata',
    [
      { path: 'meta-data', content: Buffer.from(`${JSON.stringify(metaData)}\n`) },
      { path: 'user-data', content: Buffer.from(userData) },
      ...(networkConfig === undefined
        ? []
        : [{ path: 'network-config', content: Buffer.from(networkConfig) }]),
    ],
    epoch,
  );
}
