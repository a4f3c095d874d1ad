import { isObject } from '../json-value.ts';
import { anyBuilderFixer, builderFixer, isText, isTruth, provisionersOf, rename } from './fixer.ts';
import type { Fixer } from './fixer.ts';

export const isoMd5 = anyBuilderFixer(
  'iso-md5',
  'Replaces "iso_md5" in builders with "iso_checksum"',
  (builder) => {
    const sum = builder['iso_md5'];
    if (typeof sum !== 'string') return;
    delete builder['iso_md5'];
    builder['iso_checksum'] = sum;
    builder['iso_checksum_type'] = 'md5';
  },
);

export const createTime = anyBuilderFixer(
  'createtime',
  'Replaces ".CreateTime" in builder configs with "{{timestamp}}"',
  (builder) => {
    for (const name of ['ami_name', 'bundle_prefix', 'snapshot_name']) {
      const value = builder[name];
      if (typeof value === 'string') {
        builder[name] = value.replaceAll(/\{\{\s*\.CreateTime\s*\}\}/g, '{{timestamp}}');
      }
    }
  },
);

export const sshKeyPath = anyBuilderFixer(
  'sshkeypath',
  'Updates builders using "ssh_key_path" to use "ssh_private_key_file"',
  (builder) => rename(builder, 'ssh_key_path', 'ssh_private_key_file', { fits: isText, keep: true }),
);

export const sshDisableAgent = anyBuilderFixer(
  'sshdisableagent',
  'Updates builders using "ssh_disable_agent" to use "ssh_disable_agent_forwarding"',
  (builder) =>
    rename(builder, 'ssh_disable_agent', 'ssh_disable_agent_forwarding', { fits: isTruth, keep: true }),
);

export const cleanImageName = anyBuilderFixer(
  'clean-image-name',
  'Replaces /clean_(image|ami)_name/ in builder configs with "clean_resource_name"',
  (builder) => {
    const clean = (text: string): string =>
      text.replaceAll(/clean_(?:image|ami)_name/g, 'clean_resource_name');
    for (const [name, value] of Object.entries(builder)) {
      if (typeof value === 'string') builder[name] = clean(value);
      else if (isObject(value)) {
        for (const [key, item] of Object.entries(value)) {
          if (typeof item === 'string') value[key] = clean(item);
        }
      }
    }
  },
);

export const isoChecksum = anyBuilderFixer(
  'iso-checksum-type-and-url',
  'Puts content of potential "iso_checksum_url" and "iso_checksum_url" in "iso_checksum"',
  (builder) => {
    const [url, type, sum] = ['iso_checksum_url', 'iso_checksum_type', 'iso_checksum'].map((name) => {
      const value = builder[name];
      return typeof value === 'string' ? value : '';
    });
    delete builder['iso_checksum_url'];
    delete builder['iso_checksum_type'];
    if (url !== '') builder['iso_checksum'] = `file:${url}`;
    else if (sum !== undefined && sum !== '') {
      builder['iso_checksum'] = type === '' ? sum : `${type}:${sum}`;
    }
  },
);

export const sshWaitTimeout = anyBuilderFixer(
  'ssh-wait-timeout',
  'Replaces "ssh_wait_timeout" with "ssh_timeout"',
  (builder) => {
    if (builder['ssh_timeout'] !== undefined) delete builder['ssh_wait_timeout'];
    else rename(builder, 'ssh_wait_timeout', 'ssh_timeout', { fits: isText });
  },
);

const UNESCAPED: Readonly<Record<string, string>> = { '`$': '$', '`"': '"', '``': '`', "`'": "'" };
const unescape = (text: string): string => text.replaceAll(/`[$"`']/g, (pair) => UNESCAPED[pair] ?? pair);

export const powershellEscapes: Fixer = {
  name: 'powershell-escapes',
  summary: 'Removes PowerShell escapes from user env vars and elevated username and password strings',
  fix: (template) => {
    for (const step of provisionersOf(template)) {
      if (step['type'] !== 'powershell') continue;
      for (const name of ['elevated_user', 'elevated_password']) {
        const value = step[name];
        if (typeof value === 'string') step[name] = unescape(value);
      }
      const variables = step['environment_vars'];
      if (Array.isArray(variables) && variables.every(isText)) {
        step['environment_vars'] = variables.map(unescape);
      }
    }
  },
};

export const galaxyCommand: Fixer = {
  name: 'galaxy-command',
  summary: 'Replaces "galaxycommand" in ansible-local provisioner configs with "galaxy_command"',
  fix: (template) => {
    for (const step of provisionersOf(template)) {
      if (step['type'] !== 'ansible-local') continue;
      if (step['galaxy_command'] !== undefined) delete step['galaxycommand'];
      else rename(step, 'galaxycommand', 'galaxy_command', { fits: isText });
    }
  },
};

export const scalewayAccessKey = builderFixer(
  'scaleway-access-key',
  'Updates builders using "access_key" to use "organization_id"',
  (type) => type === 'scaleway',
  (builder) => rename(builder, 'access_key', 'organization_id', { fits: isText, keep: true }),
);

export const azureExcludeFromLatest = builderFixer(
  'azure-exclude_from_latest',
  'Changes "exlude_from_latest" to "exclude_from_latest" in Azure builders.',
  (type) => type.startsWith('azure-chroot'),
  (builder) => {
    const target = builder['shared_image_destination'];
    if (isObject(target)) rename(target, 'exlude_from_latest', 'exclude_from_latest');
  },
);
