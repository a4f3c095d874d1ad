import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};

// npm writes a lock file without the packages that a registry does not have, and `npm ci` then refuses it on every
// machine: seen when a tool's packages for other platforms were not published yet.
it('locks every optional package of every platform', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, locked]) =>
    Object.keys(locked.optionalDependencies ?? {})
      .filter((name) => !holders(path, name).some((place) => lock.packages[place]?.version !== undefined))
      .map((name) => `${name} of ${path || 'imgpipe'}`),
  );
  expect(missing).toEqual([]);
});

it('locks every package by its content', () => {
  const loose = Object.entries(lock.packages).filter(
    ([path, locked]) => path !== '' && locked.integrity === undefined,
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

/** Places where npm may have put a dependency of the package at `path`, nearest first. */
function holders(path: string, name: string): string[] {
  const places = [`${path === '' ? '' : `${path}/`}node_modules/${name}`];
  for (let folder = path; folder.includes('node_modules/');) {
    folder = folder.slice(0, folder.lastIndexOf('node_modules/'));
    places.push(`${folder}node_modules/${name}`);
  }
  return places;
}
