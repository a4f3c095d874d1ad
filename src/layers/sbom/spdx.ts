import { basename } from 'node:path';
import { VERSION } from '../../util/version.ts';
import { createdAt, documentUuid, purl, type SbomFacts } from './facts.ts';
import type { ImageFile, InstalledPackage } from './inventory.ts';

const NO = 'NOASSERTION';
const UNKNOWN = { licenseConcluded: NO, copyrightText: NO } as const;

/** A bill of materials in SPDX 2.3, JSON (spdx.github.io/spdx-spec/v2.3). */
export function spdxDocument(facts: SbomFacts): object {
  const { name, images, inventory } = facts;
  const { packages, files, system } = inventory;
  const fileIds = new Map([...files.keys()].map((path, index) => [path, `SPDXRef-File-${index + 1}`]));
  const packageIds = packages.map((_, index) => `SPDXRef-Package-${index + 1}`);
  const owned = new Set(packages.flatMap((each) => each.files));
  const image = 'SPDXRef-Image';
  const [first] = images;
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${encodeURIComponent(name)}-${documentUuid(facts, 'spdx')}`,
    creationInfo: { created: createdAt(facts), creators: [`Tool: imgpipe-${VERSION}`] },
    documentDescribes: [image],
    packages: [
      {
        SPDXID: image,
        name,
        ...(first === undefined ? {} : { packageFileName: basename(first.path) }),
        ...(system.name === undefined ? {} : { summary: system.name }),
        downloadLocation: NO,
        filesAnalyzed: false,
        primaryPackagePurpose: 'OPERATING_SYSTEM',
        ...(first === undefined ? {} : { checksums: [{ algorithm: 'SHA256', checksumValue: first.sha256 }] }),
        licenseDeclared: NO,
        ...UNKNOWN,
      },
      ...packages.map((each, index) => spdxPackage(each, packageIds[index] ?? '', facts)),
    ],
    files: [...files.values()].map((file) => spdxFile(file, fileIds.get(file.path) ?? '')),
    relationships: [
      relation('SPDXRef-DOCUMENT', 'DESCRIBES', image),
      ...packageIds.map((id) => relation(image, 'CONTAINS', id)),
      ...packages.flatMap((each, index) =>
        each.files.map((path) => relation(packageIds[index] ?? '', 'CONTAINS', fileIds.get(path) ?? '')),
      ),
      ...[...files.keys()].flatMap((path) =>
        owned.has(path) ? [] : [relation(image, 'CONTAINS', fileIds.get(path) ?? '')],
      ),
    ],
  };
}

const relation = (from: string, type: string, to: string): object => ({
  spdxElementId: from,
  relationshipType: type,
  relatedSpdxElement: to,
});

function spdxPackage(each: InstalledPackage, id: string, { inventory }: SbomFacts): object {
  return {
    SPDXID: id,
    name: each.name,
    versionInfo: each.version,
    ...(each.maintainer === undefined
      ? {}
      : { supplier: `Person: ${each.maintainer.replace(/ <(.*)>$/, ' ($1)')}` }),
    ...(each.homepage === undefined ? {} : { homepage: each.homepage }),
    ...(each.summary === undefined ? {} : { summary: each.summary }),
    ...(each.source === undefined
      ? {}
      : { sourceInfo: `built from the source package ${each.source.name} ${each.source.version}` }),
    downloadLocation: NO,
    filesAnalyzed: false,
    licenseDeclared: NO,
    ...UNKNOWN,
    externalRefs: [
      {
        referenceCategory: 'PACKAGE-MANAGER',
        referenceType: 'purl',
        referenceLocator: purl(each, inventory.system),
      },
    ],
  };
}

function spdxFile({ path, sha1, sha256 }: ImageFile, id: string): object {
  return {
    SPDXID: id,
    fileName: `.${path}`,
    checksums: [
      ...(sha1 === undefined ? [] : [{ algorithm: 'SHA1', checksumValue: sha1 }]),
      { algorithm: 'SHA256', checksumValue: sha256 },
    ],
    ...UNKNOWN,
  };
}
