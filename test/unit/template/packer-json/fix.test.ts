import { expect, test } from 'vitest';
import { FIXERS, fixTemplate } from '../../../../src/template/packer-json/fix/fix-template.ts';
import { type JsonObject, formatGoJson } from '../../../../src/template/packer-json/json-value.ts';

/** Old builder → mended builder; outputs observed from Packer 1.6.6. */
const BUILDERS: readonly (readonly [string, JsonObject, JsonObject])[] = [
  ['iso_md5', { iso_md5: 'abc' }, { iso_checksum: 'md5:abc' }],
  [
    'checksum url',
    { iso_checksum_url: 'http://x', iso_checksum: 'z', iso_checksum_type: 'sha1' },
    { iso_checksum: 'file:http://x' },
  ],
  ['checksum type none', { iso_checksum_type: 'none' }, {}],
  ['create time', { type: 'a', ami_name: 'x {{ .CreateTime }}' }, { type: 'a', ami_name: 'x {{timestamp}}' }],
  [
    'guest additions, then the type',
    { type: 'virtualbox', guest_additions_attach: true },
    { type: 'virtualbox-iso', guest_additions_mode: 'attach' },
  ],
  ['vmware', { type: 'vmware' }, { type: 'vmware-iso' }],
  [
    'parallels',
    { type: 'parallels-iso', headless: true, guest_os_distribution: 'x', parallels_tools_host_path: 'y' },
    { type: 'parallels-iso', guest_os_type: 'x' },
  ],
  ['ssh key path', { ssh_key_path: 'k', ssh_private_key_file: 'p' }, { ssh_private_key_file: 'p' }],
  ['ssh agent', { ssh_disable_agent: true }, { ssh_disable_agent_forwarding: true }],
  ['scaleway', { type: 'scaleway', access_key: 'a' }, { type: 'scaleway', organization_id: 'a' }],
  [
    'amazon',
    {
      type: 'amazon-ebs',
      shutdown_behaviour: 'stop',
      enhanced_networking: false,
      ssh_private_ip: 'true',
      temporary_security_group_source_cidr: '::/0',
      spot_price_auto_product: 'x',
    },
    {
      type: 'amazon-ebs',
      shutdown_behavior: 'stop',
      ena_support: false,
      ssh_interface: 'private_ip',
      temporary_security_group_source_cidrs: ['::/0'],
    },
  ],
  [
    'compaction',
    { type: 'vmware-iso', remote_type: 'esx5' },
    { type: 'vmware-iso', remote_type: 'esx5', disk_type_id: 'zeroedthick', skip_compaction: true },
  ],
  [
    'thin disks are left',
    { type: 'vmware-iso', remote_type: 'esx5', disk_type_id: 'thin' },
    { type: 'vmware-iso', remote_type: 'esx5', disk_type_id: 'thin' },
  ],
  [
    'hyper-v',
    { type: 'hyperv-iso', vhd_temp_path: 'x', cpu: 2, ram_size: 3 },
    { type: 'hyperv-iso', cpus: 2, memory: 3 },
  ],
  [
    'hyper-v clone',
    { type: 'hyperv-vmcx', clone_from_vmxc_path: 'x' },
    { type: 'hyperv-vmcx', clone_from_vmcx_path: 'x' },
  ],
  [
    'clean names',
    { image_name: '{{ clean_image_name `x` }}', tags: { a: 'clean_ami_name' } },
    { image_name: '{{ clean_resource_name `x` }}', tags: { a: 'clean_resource_name' } },
  ],
  [
    'qemu',
    { type: 'qemu', disk_size: 40960, ssh_host_port_min: 1, ssh_host_port_max: 2 },
    { type: 'qemu', disk_size: '40960M', host_port_min: 1, host_port_max: 2 },
  ],
  [
    'virtualbox ports',
    {
      type: 'virtualbox-ovf',
      ssh_host_port_min: 1,
      host_port_max: 5,
      ssh_host_port_max: 2,
      ssh_skip_nat_mapping: true,
    },
    { type: 'virtualbox-ovf', host_port_min: 1, host_port_max: 5, skip_nat_mapping: true },
  ],
  ['ssh wait timeout', { type: 'x', ssh_wait_timeout: '5m' }, { type: 'x', ssh_timeout: '5m' }],
  [
    'azure',
    { type: 'azure-chroot', shared_image_destination: { exlude_from_latest: true } },
    { type: 'azure-chroot', shared_image_destination: { exclude_from_latest: true } },
  ],
  ['proxmox', { type: 'proxmox' }, { type: 'proxmox-iso' }],
  [
    'vsphere',
    {
      type: 'vsphere-iso',
      network: 'n',
      networkCard: 'q',
      network_card: 'r',
      network_adapters: [{ x: 1 }],
      disk_size: 5,
    },
    {
      type: 'vsphere-iso',
      network_adapters: [{ network: 'n', network_card: 'r' }, { x: 1 }],
      storage: [{ disk_size: 5 }],
    },
  ],
];

