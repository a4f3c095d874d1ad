import type { ComponentOptions } from '../packer-kinds/component.ts';

/** Kind names and options of the parts of a pipeline that a builder of Packer's stands for. */
export interface BuilderParts {
  readonly builder: LoweredUse;
  readonly source: LoweredUse;
  /** Undefined: nothing comes of the build. */
  readonly artifact: LoweredUse | undefined;
}

export interface LoweredUse {
  readonly type: string;
  /** Packer's options under the names of the kind; those that it does not have are left out later. */
  readonly options: ComponentOptions;
  /** Names of options that only name things: one that differs in every run has no say in what comes of the build. */
  readonly names?: readonly string[];
}

/** How each builder of Packer's becomes kinds of ours. A builder that is not here cannot run. */
export const BUILDER_PARTS: Readonly<Record<string, (options: ComponentOptions) => BuilderParts>> = {
  docker: (options) => ({
    builder: { type: 'docker', options },
    source: { type: 'docker-image', options },
    artifact:
      options['commit'] === true
        ? { type: 'docker-commit', options }
        : options['discard'] === true
          ? { type: 'docker-discard', options: {} }
          : { type: 'docker-export', options },
  }),
  file: ({ source, content, target }) => ({
    builder: { type: 'file', options: { target } },
    source: { type: 'file', options: isGiven(source) ? { path: source } : { content: content ?? '' } },
    artifact: { type: 'file', options: { target } },
  }),
  null: (options) => ({
    builder: { type: 'null', options },
    source: { type: 'machine', options: {} },
    artifact: { type: 'none', options: {} },
  }),
  qemu: (options) => ({
    builder: {
      type: 'qemu',
      options: {
        ...options,
        name: options['vm_name'],
        host_port_min: options['ssh_host_port_min'] ?? options['host_port_min'],
        host_port_max: options['ssh_host_port_max'] ?? options['host_port_max'],
      },
      // What is typed, or given to QEMU, may show it to the machine.
      names: /\{\{[^}]*\.Name\b/.test(JSON.stringify(options)) ? [] : ['name'],
    },
    source: { type: options['disk_image'] === true ? 'cloud-image' : 'iso', options: mediumOf(options) },
    artifact: { type: 'qemu-disk', options },
  }),
};

/** Where Packer's qemu builder gets its disk or installation medium from. */
function mediumOf({
  iso_url: url,
  iso_urls: urls,
  iso_checksum: checksum,
}: ComponentOptions): ComponentOptions {
  const given = [url, ...(Array.isArray(urls) ? (urls as unknown[]) : [])].filter(isText);
  const [first = ''] = given;
  // The content of a local file is in the key, whatever its checksum says.
  const path = first.startsWith('file://') ? first.slice('file://'.length) : first;
  if (!/^[a-z]+:\/\//.test(path)) return { path, checksum };
  return given.length === 1 ? { url: first, checksum } : { urls: given, checksum };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isGiven = (value: unknown): boolean => value !== undefined && value !== '';
