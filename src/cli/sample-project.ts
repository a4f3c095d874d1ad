/**
 * Files of a new project, by path. The config only imports a type, and the pipeline is YAML: both work before imgpipe is
 * installed in the project.
 */
export function sampleFiles(): Record<string, string> {
  return {
    'imgpipe.config.ts': CONFIG,
    'pipelines/hello/pipeline.yaml': PIPELINE,
    'pipelines/hello/files/index.html': '<h1>Hello from {{ hostname }}</h1>\n',
  };
}

const CONFIG = `import type { ConfigInput } from 'imgpipe';

export default {
  pipelines: 'pipelines',
  output: 'output',
  cache: { maxSize: '20GB' },
} satisfies ConfigInput;
`;

const PIPELINE = `# A web server on Debian. Build it with: imgpipe build
description: nginx on Debian 12

variables:
  hostname:
    default: hello
    description: Name of the machine
    validation: { pattern: '^[a-z][a-z0-9-]*$' }

source:
  type: bootstrap
  suite: bookworm

steps:
  - type: package
    name: packages
    install: [linux-image-cloud-amd64, systemd-sysv, udev, nginx-light]
  - type: service
    name: services
    enable: [nginx, systemd-networkd]
  # Steps that only write files come last: editing one rebuilds nothing but its own layer and the exports.
  - type: hostname
    hostname: \${var.hostname}
  - type: file
    name: network
    path: /etc/systemd/network/80-dhcp.network
    content: |
      [Match]
      Name=e*
      [Network]
      DHCP=yes
  - type: file
    name: page
    path: /var/www/html/index.html
    source: files/index.html
    variables: { hostname: '\${var.hostname}' }

exports:
  - type: qcow2
`;
