import { definePipeline } from 'imgpipe';

/**
 * A web server on Debian 12: the sample that `npm start` builds and boots. Steps that read the system (packages, users,
 * scripts) come first; files come last, so that editing one rebuilds its layer and the exports only.
 */
export default definePipeline(
  {
    name: 'debian-web',
    description: 'nginx on Debian 12, booting by BIOS and UEFI',
    variables: {
      hostname: {
        type: 'string',
        default: 'debian-web',
        description: 'Host name of the machine',
        validation: { pattern: '^[a-z][a-z0-9-]*$' },
      },
    },
  },
  ({ vars }) => ({
    source: { type: 'bootstrap', suite: 'bookworm', variant: 'minbase' },
    steps: [
      {
        type: 'package',
        name: 'packages',
        install: [
          'linux-image-cloud-amd64',
          'systemd-sysv',
          'udev',
          'dbus',
          'openssh-server',
          'nginx-light',
          'iproute2',
          'ca-certificates',
        ],
      },
      { type: 'group', name: 'deploy-group', group: 'deploy', gid: 1500 },
      { type: 'user', name: 'deploy-user', user: 'deploy', uid: 1500, group: 'deploy', shell: '/bin/bash' },
      { type: 'shell', name: 'pages', script: 'scripts/pages.sh' },
      { type: 'service', name: 'services', enable: ['nginx', 'ssh', 'systemd-networkd'] },
      { type: 'timezone', timezone: 'Etc/UTC' },
      { type: 'hostname', hostname: vars.hostname },
      { type: 'kernel-args', args: ['net.ifnames=0'] },
      { type: 'sysctl', values: { 'net.core.somaxconn': 1024 } },
      { type: 'file', name: 'motd', path: '/etc/motd', content: 'Built by imgpipe.\n' },
      {
        type: 'file',
        name: 'network',
        path: '/etc/systemd/network/80-dhcp.network',
        source: 'files/80-dhcp.network',
      },
      {
        type: 'file',
        name: 'nginx-config',
        files: [
          { path: '/etc/nginx/sites-enabled/default', remove: true },
          {
            path: '/etc/nginx/conf.d/debian-web.conf',
            source: 'files/nginx/debian-web.conf',
            variables: { hostname: vars.hostname },
          },
        ],
      },
      { type: 'file', name: 'site', path: '/srv/www', source: 'files/www' },
    ],
    disk: { size: '2GB' },
    exports: [{ type: 'qcow2' }, { type: 'qcow2', name: 'qcow2-zstd', compression: 'zstd' }, { type: 'raw' }],
    checks: [{ type: 'boot', export: 'qcow2', http: [{ port: 80, path: '/', contains: 'It works' }] }],
  }),
);
