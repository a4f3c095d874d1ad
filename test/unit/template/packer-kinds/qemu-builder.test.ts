import { describe, expect, test } from 'vitest';
import { makeSshKey } from '../../../../src/communicators/ssh/ssh-key.ts';
import type { CheckWorld } from '../../../../src/template/packer-kinds/component.ts';
import { qemuBuilder } from '../../../../src/template/packer-kinds/qemu-builder.ts';

const BASE = { iso_url: 'a.iso', iso_checksum: 'none', ssh_username: 'root' };

/** A host with these files. */
function world(files: Readonly<Record<string, string>>): CheckWorld {
  return {
    files: {
      read: (path) => Buffer.from(files[path] ?? ''),
      kind: (path) => (path in files ? 'file' : undefined),
      list: () => [],
    },
    workingDirectory: '/work',
    homeDirectory: '/home/me',
  };
}

describe("what Packer's qemu builder finds wrong with a private key", () => {
  const check = (text: string, more: object = {}) =>
    qemuBuilder.check({ ...BASE, ssh_private_key_file: '~/key', ...more }, world({ '/home/me/key': text }))
      .errors;

  test('nothing, when it is one', async () => {
    expect(check((await makeSshKey('a')).privateKey)).toEqual([]);
  });

  test('a file that holds none', async () => {
    expect(check((await makeSshKey('a')).publicKey)).toEqual([
      "ssh_private_key_file is invalid: Error setting up SSH config: Failed to read key '/home/me/key': no key found",
    ]);
  });

  test('a passphrase, of the bastion as well', () => {
    const text = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
    expect(check(text, { ssh_bastion_host: 'b' })).toEqual([
      expect.stringMatching(
        /^ssh_private_key_file is invalid: .* password protected keys are\nnot supported/,
      ),
      expect.stringMatching(/^ssh_bastion_private_key_file is invalid: .* password protected/),
    ]);
  });

  test('that it is not there', () => {
    expect(qemuBuilder.check({ ...BASE, ssh_private_key_file: 'key' }, world({})).errors).toEqual([
      'ssh_private_key_file is invalid: stat key: no such file or directory',
    ]);
  });
});

test('older names of options are told', () => {
  const { errors, warnings } = qemuBuilder.check({ ...BASE, ssh_host_port_max: 3000 }, world({}));
  expect(errors).toEqual([]);
  expect(warnings).toEqual([expect.stringMatching(/^ssh_host_port_max is deprecated .* host_port_max\./)]);
});
