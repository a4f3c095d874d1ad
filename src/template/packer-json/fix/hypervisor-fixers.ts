import { type JsonData, type JsonObject, isObject } from '../json-value.ts';
import { type Fixer, builderFixer, buildersOf, isTruth, provisionersOf, rename } from './fixer.ts';

const only =
  (...types: readonly string[]) =>
  (type: string): boolean =>
    types.includes(type);

export const guestAdditions = builderFixer(
  'virtualbox-gaattach',
  'Updates VirtualBox builders using "guest_additions_attach" to use "guest_additions_mode"',
  only('virtualbox'),
  (builder) => {
    const attach = builder['guest_additions_attach'];
    if (attach === undefined || !isTruth(attach)) return;
    delete builder['guest_additions_attach'];
    builder['guest_additions_mode'] = attach ? 'attach' : 'upload';
  },
);

export const virtualboxRename: Fixer = {
  name: 'virtualbox-rename',
  summary: 'Updates "virtualbox" builders to "virtualbox-iso"',
  fix: (template) => {
    for (const builder of buildersOf(template)) {
      if (builder['type'] === 'virtualbox') builder['type'] = 'virtualbox-iso';
    }
    for (const step of provisionersOf(template)) {
      const { override } = step;
      if (isObject(override)) rename(override, 'virtualbox', 'virtualbox-iso');
    }
  },
};

export const vmwareRename = builderFixer(
  'vmware-rename',
  'Updates "vmware" builders to "vmware-iso"',
  only('vmware'),
  (builder) => {
    builder['type'] = 'vmware-iso';
  },
);

export const proxmoxType = builderFixer(
  'proxmox-type',
  'Updates the builder type proxmox to proxmox-iso',
  only('proxmox'),
  (builder) => {
    builder['type'] = 'proxmox-iso';
  },
);

export const parallelsHeadless = builderFixer(
  'parallels-headless',
  'Removes unused "headless" from Parallels builders',
  only('parallels-iso', 'parallels-pvm'),
  (builder) => {
    delete builder['headless'];
  },
);

export const parallelsDeprecations = builderFixer(
  'parallels-deprecations',
  'Removes deprecated "parallels_tools_host_path" from Parallels builders and changes "guest_os_distribution" to "guest_os_type".',
  only('parallels-iso', 'parallels-pvm'),
  (builder) => {
    delete builder['parallels_tools_host_path'];
    rename(builder, 'guest_os_distribution', 'guest_os_type');
  },
);

export const vmwareCompaction = builderFixer(
  'vmware-compaction',
  'Adds "skip_compaction = true" to "vmware-iso" builders with incompatible disk_type_id',
  only('vmware-iso'),
  (builder) => {
    if (builder['remote_type'] !== 'esx5') return;
    const disk = builder['disk_type_id'];
    if (disk === undefined) builder['disk_type_id'] = 'zeroedthick';
    else if (typeof disk !== 'string' || disk === 'thin') return;
    const skip = builder['skip_compaction'];
    if (skip === undefined || skip === false) builder['skip_compaction'] = true;
  },
);

export const hypervDeprecations = builderFixer(
  'hyperv-deprecations',
  'Removes the deprecated "vhd_temp_path" setting from Hyper-V ISO builder templates',
  only('hyperv-iso'),
  (builder) => {
    delete builder['vhd_temp_path'];
  },
);

export const hypervTypo = builderFixer(
  'hyperv-vmxc-typo',
  'Fixes a typo replacing "clone_from_vmxc_path" with "clone_from_vmcx_path" in Hyper-V VMCX builder templates',
  only('hyperv-vmcx'),
  (builder) => rename(builder, 'clone_from_vmxc_path', 'clone_from_vmcx_path'),
);

export const hypervSizes = builderFixer(
  'hyperv-cpu-and-ram',
  'Replaces "cpu" with "cpus" and "ram_size" with "memory"in Hyper-V VMCX builder templates',
  only('hyperv-vmcx', 'hyperv-iso'),
  (builder) => {
    rename(builder, 'cpu', 'cpus');
    rename(builder, 'ram_size', 'memory');
  },
);

export const qemuDiskSize = builderFixer(
  'qemu-disk-size',
  'Updates "disk_size" from int to string in QEMU builders.',
  only('qemu'),
  (builder) => {
    const size = builder['disk_size'];
    if (typeof size === 'number') builder['disk_size'] = `${Math.trunc(size)}M`;
  },
);

export const qemuHostPort = builderFixer(
  'qemu-host-port',
  'Updates ssh_host_port_min and ssh_host_port_max to host_port_min and host_port_max',
  only('qemu'),
  (builder) => {
    rename(builder, 'ssh_host_port_min', 'host_port_min');
    rename(builder, 'ssh_host_port_max', 'host_port_max');
  },
);

export const portForwarding = builderFixer(
  'comm-config',
  'Remove ssh prefixes from communicator port forwarding configuration (host_port_min, host_port_max, skip_nat_mapping)',
  (type) => type.startsWith('virtualbox'),
  (builder) => {
    for (const name of ['host_port_min', 'host_port_max', 'skip_nat_mapping']) {
      if (builder[name] !== undefined) delete builder[`ssh_${name}`];
      else if (name === 'skip_nat_mapping') rename(builder, `ssh_${name}`, name, { fits: isTruth });
      else rename(builder, `ssh_${name}`, name);
    }
  },
);

export const vsphereNetworkDisk = builderFixer(
  'vsphere-iso-net-disk',
  'Removes deprecated network and disk fields from "vsphere-iso" builder',
  only('vsphere-iso'),
  (builder) => {
    const card = gather(builder, [
      ['network', 'network'],
      ['networkCard', 'network_card'],
      ['network_card', 'network_card'],
    ]);
    prepend(builder, 'network_adapters', card);
    const disk = gather(
      builder,
      ['disk_size', 'disk_thin_provisioned', 'disk_eagerly_scrub'].map((name) => [name, name] as const),
    );
    prepend(builder, 'storage', disk);
  },
);

/** Takes properties out of an object into one of their own; a later one of a name wins. */
function gather(object: JsonObject, names: readonly (readonly [from: string, to: string])[]): JsonObject {
  const taken: JsonObject = {};
  for (const [from, to] of names) {
    const value = object[from];
    if (value === undefined) continue;
    taken[to] = value;
    delete object[from];
  }
  return taken;
}

function prepend(object: JsonObject, name: string, item: JsonObject): void {
  if (Object.keys(item).length === 0) return;
  const before: JsonData | undefined = object[name];
  object[name] = [item, ...(Array.isArray(before) ? before : [])];
}
