import type { Pipeline } from '../../model/pipeline.ts';
import type { Architecture } from '../../model/platform.ts';
import type { ContainerOptions } from './options.ts';

/** Names of the Go toolchain, which the OCI specification uses. */
const PLATFORMS: Readonly<Record<Architecture, { architecture: string; variant?: string }>> = {
  amd64: { architecture: 'amd64' },
  arm64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  i386: { architecture: '386' },
  ppc64el: { architecture: 'ppc64le' },
  riscv64: { architecture: 'riscv64' },
  s390x: { architecture: 's390x' },
};

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function platformOf(pipeline: Pipeline): { architecture: string; variant?: string; os: 'linux' } {
  return { ...PLATFORMS[pipeline.architecture], os: 'linux' };
}

/** One layer as the configuration names it. */
export interface ConfigLayer {
  /** SHA-256 of the uncompressed tar, in hex. */
  readonly diffId: string;
  /** Digest of imgpipe's layer. */
  readonly source: string;
}

/** The image configuration as text; it is what the image's id is the digest of. */
export function imageConfig(
  options: ContainerOptions,
  pipeline: Pipeline,
  layers: readonly ConfigLayer[],
): string {
  const created = new Date(pipeline.sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
  const env = Object.entries({ PATH, ...options.env }).map(([name, value]) => `${name}=${value}`);
  const names = (list: readonly string[]): Record<string, object> | undefined =>
    list.length === 0 ? undefined : Object.fromEntries(list.toSorted().map((name) => [name, {}]));
  return JSON.stringify({
    created,
    ...platformOf(pipeline),
    config: {
      User: options.user,
      ExposedPorts: names(options.ports),
      Env: env,
      Entrypoint: options.entrypoint,
      Cmd: options.cmd,
      Volumes: names(options.volumes),
      WorkingDir: options.workingDirectory,
      Labels: Object.keys(options.labels).length === 0 ? undefined : options.labels,
      StopSignal: options.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => `sha256:${diffId}`) },
    history: layers.map(({ source }) => ({ created, created_by: `imgpipe layer ${source}` })),
  });
}
