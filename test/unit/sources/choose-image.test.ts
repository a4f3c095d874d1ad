import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseLayers } from '../../../src/sources/oci-image/choose-image.ts';
import { ImageFolder } from '../../../src/sources/oci-image/image-folder.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

class Layout {
  readonly root = temporaryFolder();

  put(path: string, value: unknown): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), typeof value === 'string' ? value : JSON.stringify(value));
  }

  blob(value: unknown): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const hex = createHash('sha256').update(text).digest('hex');
    this.put(`blobs/sha256/${hex}`, text);
    return `sha256:${hex}`;
  }

  image(architecture: string, layer: string, variant?: string) {
    const config = this.blob({
      architecture,
      os: 'linux',
      ...(variant === undefined ? {} : { variant }),
      rootfs: { type: 'layers', diff_ids: [] },
    });
    const layers = [{ digest: this.blob(layer), mediaType: 'application/vnd.oci.image.layer.v1.tar' }];
    const digest = this.blob({ schemaVersion: 2, config: { digest: config }, layers });
    return {
      mediaType: MANIFEST,
      digest,
      platform: { os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) },
    };
  }

  index(manifests: readonly unknown[]): void {
    this.put('index.json', { schemaVersion: 2, manifests });
  }

  layers(
    choice: { tag?: string; digest?: string } = {},
    architecture: 'amd64' | 'armhf' | 'arm64' = 'amd64',
  ) {
    return chooseLayers(new ImageFolder(this.root, 'img'), { path: 'img', ...choice }, architecture);
  }
}

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const ref = (name: string) => ({ annotations: { 'org.opencontainers.image.ref.name': name } });

test('the only image, and the platform out of an index', async () => {
  const layout = new Layout();
  const note = { ...layout.image('unknown', 'note'), platform: { os: 'unknown', architecture: 'unknown' } };
  const nested = layout.blob({
    manifests: [layout.image('amd64', 'intel'), layout.image('arm', 'arm seven', 'v7'), note],
  });
  layout.index([{ mediaType: INDEX, digest: nested }]);
  expect(await layout.layers()).toEqual([{ type: 'blob', digest: sha256('intel') }]);
  expect(await layout.layers({}, 'armhf')).toEqual([{ type: 'blob', digest: sha256('arm seven') }]);
  await expect(layout.layers({}, 'arm64')).rejects.toMatchObject({
    failures: [{ message: 'img has no image for arm64', hint: 'There is amd64, arm/v7.' }],
  });
});

test('several images need a tag or a digest', async () => {
  const layout = new Layout();
  const one = layout.image('amd64', 'one');
  layout.index([
    { ...one, ...ref('bookworm') },
    { ...layout.image('amd64', 'two'), ...ref('docker.io/library/debian:trixie') },
  ]);
  await expect(layout.layers()).rejects.toMatchObject({
    failures: [
      {
        message: 'img holds several images',
        hint: expect.stringContaining('bookworm, docker.io/library/debian:trixie'),
      },
    ],
  });
  expect(await layout.layers({ tag: 'debian:trixie' })).toEqual([{ type: 'blob', digest: sha256('two') }]);
  expect(await layout.layers({ digest: one.digest })).toEqual([{ type: 'blob', digest: sha256('one') }]);
  await expect(layout.layers({ tag: 'sid' })).rejects.toThrow('img has no image "sid"');
  await expect(layout.layers({ digest: sha256('other') })).rejects.toThrow(/img has no image sha256:/);
});

test('an image that says nothing of its platform is checked by its configuration', async () => {
  const layout = new Layout();
  const { platform: _, ...bare } = layout.image('arm64', 'x');
  layout.index([bare]);
  await expect(layout.layers()).rejects.toThrow('img is an image for arm64, not for amd64');
});

test('a blob that was altered or is missing', async () => {
  const layout = new Layout();
  const image = layout.image('amd64', 'x');
  layout.index([image]);
  layout.put(`blobs/${image.digest.replace(':', '/')}`, '{}');
  await expect(layout.layers()).rejects.toThrow(/does not have that digest: it was altered or is damaged/);
  layout.index([{ ...image, digest: sha256('gone') }]);
  await expect(layout.layers()).rejects.toThrow(/cannot be read/);
});

test('an archive of docker save', async () => {
  const layout = new Layout();
  layout.put('config.json', { architecture: 'amd64', rootfs: { diff_ids: [sha256('a'), sha256('b')] } });
  layout.put('manifest.json', [
    { Config: 'config.json', RepoTags: ['debian:bookworm'], Layers: ['1/layer.tar', '2/layer.tar'] },
  ]);
  expect(await layout.layers({ tag: 'bookworm' })).toEqual([
    { type: 'file', path: '1/layer.tar', diffId: sha256('a') },
    { type: 'file', path: '2/layer.tar', diffId: sha256('b') },
  ]);
  await expect(layout.layers({ tag: 'sid' })).rejects.toMatchObject({
    failures: [{ hint: 'There is debian:bookworm.' }],
  });
});

test('names and links in an image never lead to a file of the host', async () => {
  const layout = new Layout();
  symlinkSync('/etc/passwd', join(layout.root, 'layer.tar'));
  const folder = new ImageFolder(layout.root, 'img');
  await expect(folder.file('layer.tar')).rejects.toThrow(/link that leads out of the image/);
  await expect(folder.file('../x')).rejects.toThrow('img: names the file ../x');
  await expect(folder.file('/etc/passwd')).rejects.toThrow('img: names the file /etc/passwd');
});

test('something else', async () => {
  await expect(new Layout().layers()).rejects.toThrow(
    'neither an OCI image layout nor an archive of `docker save`',
  );
  const layout = new Layout();
  layout.put('index.json', 'no json');
  await expect(layout.layers()).rejects.toThrow(/index\.json is not what the OCI image specification says/);
});
