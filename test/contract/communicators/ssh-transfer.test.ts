import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { SshCommunicatorOptions } from '../../../src/communicators/ssh/ssh-communicator.ts';
import { startCuttingProxy } from '../../rigs/cutting-proxy.ts';
import { communicateWith, failure, targetOf } from '../../rigs/ssh-target.ts';
import { isRoot, noSshd, startSshd } from '../../rigs/sshd.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const hash = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Every thing of a tree in one line: mode, type, time and content. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const path = join(folder, name);
      const info = lstatSync(path);
      const mode = (info.mode & 0o777).toString(8);
      if (info.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      if (info.isDirectory()) return `${name}/ ${mode}`;
      return `${name} ${mode} ${Math.floor(info.mtimeMs / 1000)} ${hash(path)}`;
    });
}

/** A tree with what copies like to lose. */
function oddTree(): string {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  mkdirSync(at('read-only'));
  mkdirSync(at('empty'), { mode: 0o700 });
  const long = `${'d'.repeat(120)}/${'e'.repeat(120)}`;
  mkdirSync(at(long), { recursive: true });
  writeFileSync(at('read-only/in it'), 'text', { mode: 0o444 });
  writeFileSync(at('it\'s $(odd) "ünïcode" \\name'), '', { mode: 0o755 });
  writeFileSync(at(`${long}/${'f'.repeat(200)}`), 'deep');
  writeFileSync(at('large'), randomBytes(3_000_000), { mode: 0o600 });
  symlinkSync('read-only/in it', at('link'));
  symlinkSync('/nowhere/at all', at('dangling'));
  for (const name of ['large', 'read-only/in it']) utimesSync(at(name), 1_500_000_000, 1_500_000_000);
  chmodSync(at('read-only'), 0o555);
  return folder;
}

/** Ways to transfer: over SFTP, over commands alone, and whichever is chosen. */
const WAYS: [string, Pick<SshCommunicatorOptions, 'transfer'>, string[]][] = [
  ['as chosen', {}, []],
  ['over SFTP alone', { transfer: 'sftp' }, []],
  ['without SFTP', {}, ['Subsystem sftp /nonexistent']],
];

describe.skipIf(noSshd).each(WAYS)('files %s', (_name, options, config) => {
  it('arrive whole, with their permissions, and come back', async () => {
    const server = await startSshd({ config });
    const ssh = await communicateWith(targetOf(server), options);
    const [there, back] = [`${server.folder}/it's there`, join(temporaryFolder(), 'back')];
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, randomBytes(5_000_000));
    const progress: number[] = [];
    await ssh.uploadFile({ path: file }, there, { mode: 0o751, onProgress: (bytes) => progress.push(bytes) });
    expect(hash(there)).toBe(hash(file));
    expect(statSync(there).mode & 0o7777).toBe(0o751);
    await ssh.downloadFile(there, back);
    expect(hash(back)).toBe(hash(file));
    await ssh.uploadFile({ content: 'short' }, there, { mode: 0o600 });
    expect(readFileSync(there, 'utf8')).toBe('short');
    expect(statSync(there).mode & 0o7777).toBe(0o600);
    await ssh.uploadFile({ content: '' }, `${there}2`);
    expect(statSync(`${there}2`).size).toBe(0);
    expect((await ssh.readFile(there))?.toString()).toBe('short');
    expect(await ssh.readFile(`${there}3`)).toBeUndefined();
  });

  it('say what could not be done, and leave no half downloads', async () => {
    const server = await startSshd({ config });
    const ssh = await communicateWith(targetOf(server), options);
    await expect(ssh.uploadFile({ content: 'x' }, '/no/such/folder/file')).rejects.toMatchObject(
      failure(
        'communicator-failed',
        /upload of \/no\/such\/folder\/file failed: .*(No such file|nonexistent)/,
      ),
    );
    const target = join(temporaryFolder(), 'target');
    await expect(ssh.downloadFile('/no/such/file', target)).rejects.toMatchObject(
      failure('communicator-failed', /download of \/no\/such\/file failed: .*No such file/),
    );
    expect(existsSync(target)).toBe(false);
    // The connection still works.
    expect((await ssh.exec('echo well')).stdout).toBe('well\n');
  });

  it('in trees arrive with permissions, times and links, and come back', async () => {
    const server = await startSshd({ config });
    const ssh = await communicateWith(targetOf(server), options);
    const tree = oddTree();
    const [there, back] = [`${server.folder}/a/b`, join(temporaryFolder(), 'back')];
    const untimed = (lines: string[]): string[] =>
      // SFTP has no times in this client.
      options.transfer === 'sftp' ? lines.map((line) => line.replace(/ \d{10} /, ' ')) : lines;
    await ssh.uploadTree(tree, there);
    expect(untimed(listing(there))).toEqual(untimed(listing(tree)));
    await ssh.downloadTree(there, back);
    expect(untimed(listing(back))).toEqual(untimed(listing(tree)));
  });
});

