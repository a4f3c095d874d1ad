import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { textFile } from './text-file.ts';
import { defineProvisioner } from './provisioner.ts';

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

const schema = z.strictObject({
  hostname: z
    .string()
    .max(253)
    .regex(
      new RegExp(`^${label}(\\.${label})*$`),
      'must be lower-case letters, digits and dashes, with dots between labels',
    )
    .describe('Name of the machine, short or with its domain.'),
  hosts: z
    .record(z.union([z.ipv4(), z.ipv6()]), z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]))
    .default({})
    .describe('Further lines of /etc/hosts: names by address.'),
});

type HostnameOptions = z.output<typeof schema>;

/** /etc/hosts as Debian's installer writes it: the machine's own name at 127.0.1.1. */
function hostsFile(options: HostnameOptions): string {
  const short = options.hostname.split('.', 1)[0] ?? options.hostname;
  const own = short === options.hostname ? short : `${options.hostname} ${short}`;
  const further = Object.entries(options.hosts).map(
    ([address, names]) => `${address}\t${[names].flat().join(' ')}`,
  );
  return [
    '127.0.0.1\tlocalhost',
    `127.0.1.1\t${own}`,
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    ...further,
    '',
  ].join('\n');
}

export const hostnameKind = defineProvisioner({
  type: 'hostname',
  summary: 'Sets the host name: /etc/hostname and /etc/hosts.',
  schema,
  keyVersion: 1,
  effect: () => 'write',
  entries: (options) =>
    Promise.resolve(
      ok([textFile('/etc/hostname', `${options.hostname}\n`), textFile('/etc/hosts', hostsFile(options))]),
    ),
  examples: {
    good: [
      { title: 'Short name', options: { hostname: 'web1' } },
      {
        title: 'With domain and another host',
        options: { hostname: 'web1.example.org', hosts: { '10.0.0.2': ['db1', 'db'] } },
      },
    ],
    bad: [{ title: 'Underscore', options: { hostname: 'web_1' }, error: 'lower-case letters' }],
  },
});
