import { describe, expect, it } from 'vitest';
import { compareDebianVersions } from '../../../src/exporters/disk/debian-version.ts';
import { findKernel, kernelCommandLine } from '../../../src/exporters/disk/kernel.ts';
import { mergeTree } from '../../../src/exporters/disk/merged-tree.ts';
import { file } from './entries.ts';

describe('Debian versions', () => {
  it.each([
    ['6.1.0-9-amd64', '6.1.0-13-amd64'],
    ['1.0~rc1', '1.0'],
    ['1.0', '1.0a'],
    ['1.0a', '1.0.1'],
    ['1.0', '1.0+b1'],
    ['1.0~~', '1.0~'],
    ['6.1.0-56', '6.1.0-56-cloud'],
    ['9', '10'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareDebianVersions(older, newer)).toBeLessThan(0);
    expect(compareDebianVersions(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['1.0', '1.0'],
    ['1.01', '1.1'],
    ['1.a', '1.a0'],
  ])('%s equals %s', (left, right) => {
    expect(compareDebianVersions(left, right)).toBe(0);
  });
});

const tree = (...paths: string[]) => mergeTree([{ position: 0, entries: paths.map((path) => file(path)) }]);

describe('findKernel', () => {
  it('takes the newest with its own initrd', () => {
    const boot = [
      'vmlinuz-6.1.0-9-amd64',
      'initrd.img-6.1.0-9-amd64',
      'vmlinuz-6.1.0-13-amd64',
      'initrd.img-6.1.0-13-amd64',
    ];
    const kernel = findKernel(tree(...boot.map((name) => `/boot/${name}`)));
    expect(kernel).toEqual({
      ok: true,
      value: {
        version: '6.1.0-13-amd64',
        image: '/boot/vmlinuz-6.1.0-13-amd64',
        initrd: '/boot/initrd.img-6.1.0-13-amd64',
      },
    });
  });

  it('does without an initrd', () => {
    expect(findKernel(tree('/boot/vmlinuz-1'))).toEqual({
      ok: true,
      value: { version: '1', image: '/boot/vmlinuz-1' },
    });
  });

  it('says what to do when there is none', () => {
    const result = findKernel(tree('/boot/config-6.1', '/vmlinuz-6.1'));
    expect(result).toMatchObject({ ok: false, failures: [{ reason: 'disk-failed' }] });
    expect(result).toMatchObject({ failures: [{ hint: expect.stringContaining('linux-image') as string }] });
  });
});

const disk = (architecture: string, serialConsole = true) => ({
  root: 'PARTUUID=abc',
  architecture,
  serialConsole,
});

describe('kernelCommandLine', () => {
  it('has root, rw and both consoles by default, the serial one last', () => {
    expect(kernelCommandLine(disk('amd64'), [], '')).toBe(
      'root=PARTUUID=abc rw console=tty0 console=ttyS0,115200',
    );
    expect(kernelCommandLine(disk('arm64'), [], '')).toContain('console=ttyAMA0');
    expect(kernelCommandLine(disk('amd64', false), [], '')).toBe('root=PARTUUID=abc rw console=tty0');
  });

  it("takes the template's and the image's arguments, and leaves out defaults that these set", () => {
    expect(kernelCommandLine(disk('amd64'), ['quiet'], 'console=ttyS1 ro\nroot=/dev/vda1\n')).toBe(
      'quiet console=ttyS1 ro root=/dev/vda1',
    );
  });
});