describe.skipIf(noSshd)('trees', () => {
  it('of 10 000 small files go as one archive each way', async () => {
    const bin = temporaryFolder();
    chmodSync(bin, 0o755);
    const calls = join(bin, 'calls');
    writeFileSync(calls, '', { mode: 0o666 });
    chmodSync(calls, 0o666);
    const counting = `#!/bin/sh\necho tar >>${calls}\nPATH=/usr/bin:/bin exec tar "$@"\n`;
    writeFileSync(join(bin, 'tar'), counting, { mode: 0o755 });
    const server = await startSshd({ config: [`SetEnv PATH=${bin}:/usr/bin:/bin`] });
    const ssh = await communicateWith(targetOf(server));
    const [tree, there] = [temporaryFolder(), temporaryFolder()];
    for (let folder = 0; folder < 100; folder += 1) {
      mkdirSync(join(tree, String(folder)));
      for (let file = 0; file < 100; file += 1)
        writeFileSync(join(tree, `${folder}/${file}`), `${folder} ${file}`);
    }
    await ssh.uploadTree(tree, there);
    await ssh.downloadTree(there, join(tree, 'back'));
    expect(readFileSync(join(tree, 'back/42/77'), 'utf8')).toBe('42 77');
    expect(readdirSync(there, { recursive: true })).toHaveLength(10_100);
    expect(readFileSync(calls, 'utf8')).toBe('tar\ntar\n');
  });

  it('from a machine that sends paths leading outside are refused', async () => {
    const bin = temporaryFolder();
    chmodSync(bin, 0o755);
    const outside = temporaryFolder();
    /** What the machine's tar sends. */
    const send = async (fill: (archive: ReturnType<typeof pack>) => void): Promise<void> => {
      const archive = pack();
      fill(archive);
      archive.finalize();
      const chunks: Uint8Array[] = [];
      for await (const chunk of archive) chunks.push(chunk as Uint8Array);
      writeFileSync(join(bin, 'archive'), Buffer.concat(chunks));
    };
    writeFileSync(join(bin, 'tar'), `#!/bin/sh\ncat ${bin}/archive\n`, { mode: 0o755 });
    const config = [`SetEnv PATH=${bin}:/usr/bin:/bin`];
    const evil = await startSshd({ config });
    const ssh = await communicateWith(targetOf(evil));
    await send((archive) => {
      archive.entry({ name: 'a', type: 'symlink', linkname: outside });
      archive.entry({ name: 'a/file' }, 'through the link');
    });
    const target = join(temporaryFolder(), 'target');
    await expect(ssh.downloadTree('/x', target)).rejects.toMatchObject(
      failure('communicator-failed', /in the way of a folder/),
    );
    // A folder that was seen to be none of a link's, and then becomes one.
    await send((archive) => {
      archive.entry({ name: 'b/sub', type: 'directory' });
      archive.entry({ name: 'b', type: 'symlink', linkname: outside });
      archive.entry({ name: 'b/file' }, 'through the link');
    });
    await expect(ssh.downloadTree('/x', join(temporaryFolder(), 'target'))).rejects.toMatchObject(
      failure('communicator-failed', /in the way of a folder/),
    );
    const mode = statSync(outside).mode;
    await send((archive) => {
      archive.entry({ name: 'c', type: 'directory', mode: 0o700 });
      archive.entry({ name: 'c', type: 'symlink', linkname: outside });
    });
    chmodSync(outside, 0o755);
    await ssh.downloadTree('/x', join(temporaryFolder(), 'target'));
    expect(statSync(outside).mode & 0o777).toBe(0o755);
    chmodSync(outside, mode & 0o777);
    for (const name of ['../file', '/etc/imgpipe-file', 'a/../../file']) {
      await send((archive) => archive.entry({ name }, 'outside'));
      await expect(ssh.downloadTree('/x', join(temporaryFolder(), 'target'))).rejects.toMatchObject(
        failure('communicator-failed', /leads out of the folder/),
      );
    }
    expect(readdirSync(outside)).toEqual([]);
  });

  it('go file by file where the machine has no tar', async () => {
    const bin = temporaryFolder();
    chmodSync(bin, 0o755);
    for (const name of ['mkdir', 'cat']) symlinkSync(`/bin/${name}`, join(bin, name));
    const server = await startSshd({ config: [`SetEnv PATH=${bin}`] });
    const ssh = await communicateWith(targetOf(server));
    const tree = oddTree();
    await ssh.uploadTree(tree, `${server.folder}/there`);
    expect(listing(`${server.folder}/there`).map((line) => line.split(' ')[0])).toEqual(
      listing(tree).map((line) => line.split(' ')[0]),
    );
    await ssh.downloadTree(`${server.folder}/there`, join(bin, 'back'));
    expect(listing(join(bin, 'back'))).toHaveLength(listing(tree).length);
  });
});