test.each(BUILDERS)('%s', (_, before, after) => {
  const fixed = fixTemplate({ builders: [structuredClone(before)] });
  expect(fixed).toEqual({ ok: true, value: { builders: [after] } });
});

test('provisioners', () => {
  const fixed = fixTemplate({
    provisioners: [
      { type: 'powershell', elevated_user: 'a`$b', environment_vars: ['x=``', 'y=`"'] },
      { type: 'ansible-local', galaxycommand: 'g' },
      { type: 'shell', override: { virtualbox: { x: 1 } } },
    ],
  });
  expect(fixed).toEqual({
    ok: true,
    value: {
      builders: null,
      provisioners: [
        { type: 'powershell', elevated_user: 'a$b', environment_vars: ['x=`', 'y="'] },
        { type: 'ansible-local', galaxy_command: 'g' },
        { type: 'shell', override: { 'virtualbox-iso': { x: 1 } } },
      ],
    },
  });
});

test('post-processors, also in chains', () => {
  const fixed = fixTemplate({
    builders: [{ type: 'docker', login_email: 'e' }],
    'post-processors': [
      'compress',
      { type: 'vagrant', aws: { a: 1 } },
      [{ type: 'docker-tag', tag: 'a, b', tags: ['b', 'c'] }],
      { type: 'manifest', filename: 'm' },
      { type: 'docker-push', login_email: 'e' },
    ],
  });
  expect(fixed).toEqual({
    ok: true,
    value: {
      builders: [{ type: 'docker' }],
      'post-processors': [
        'compress',
        { type: 'vagrant', override: { aws: { a: 1 } } },
        [{ type: 'docker-tag', tags: ['a', 'b', 'c'] }],
        { type: 'manifest', output: 'm' },
        { type: 'docker-push' },
      ],
    },
  });
});

test('what cannot be mended', () => {
  expect(fixTemplate({ builders: 'x' })).toMatchObject({
    ok: false,
    failures: [
      { message: "1 error(s) decoding:\n\n* 'Builders': source data must be an array or slice, got string" },
    ],
  });
  expect(fixTemplate({ builders: [{ type: 'amazon-ebs', ssh_private_ip: 'maybe' }] })).toMatchObject({
    ok: false,
  });
});

test('there are 34, each with a name of its own', () => {
  expect(FIXERS).toHaveLength(34);
  expect(new Set(FIXERS.map(({ name }) => name)).size).toBe(34);
});

test('JSON as Go writes it', () => {
  expect(formatGoJson({ b: [], a: { z: 1, y: 1e21, x: 1e-7, w: 0.000001 }, c: '&<>\u2028é', d: null })).toBe(
    '{\n  "a": {\n    "w": 0.000001,\n    "x": 1e-7,\n    "y": 1e+21,\n    "z": 1\n  },\n  "b": [],\n  "c": "\\u0026<>\\u2028é",\n  "d": null\n}',
  );
});
