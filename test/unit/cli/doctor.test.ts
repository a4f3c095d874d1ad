import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { diagnose } from '../../../src/cli/doctor/diagnose.ts';
import { HOST_TOOLS, installCommand, PACKAGE_MANAGERS } from '../../../src/util/host-tools.ts';

describe('the table of host tools', () => {
  it('names a package of Debian for every tool, and one of another system for most', () => {
    for (const tool of HOST_TOOLS) expect(tool.packages.apt, tool.name).toMatch(/^[a-z0-9][a-z0-9+.-]+$/);
    for (const manager of PACKAGE_MANAGERS) {
      const known = HOST_TOOLS.filter((tool) => tool.packages[manager] !== undefined).length;
      expect(known, manager).toBeGreaterThan(5);
    }
  });

  it('names each program once', () => {
    const names = HOST_TOOLS.filter((tool) => tool.only === undefined).map((tool) => tool.name);
    expect(names).toEqual([...new Set(names)]);
  });

  it('knows every program that a built-in kind declares', () => {
    const known = new Set(HOST_TOOLS.flatMap((tool) => [tool.name, ...(tool.aliases ?? [])]));
    const kinds = [builtinKinds.sources, builtinKinds.steps, builtinKinds.exports, builtinKinds.checks];
    const declared = kinds.flatMap((table) => table.all.flatMap((kind) => kind.tools ?? []));
    expect(declared.length).toBeGreaterThan(0);
    expect(declared.filter((name) => !known.has(name))).toEqual([]);
  });

  it('lists each package once in a command', () => {
    expect(installCommand('apt', ['b', 'a', 'b'], false)).toBe(
      'sudo apt-get install --no-install-recommends a b',
    );
    expect(installCommand('apt', ['a'], true)).toBe('apt-get install --no-install-recommends a');
    expect(installCommand('brew', ['a'], false)).toBe('brew install a');
  });
});

describe('diagnose', () => {
  it('names what is missing, what needs it and the command for every package manager when none is known', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imgpipe-doctor-test-'));
    try {
      const { findings, install } = await diagnose({
        env: { PATH: folder },
        isRoot: false,
        cacheDirectory: folder,
      });
      const missing = findings.find((finding) => finding.name === 'mmdebstrap');
      expect(missing).toMatchObject({ state: 'warning', neededFor: 'source bootstrap' });
      expect(missing?.mend).toContain('mmdebstrap');
      expect(findings.find((finding) => finding.name === 'qemu-img')?.state).toBe('missing');
      expect(Object.keys(install).toSorted()).toEqual([...PACKAGE_MANAGERS].toSorted());
      expect(install.pacman).toContain('qemu-img');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