describe.skipIf(noSshd)('a transfer that goes wrong', () => {
  const big = (): string => {
    const path = join(temporaryFolder(), 'big');
    writeFileSync(path, randomBytes(8_000_000));
    return path;
  };

  it.each(WAYS)('because the connection is cut in its middle fails, %s', async (_name, options, config) => {
    const server = await startSshd({ config });
    const proxy = await startCuttingProxy(server.port);
    const ssh = await communicateWith(targetOf(server, { port: proxy.port }), options);
    const file = big();
    const broken = failure('communicator-failed', /connection broke during the upload/);
    proxy.cutAfter(2_000_000);
    await expect(ssh.uploadFile({ path: file }, `${server.folder}/there`)).rejects.toMatchObject(broken);
    await ssh.exec('true');
    proxy.cutAfter(2_000_000);
    await expect(ssh.uploadTree(join(file, '..'), `${server.folder}/tree`)).rejects.toMatchObject(broken);
    // The next try has a new connection.
    await ssh.uploadFile({ path: file }, `${server.folder}/there`);
    expect(hash(`${server.folder}/there`)).toBe(hash(file));
    const target = join(temporaryFolder(), 'target');
    setTimeout(proxy.cut, 5);
    await expect(ssh.downloadFile(`${server.folder}/there`, target)).rejects.toMatchObject(
      failure('communicator-failed', /connection broke|no SSH connection/),
    );
    expect(existsSync(target)).toBe(false);
  });

  it.skipIf(!isRoot).each(WAYS)('because the disk is full says so, %s', async (_name, options, config) => {
    const server = await startSshd({ config });
    const ssh = await communicateWith(targetOf(server), options);
    const file = big();
    const full = failure('disk-full', /machine's disk is full/);
    await expect(ssh.uploadFile({ path: file }, `${server.smallDisk}/file`)).rejects.toMatchObject(full);
    await ssh.exec(`rm -f ${server.smallDisk}/file`);
    await expect(ssh.uploadTree(join(file, '..'), `${server.smallDisk}/tree`)).rejects.toMatchObject(full);
    expect((await ssh.exec('echo well')).stdout).toBe('well\n');
  });

  it('because the server stalls ends by keep-alive', async () => {
    const server = await startSshd();
    const proxy = await startCuttingProxy(server.port);
    const ssh = await communicateWith(targetOf(server, { port: proxy.port, keepAliveMs: 50 }));
    setTimeout(proxy.stall, 30);
    await expect(ssh.uploadFile({ path: big() }, `${server.folder}/there`)).rejects.toMatchObject(
      failure('communicator-failed', /Keepalive timeout/),
    );
  });

  it('because the run is stopped ends at once', async () => {
    const server = await startSshd();
    for (const way of ['file', 'tree'] as const) {
      const proxy = await startCuttingProxy(server.port);
      const abort = new AbortController();
      const ssh = await communicateWith(targetOf(server, { port: proxy.port }), { signal: abort.signal });
      await ssh.exec('true');
      proxy.stall();
      setTimeout(() => abort.abort(), 300);
      const file = big();
      const transfer =
        way === 'file'
          ? ssh.uploadFile({ path: file }, `${server.folder}/there`)
          : ssh.uploadTree(join(file, '..'), `${server.folder}/tree`);
      await expect(transfer).rejects.toMatchObject(failure('aborted', /stopped/));
    }
  });
});
