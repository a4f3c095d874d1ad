import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { engine } from '../../../src/engine.ts';
import { pinnedMedium } from '../../../src/sources/medium/fields.ts';
import { CliProject } from '../../rigs/cli.ts';
import { PackerProject } from '../../rigs/packer-command.ts';

const digest = (digit: string): string => digit.repeat(64);

/** A publisher's list of checksums, which may change. */
async function publisher(): Promise<{ readonly url: string; list: string; asked: number }> {
  const state = { url: '', list: `${digest('a')}  base.qcow2\n${digest('b')}  other.qcow2\n`, asked: 0 };
  const server: Server = createServer((_, response) => {
    state.asked += 1;
    response.end(state.list);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return state;
}

interface LockFile {
  readonly archives: Record<string, { readonly releases: readonly { readonly content: string }[] }>;
}

test('what a list of checksums says of a download is locked, updated and part of the key', async () => {
  const site = await publisher();
  const template = (name: string): string =>
    `builder: { type: qemu }\nsource: { type: cloud-image, url: '${site.url}/${name}', checksum: 'file:${site.url}/SHA256SUMS' }\nexports: [{ type: raw }]\n`;
  const project = new CliProject({ 'pipelines/vm.yaml': template('base.qcow2') });
  const lock = (): LockFile => JSON.parse(project.read('imgpipe.lock')) as LockFile;
  const entry = `base.qcow2 of ${site.url}/SHA256SUMS`;

  expect((await project.run('build', '--locked', '--ui=plain')).stderr).toContain(
    `imgpipe.lock has no entry for ${entry}`,
  );
  expect(await project.run('update')).toMatchObject({ code: 0, stdout: expect.stringContaining('new') });
  expect(lock().archives[entry]?.releases).toMatchObject([{ content: `sha256:${digest('a')}` }]);
  const before = project.read('imgpipe.lock');
  expect((await project.run('update')).stdout).toContain('same');
  expect(project.read('imgpipe.lock')).toBe(before);

  // With the entry there a plan asks nobody.
  const { asked } = site;
  expect(await project.run('plan')).toMatchObject({ code: 0 });
  expect(site.asked).toBe(asked);

  site.list = site.list.replaceAll('a'.repeat(64), digest('c'));
  expect((await project.run('update', 'vm')).stdout).toContain('moved');
  const moved = lock().archives[entry];
  expect(moved?.releases).toMatchObject([{ content: `sha256:${digest('c')}` }]);
  // What is downloaded is what the lock says, whatever the list says by then.
  const options = { url: `${site.url}/base.qcow2`, checksum: `file:${site.url}/SHA256SUMS` };
  const locked = Object.values(lock().archives) as unknown as Parameters<typeof pinnedMedium>[1];
  expect(pinnedMedium(options, locked).checksum).toBe(`sha256:${digest('c')}`);

  // Another file of the same list has an entry of its own.
  project.write('pipelines/vm.yaml', template('other.qcow2'));
  expect(await project.run('update', '--prune')).toMatchObject({ code: 0 });
  expect(Object.values(lock().archives)).toMatchObject([
    { releases: [{ content: `sha256:${digest('b')}` }] },
  ]);
});

test('a template of Packer has no lock: the list is asked in every build, and nothing is written', async () => {
  const site = await publisher();
  using project = new PackerProject();
  project.write(
    'vm.pkr.hcl',
    `source "qemu" "vm" {
  iso_url      = "${site.url}/gone.qcow2"
  iso_checksum = "file:${site.url}/SHA256SUMS"
  disk_image   = true
  ssh_username = "root"
}
build { sources = ["source.qemu.vm"] }
`,
  );
  for (const times of [1, 2]) {
    const { code, stdout, stderr } = await project.run(['build', 'vm.pkr.hcl'], { engine });
    expect(code).toBe(1);
    expect(stdout + stderr).toContain(`${site.url}/SHA256SUMS has no line for gone.qcow2`);
    // For the key, and by the source, whose failure it is.
    expect(site.asked).toBe(2 * times);
  }
  expect(existsSync(join(project.folder, 'imgpipe.lock'))).toBe(false);
});
