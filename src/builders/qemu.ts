import { defineMachineBuilder } from './machine-builder.ts';
import { sshFields } from '../communicators/ssh/options.ts';
import { keyOptions } from '../schema/kind.ts';
import { mediaInputs } from './qemu/media-inputs.ts';
import { processors, qemuSchema } from './qemu/options.ts';

export const qemuBuilder = defineMachineBuilder({
  type: 'qemu',
  summary: 'Runs steps in a virtual machine of QEMU.',
  description: `Steps run over SSH in a machine that boots for real: services start, the kernel is its own. What the machine is
after each step is kept, disk and memory, so that a build begins where the change is: it resumes within seconds the
machine as it was before the step that changed, and starts none when only exports changed.

The network is QEMU's own: the machine reaches out, and in only through one port of 127.0.0.1. Options have Packer's
names; those of SSH (\`ssh_…\`) are in the same place. A source's \`pipeline\` may be one that the rootfs builder makes.`,
  schema: qemuSchema,
  keyVersion: 1,
  disk: true,
  tools: ['qemu-img', 'zstd'],
  movingFacts: ['PackerHTTPAddr', 'PackerHTTPPort', 'Port', 'SSHPrivateKey', 'SSHPublicKey'],
  influence: (options, context) => {
    const ssh = new Set(Object.keys(sshFields));
    const own = Object.entries(keyOptions(qemuSchema, options)).filter(([name]) => !ssh.has(name));
    return {
      platform: { ...Object.fromEntries(own), ssh_username: options.ssh_username ?? 'root' },
      hostInputs: mediaInputs(options, context.resolvePath),
    };
  },
  cost: (options) => ({ cpus: processors(options).count, memory: options.memory }),
  open: async (options, context) => {
    const { openQemu } = await import('./qemu/driver.ts');
    return await openQemu(options, context);
  },
  examples: {
    good: [
      { title: 'A machine with two processors', options: { memory: '2G', cpus: 2 } },
      {
        title: 'UEFI, and a login of its own',
        options: { firmware: 'uefi', ssh_username: 'debian', ssh_private_key_file: 'keys/build' },
      },
      {
        title: 'An installation that is typed',
        options: {
          http_directory: 'http',
          boot_wait: '5s',
          boot_command: ['<esc><wait>', 'auto url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg<enter>'],
          ssh_username: 'root',
          ssh_password: 'installed',
        },
      },
    ],
    bad: [
      { title: 'No size', options: { memory: 'much' }, error: 'not a size' },
      { title: 'Keys without a keyboard', options: { disable_vnc: true, boot_command: ['x'] }, error: 'VNC' },
    ],
  },
});
