import { expect, test } from 'vitest';
import { groupKind } from '../../../src/provisioners/group.ts';
import type { ProvisionerKind } from '../../../src/provisioners/provisioner.ts';
import { userKind } from '../../../src/provisioners/user.ts';
import { FakeMachine, stepRunContext, type ScriptedAnswer } from '../../rigs/fake-machine.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';

const FILES = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nweb:x:33:33::/var/www:/usr/sbin/nologin\n',
  '/etc/group': 'root:x:0:\nadm:x:4:\nweb:x:33:\n',
};

async function run(
  kind: ProvisionerKind,
  options: Record<string, unknown>,
  answers: readonly ScriptedAnswer[] = [],
) {
  const machine = new FakeMachine(FILES, answers);
  const result = await kind.run?.(optionsOf(kind, options), machine, stepRunContext());
  const words = machine.words.map((line) => line.replace(/^.* imgpipe /, ''));
  return { machine, result, words };
}

test('a new user: home and shell are made in one way for all', async () => {
  const { words, result } = await run(userKind, {
    user: 'admin',
    uid: 1000,
    groups: ['adm'],
    comment: 'The Boss',
    passwordHash: '$6$a$b',
  });
  expect(result).toMatchObject({ ok: true });
  expect(words).toEqual([
    'useradd --uid 1000 --comment The Boss --password $6$a$b --user-group --groups adm --home-dir /home/admin --no-create-home admin',
    'admin yes  yes',
  ]);
});

test('a system user gets neither home nor login shell, and a group of its name is reused', async () => {
  expect((await run(userKind, { user: 'adm', system: true })).words[0]).toBe(
    'useradd --system --gid adm --home-dir /home/adm --no-create-home --shell /usr/sbin/nologin adm',
  );
});

test('an existing user is changed, and only in what is written', async () => {
  expect((await run(userKind, { user: 'web', shell: '/bin/sh', groups: ['adm'] })).words).toEqual([
    'usermod --shell /bin/sh --append --groups adm web',
    'web no  no',
  ]);
  expect((await run(userKind, { user: 'web' })).words).toEqual(['web no  no']);
});

test('keys and rules go through standard input', async () => {
  const { machine, words } = await run(userKind, {
    user: 'web',
    authorizedKeys: ['ssh-ed25519 AAAA a', 'ssh-rsa BBBB b'],
    sudo: true,
  });
  expect(words.slice(1)).toEqual(['web', '/etc/sudoers.d/90-web']);
  expect(machine.commands.slice(1).map((command) => command.stdin)).toEqual([
    'ssh-ed25519 AAAA a\nssh-rsa BBBB b\n',
    'web ALL=(ALL:ALL) NOPASSWD: ALL\n',
  ]);
});

test('removing: a user who is not there is no error; a home of others stays', async () => {
  expect((await run(userKind, { user: 'gone', remove: true })).words).toEqual([
    'rm -f /etc/sudoers.d/90-gone',
  ]);
  const { words, result } = await run(userKind, { user: 'web', remove: true }, [
    { when: /userdel/, code: 12 },
  ]);
  expect(words[0]).toBe('userdel --remove web');
  expect(result).toMatchObject({ ok: true });
});

test('a group that does not exist is named, with the nearest', async () => {
  const { result } = await run(userKind, { user: 'a', group: 'adn', groups: ['deploy'] });
  expect(failuresOf(result)).toMatchObject([
    { message: 'the group "adn" does not exist in the image', hint: 'Did you mean "adm"?' },
    {
      message: 'the group "deploy" does not exist in the image',
      hint: expect.stringContaining('`group` step'),
    },
  ]);
});

test('what useradd says is the message', async () => {
  const { result } = await run(userKind, { user: 'a', uid: 0 }, [
    { when: /useradd/, code: 4, stderr: 'useradd: UID 0 is not unique\n' },
  ]);
  expect(failuresOf(result)).toMatchObject([
    { reason: 'step-failed', message: 'useradd: UID 0 is not unique' },
  ]);
});

test('groups are made, changed only when they differ, and removed only when they are there', async () => {
  expect((await run(groupKind, { group: 'new', gid: 900, system: true })).words).toEqual([
    'groupadd --system --gid 900 new',
  ]);
  expect((await run(groupKind, { group: 'adm', gid: 4 })).words).toEqual([]);
  expect((await run(groupKind, { group: 'adm', gid: 5, members: ['web'] })).words).toEqual([
    'groupmod --gid 5 adm',
    'gpasswd --add web adm',
  ]);
  expect((await run(groupKind, { group: 'none', remove: true })).words).toEqual([]);
});
