import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { applyEntries } from '../../../src/builders/remote/apply-entries.ts';
import type { RemoteMachine } from '../../../src/builders/remote-machine.ts';
import type { TreeEntry } from '../../../src/model/tree-entry.ts';
import { machineContract } from '../../rigs/machine-contract.ts';
import { remoteMachine } from '../../rigs/remote-machine.ts';
import { communicateWith, keyless, targetOf } from '../../rigs/ssh-target.ts';
import { isRoot, noSshd, PASSWORD, startSshd, TESTER } from '../../rigs/sshd.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { EPOCH } from '../../rigs/workspace.ts';

/** This host by SSH, with everything written kept in `folder`. */
async function machineBySsh(): Promise<{ machine: RemoteMachine; folder: string; logged: string[] }> {
  const server = await startSshd();
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  return { ...remoteMachine(await communicateWith(targetOf(server))), folder };
}

const leftovers = (): string[] =>
  ['/var/tmp', '/dev/shm', '/tmp'].flatMap((folder) =>
    readdirSync(folder).filter((name) => /^imgpipe-[0-9a-f]{8}-/.test(name)),
  );

async function output(
  machine: RemoteMachine,
  command: Parameters<RemoteMachine['exec']>[0],
): Promise<string> {
  let text = '';
  const outcome = await machine.exec(command, (chunk) => void (text += chunk.text));
  return outcome.type === 'exited' && outcome.code === 0 ? text : `${text}${JSON.stringify(outcome)}`;
}

