import { basename } from 'node:path';
import { VERSION } from '../../util/version.ts';
import { createdAt, documentUuid, purl, type SbomFacts } from './facts.ts';
import type { ImageFile, InstalledPackage } from './inventory.ts';

/** A bill of materials in CycloneDX 1.6, JSON (cyclonedx.org/docs/1.6/json). */
export function cyclonedxDocument(facts: SbomFacts): object {
  const { name, images, inventory } = facts;
  const { packages, files, system } = inventory;
  const owned = new Set(packages.flatMap((each) => each.files));
  const [first] = images;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${documentUuid(facts, 'cyclonedx')}`,
    version: 1,
    metadata: {
      timestamp: createdAt(facts),
      tools: { components: [{ type: 'application', name: 'imgpipe', version: VERSION }] },
      component: {
        'bom-ref': 'image',
        type: 'operating-system',
        name,
        ...(system.version === undefined ? {} : { version: system.version }),
        ...(system.name === undefined ? {} : { description: system.name }),
        ...(first === undefined
          ? {}
          : {
              hashes: [{ alg: 'SHA-256', content: first.sha256 }],
              properties: [{ name: 'imgpipe:file', value: basename(first.path) }],
            }),
      },
    },
    components: [
      ...packages.map((each) => packageComponent(each, facts)),
      ...[...files.values()].flatMap((file) => (owned.has(file.path) ? [] : [fileComponent(file)])),
    ],
    dependencies: [
      { ref: 'image', dependsOn: packages.map((each) => purl(each, system)) },
      ...packages.map((each) => ({ ref: purl(each, system) })),
    ],
  };
}

function packageComponent(each: InstalledPackage, { inventory }: SbomFacts): object {
  const id = purl(each, inventory.system);
  const files = each.files.flatMap((path) => inventory.files.get(path) ?? []);
  return {
    'bom-ref': id,
    type: 'library',
    name: each.name,
    version: each.version,
    ...(each.summary === undefined ? {} : { description: each.summary }),
    ...(each.maintainer === undefined ? {} : { supplier: { name: each.maintainer.replace(/ <.*>$/, '') } }),
    purl: id,
    ...(files.length === 0 ? {} : { components: files.map(fileComponent) }),
  };
}

function fileComponent({ path, sha1, sha256 }: ImageFile): object {
  return {
    type: 'file',
    name: path,
    hashes: [
      ...(sha1 === undefined ? [] : [{ alg: 'SHA-1', content: sha1 }]),
      { alg: 'SHA-256', content: sha256 },
    ],
  };
}
