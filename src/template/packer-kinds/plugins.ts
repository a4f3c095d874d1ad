/** Plugins that HashiCorp keeps, by the word with which the names of their kinds begin. */
export const KNOWN_PLUGINS: ReadonlyMap<string, string> = new Map(
  [
    'amazon',
    'ansible',
    'azure',
    'docker',
    'googlecompute',
    'qemu',
    'vagrant',
    'virtualbox',
    'vmware',
    'vsphere',
  ].map((name) => [name, `github.com/hashicorp/${name}`]),
);

const OTHERS: Readonly<Record<string, string>> = {
  alicloud: 'github.com/hashicorp/alicloud',
  chef: 'github.com/hashicorp/chef',
  cloudstack: 'github.com/hashicorp/cloudstack',
  converge: 'github.com/hashicorp/converge',
  digitalocean: 'github.com/digitalocean/digitalocean',
  hcloud: 'github.com/hetznercloud/hcloud',
  hyperone: 'github.com/hashicorp/hyperone',
  hyperv: 'github.com/hashicorp/hyperv',
  inspec: 'github.com/hashicorp/inspec',
  linode: 'github.com/linode/linode',
  lxc: 'github.com/hashicorp/lxc',
  lxd: 'github.com/hashicorp/lxd',
  ncloud: 'github.com/hashicorp/ncloud',
  openstack: 'github.com/hashicorp/openstack',
  oracle: 'github.com/hashicorp/oracle',
  parallels: 'github.com/parallels/parallels',
  profitbricks: 'github.com/hashicorp/profitbricks',
  proxmox: 'github.com/hashicorp/proxmox',
  puppet: 'github.com/hashicorp/puppet',
  salt: 'github.com/hashicorp/salt',
  scaleway: 'github.com/scaleway/scaleway',
  tart: 'github.com/cirruslabs/tart',
  tencentcloud: 'github.com/hashicorp/tencentcloud',
  triton: 'github.com/hashicorp/triton',
  ucloud: 'github.com/ucloud/ucloud',
  vultr: 'github.com/vultr/vultr',
  windows: 'github.com/rgl/windows-update',
  yandex: 'github.com/hashicorp/yandex',
};

/** The word of `KNOWN_PLUGINS` that begins the name of a kind; undefined for other kinds. */
export const knownPluginOf = (type: string): string | undefined =>
  [...KNOWN_PLUGINS.keys()].find((name) => type.startsWith(name));

/** The address of the plugin with which Packer itself would have a kind; undefined when it is not known. */
export function pluginAddressOf(type: string): string | undefined {
  const known = knownPluginOf(type);
  if (known !== undefined) return KNOWN_PLUGINS.get(known);
  const name = Object.keys(OTHERS).find((prefix) => type === prefix || type.startsWith(`${prefix}-`));
  return name === undefined ? undefined : OTHERS[name];
}

/**
 * Says what a kind that is not there would need. `noun` is what it is to be: source, provisioner …; `required` are the
 * plugins that the template asks for.
 */
export function describeMissing(
  noun: string,
  type: string,
  required: readonly { readonly name: string; readonly source: string; readonly version: string }[] = [],
): string {
  const asked = required.find(({ name }) => type === name || type.startsWith(`${name}-`));
  const address = asked?.source ?? pluginAddressOf(type);
  const version = asked?.version ?? '~> 1';
  const origin =
    address === undefined
      ? 'With Packer it would come from a plugin'
      : `With Packer it comes from the plugin ${address} (${version})`;
  return `The ${noun} ${type} is not part of this version of imgpipe. ${origin}; the rest of the template was checked as it is.`;
}