describe.skipIf(noSshd || !isRoot)('a machine over OpenSSH', () => {
  machineContract(async (body) => {
    const { machine, folder } = await machineBySsh();
    // The contract's paths are the machine's: this host's must stay as they are.
    const below = (path: string): string => (path.startsWith('/srv') ? join(folder, path) : path);
    await body({
      architecture: machine.architecture,
      osRelease: () => machine.osRelease(),
      exec: (command, onOutput) => machine.exec(command, onOutput),
      readFile: (path) => machine.readFile(below(path)),
      writeFile: (path, content, options) => machine.writeFile(below(path), content, options),
    });
  });

  test('a clean environment, the folder and the input that were asked for, the end by a signal', async () => {
    const { machine } = await machineBySsh();
    const env = await output(machine, { argv: ['env'], env: { QUOTED: `a 'b' "c" $d\nnext` } });
    expect(env).toContain(`QUOTED=a 'b' "c" $d\nnext`);
    expect(env).toContain(`SOURCE_DATE_EPOCH=${EPOCH}`);
    expect(env).not.toMatch(/SSH_|MAIL=/);
    expect(await output(machine, { argv: ['pwd'], cwd: '/usr' })).toBe('/usr\n');
    expect(await output(machine, { argv: ['cat'], stdin: 'täxt%s\\n' })).toBe('täxt%s\\n');
    expect(await output(machine, { argv: ['cat'] })).toBe('');
    expect(await output(machine, { argv: ['printf', '%s|', 'a b', "it's", '*', ''] })).toBe("a b|it's|*||");
    const killed = await machine.exec({ argv: ['sh', '-c', 'kill -SEGV $$'] });
    expect(killed).toEqual({ type: 'signaled', signal: 'SIGSEGV' });
    await expect(machine.exec({ argv: ['true'], cwd: '/none' })).rejects.toThrow(/could not be prepared/);
  });

  test('another user, by setpriv and with their own groups', async () => {
    const { machine } = await machineBySsh();
    const argv = ['sh', '-c', 'id -un; echo $HOME; grep CapInh /proc/self/status'];
    expect(await output(machine, { argv, user: 'nobody' })).toBe(
      'nobody\n/nonexistent\nCapInh:\t0000000000000000\n',
    );
    expect(await output(machine, { argv: ['id', '-u'], user: '4711' })).toBe('4711\n');
  });

  test('no network but the loopback', async () => {
    const { machine } = await machineBySsh();
    const argv = ['sh', '-c', 'cat /proc/net/dev | tail -n +3 | cut -d: -f1'];
    expect((await output(machine, { argv, network: 'none' })).trim()).toBe('lo');
  });

  test('mounts are seen while a program runs, and nothing of them afterwards', async () => {
    const { machine, folder } = await machineBySsh();
    const host = temporaryFolder();
    mkdirSync(join(host, 'tree'));
    writeFileSync(join(host, 'tree', 'file'), 'from the host\n');
    writeFileSync(join(host, 'tool'), '#!/bin/sh\necho tool\n', { mode: 0o755 });
    mkdirSync(join(folder, 'exists'));
    const at = (name: string): string => join(folder, name);
    const script = `cat ${at('deep/secret')}; stat -Lc '%a %U' ${at('deep/secret')}
stat -Lc '%a %U' ${at('cache')}; cat ${at('in/tree/file')}; ${at('in/tool')}; stat -fLc %T ${at('deep/secret')}`;
    const text = await output(machine, {
      argv: ['sh', '-ec', script],
      user: 'nobody',
      mounts: [
        { type: 'secret', value: "s'ecret\n", target: at('deep/secret'), mode: 0o400 },
        { type: 'cache', id: 'c', target: at('cache'), mode: 0o1777 },
        { type: 'cache', id: 'd', target: at('exists') },
        { type: 'host', source: join(host, 'tree'), target: at('in/tree') },
        { type: 'host', source: join(host, 'tool'), target: at('in/tool') },
      ],
    });
    expect(text).toBe("s'ecret\n400 nobody\n1777 root\nfrom the host\ntool\ntmpfs\n");
    expect(readdirSync(folder)).toEqual(['exists']);
    expect(leftovers()).toEqual([]);
  });

  test('mounts are taken back when a program fails, and never hide what is there', async () => {
    const { machine, folder } = await machineBySsh();
    const target = join(folder, 'secret');
    const secret = { type: 'secret', value: 'x', target, mode: 0o400 } as const;
    expect(await machine.exec({ argv: ['sh', '-c', 'exit 9'], mounts: [secret] })).toEqual({
      type: 'exited',
      code: 9,
    });
    expect(existsSync(target)).toBe(false);
    writeFileSync(target, 'mine');
    await expect(machine.exec({ argv: ['true'], mounts: [secret] })).rejects.toThrow(/exists on the machine/);
    expect(await machine.readFile(target)).toBe('mine');
    expect(leftovers()).toEqual([]);
  });

  test('files have their owner and mode, and links are followed', async () => {
    const { machine, folder } = await machineBySsh();
    const file = join(folder, 'file');
    symlinkSync(file, join(folder, 'link'));
    await machine.writeFile(join(folder, 'link'), 'x'.repeat(300_000), { mode: 0o640, uid: 12, gid: 34 });
    expect(await output(machine, { argv: ['stat', '-c', '%a %u:%g %s', file] })).toBe('640 12:34 300000\n');
    expect(leftovers()).toEqual([]);
  });

  test('an ordinary user without sudo is told so', async () => {
    const server = await startSshd();
    const { machine } = remoteMachine(
      await communicateWith(keyless(server, { user: TESTER, password: PASSWORD })),
      { password: PASSWORD },
    );
    await expect(machine.exec({ argv: ['true'] })).rejects.toThrow(/imgpipe-tester cannot become root/);
  });

  test('entries land as they would in a layer', async () => {
    const { machine, folder, logged } = await machineBySsh();
    const host = join(temporaryFolder(), 'large');
    writeFileSync(host, 'y'.repeat(2_000_000));
    mkdirSync(join(folder, 'real'));
    symlinkSync('real', join(folder, 'link'));
    symlinkSync('/none', join(folder, 'dangling'));
    writeFileSync(join(folder, 'old'), 'old');
    mkdirSync(join(folder, 'tree', 'below'), { recursive: true });
    const root = { owner: 'root', group: 'root' } as const;
    const text = (content: string): { type: 'text'; text: string } => ({ type: 'text', text: content });
    const at = (name: string): string => join(folder, name);
    const entries: TreeEntry[] = [
      {
        type: 'file',
        path: at('link/a b'),
        mode: 0o600,
        owner: 'nobody',
        group: 'nogroup',
        content: text('a'),
      },
      {
        type: 'file',
        path: at('deep/er/large'),
        mode: 0o4755,
        ...root,
        content: { type: 'host-file', path: host },
      },
      { type: 'file', path: at('dangling'), mode: 0o644, ...root, content: text('now a file') },
      { type: 'directory', path: at('folder'), mode: 0o1770, owner: 7, group: 8 },
      { type: 'symlink', path: at('folder/to'), target: '../old', ...root },
      { type: 'remove', path: at('tree') },
      { type: 'remove', path: at('never') },
    ];
    await applyEntries(machine, entries, { sourceDateEpoch: EPOCH });
    const command = `cd ${folder} && find . ! -type l -printf '%P %m %U:%G %Ts %s\\n' | grep -v '^ ' | sort; readlink folder/to link`;
    const found = await output(machine, { argv: ['sh', '-c', command] });
    expect(found).toContain(`real/a b 600 65534:65534 ${EPOCH} 1\n`);
    expect(found).toMatch(/^deep\/er 755 0:0 /m);
    expect(found).toContain(`deep/er/large 4755 0:0 ${EPOCH} 2000000\n`);
    expect(found).toContain(`dangling 644 0:0 ${EPOCH} 10\n`);
    expect(found).toMatch(/^folder 1770 7:8 /m);
    expect(found).toMatch(/\n\.\.\/old\nreal\n$/);
    expect(found).not.toContain('tree');
    // Nothing but the test's own look at it is in the log.
    expect(logged.join('')).toBe(found);
    expect(leftovers()).toEqual([]);
  });

  test('entries that cannot be: a file on the way, an owner that does not exist', async () => {
    const { machine, folder } = await machineBySsh();
    writeFileSync(join(folder, 'file'), '');
    const entry = (path: string, owner: string): TreeEntry => ({
      type: 'directory',
      path: join(folder, path),
      mode: 0o755,
      owner,
      group: 'root',
    });
    const options = { sourceDateEpoch: EPOCH };
    await expect(applyEntries(machine, [entry('file/x', 'root')], options)).rejects.toThrow(/not a folder/);
    await expect(applyEntries(machine, [entry('x', 'nobdy')], options)).rejects.toThrow(/no user "nobdy"/);
    expect(readdirSync(folder)).toEqual(['file']);
  });
});
