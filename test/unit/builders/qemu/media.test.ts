import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loginSeed } from '../../../../src/builders/qemu/login.ts';
import { mediaInputs } from '../../../../src/builders/qemu/media-inputs.ts';
import { fillIn, makeCd } from '../../../../src/builders/qemu/media.ts';
import { qemuSchema } from '../../../../src/builders/qemu/options.ts';
import { serveWeb, type WebContent, type WebServer } from '../../../../src/builders/qemu/web-server.ts';
import { findFreePorts } from '../../../../src/util/free-port.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

test('texts for the machine: known names are filled in, others stay', () => {
  const values = { HTTPIP: '10.0.2.2', HTTPPort: 8123 };
  expect(fillIn('http://{{ .HTTPIP }}:{{.HTTPPort}}/{{- .Other -}}', values)).toBe(
    'http://10.0.2.2:8123/{{- .Other -}}',
  );
});

describe('a CD', () => {
  function folder(): { path: string; resolve: (path: string) => string } {
    const path = temporaryFolder();
    mkdirSync(join(path, 'tree/below'), { recursive: true });
    writeFileSync(join(path, 'tree/below/deep.txt'), 'deep content');
    writeFileSync(join(path, 'one.cfg'), 'first content');
    writeFileSync(join(path, 'two.cfg'), 'second content');
    return { path, resolve: (name) => join(path, name) };
  }

  test('holds files, globs, folders and texts, and is the same each time', () => {
    const { resolve } = folder();
    const options = qemuSchema.parse({
      cd_files: ['*.cfg', 'tree'],
      cd_content: { 'user-data': 'key {{ .SSHPublicKey }}' },
    });
    const iso = makeCd(options, resolve, { SSHPublicKey: 'AAAA' });
    const text = iso?.toString('latin1') ?? '';
    for (const part of ['first content', 'second content', 'deep content', 'key AAAA'])
      expect(text).toContain(part);
    expect(makeCd(options, resolve, { SSHPublicKey: 'AAAA' })).toEqual(iso);
    expect(makeCd(qemuSchema.parse({}), resolve, {})).toBeUndefined();
    expect(() => makeCd(qemuSchema.parse({ cd_files: ['*.none'] }), resolve, {})).toThrow(
      /cd_files: \*\.none/,
    );
  });

  test('takes links in folders for what they lead to, as the keys do', () => {
    const { path, resolve } = folder();
    const other = folder();
    symlinkSync(join(other.path, 'one.cfg'), join(path, 'tree', 'file-link'));
    symlinkSync(join(other.path, 'tree'), join(path, 'tree', 'folder-link'));
    symlinkSync('.', join(path, 'tree', 'itself'));
    const iso = makeCd(qemuSchema.parse({ cd_files: ['tree'] }), resolve, {});
    const text = iso?.toString('latin1') ?? '';
    expect(text.split('deep content')).toHaveLength(3);
    expect(text.split('first content')).toHaveLength(2);
  });

  test('what it holds is in the keys', () => {
    const { path, resolve } = folder();
    const options = qemuSchema.parse({
      cd_files: ['*.cfg', 'tree'],
      http_directory: 'tree',
      firmware: 'bios',
      efi_firmware_code: 'one.cfg',
    });
    const inputs = mediaInputs(options, resolve);
    expect(inputs.map(({ option, type, path: at, pattern }) => [option, type, pattern ?? at])).toEqual([
      ['cd_files[0]', 'glob', '*.cfg'],
      ['cd_files[1]', 'any', `${path}/tree`],
      ['http_directory', 'any', `${path}/tree`],
      ['efi_firmware_code', 'file', `${path}/one.cfg`],
    ]);
  });
});

test('a seed for cloud-init lets the key in, for root and for others', () => {
  const root = loginSeed('root', 'ssh-ed25519 AAAA me').toString('latin1');
  expect(root).toContain('"disable_root":false,"ssh_authorized_keys":["ssh-ed25519 AAAA me"]');
  expect(loginSeed('root', 'ssh-ed25519 AAAA me').equals(loginSeed('root', 'ssh-ed25519 AAAA me'))).toBe(
    true,
  );
  expect(loginSeed('debian', 'ssh-ed25519 AAAA me').toString('latin1')).toContain(
    '"users":["default",{"name":"debian","sudo":"ALL=(ALL) NOPASSWD:ALL"',
  );
});

describe('the web server', () => {
  async function serve(
    content: WebContent,
    range?: { min: number; max: number },
  ): Promise<WebServer & { log: string[] }> {
    const log: string[] = [];
    const [port = 0] = await findFreePorts(1);
    const address = { host: '127.0.0.1', ...(range ?? { min: port, max: 65_535 }) };
    const server = await serveWeb(content, address, (line) => void log.push(line));
    onTestFinished(() => server[Symbol.asyncDispose]());
    return { ...server, log };
  }

  test('gives files of its folder and nothing above it', async () => {
    const above = temporaryFolder();
    mkdirSync(join(above, 'www/sub'), { recursive: true });
    writeFileSync(join(above, 'www/sub/preseed file.cfg'), 'answers');
    writeFileSync(join(above, 'secret'), 'secret');
    const server = await serve({ type: 'folder', path: join(above, 'www') });
    const at = `http://127.0.0.1:${server.port}`;
    expect(await (await fetch(`${at}/sub/preseed%20file.cfg?x=1`)).text()).toBe('answers');
    for (const path of ['/..%2fsecret', '/%2e%2e/secret', '/sub', '/none', '/%'])
      expect((await fetch(at + path)).status).toBe(404);
    expect(server.log[0]).toBe('GET /sub/preseed file.cfg 200');
  });

  test('gives texts, and takes another port when one is taken', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void blocker.close());
    const { port } = blocker.address() as { port: number };
    const fill = (text: string, port: number): string => `${text} ${port}`;
    const content = { type: 'texts', texts: { '/ks.cfg': 'text' }, fill } as const;
    await expect(serve(content, { min: port, max: port })).rejects.toThrow(/all ports from/);
    const server = await serve(content, { min: port, max: port + 50 });
    expect(server.port).toBeGreaterThan(port);
    expect(await (await fetch(`http://127.0.0.1:${server.port}/ks.cfg`)).text()).toBe(`text ${server.port}`);
    expect((await fetch(`http://127.0.0.1:${server.port}/other`)).status).toBe(404);
  });
});
