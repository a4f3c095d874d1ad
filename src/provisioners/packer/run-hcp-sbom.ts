import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import {
  apkPackages,
  debPackages,
  type Inventory,
  PACKAGE_DATABASES,
  parseRelease,
} from '../../layers/sbom/inventory.ts';
import type { StepRunContext } from '../provisioner.ts';
import { REAL_CLOCK } from './clock.ts';
import type { PackerSbomOptions } from './hcp-sbom.ts';
import { RemoteShell } from './remote-shell.ts';
import { isGiven, stableNumber } from './scripts.ts';
import { stepFailure } from './step-failure.ts';

/** Fetches or makes the bill of materials and writes it where the step says. What fails is told; the build goes on. */
export async function runPackerSbom(
  options: PackerSbomOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, REAL_CLOCK);
    const { source = '', destination = '', auto_generate: generate } = remote.options;
    if (generate === true) context.log('Automatic SBOM generation enabled');
    try {
      const sbom =
        generate === true
          ? await makeSbom(remote.options, machine, context)
          : await fetchSbom(remote, remote.render(source));
      const form = formOf(sbom);
      if (!isGiven(destination)) {
        context.log(`There is no destination: the bill of materials (${form}) is not kept`);
        return;
      }
      const file = await fileFor(remote.render(destination), sbom, context);
      await writeFile(file, sbom);
      context.log(`Bill of materials (${form}): ${file}`);
      if (generate === true) context.log('Automatic SBOM generation completed successfully');
    } catch (error) {
      if (context.signal.aborted || !isExpected(error)) throw error;
      const what = generate === true ? 'SBOM generation failed' : 'Failed to download SBOM file';
      context.log(`${what}: ${error.message}`);
      context.log('Build will continue without SBOM');
    }
  });
}

/** A failure, or an error of this host's file system. */
const isExpected = (error: unknown): error is Error =>
  error instanceof FailureError || (error instanceof Error && 'code' in error);

async function fetchSbom(remote: RemoteShell<PackerSbomOptions>, source: string): Promise<Buffer> {
  const content = await remote.communicator.readFile(source);
  if (content === undefined) throw stepFailure(`${source} is not in the machine`);
  return content;
}

const documentSchema = z.union([
  z.looseObject({ spdxVersion: z.string().min(1) }).transform(() => 'SPDX' as const),
  z
    .looseObject({ bomFormat: z.string().regex(/^cyclonedx$/i), specVersion: z.string().min(1) })
    .transform(() => 'CycloneDX' as const),
]);

/** @throws FailureError when it is neither of the forms that Packer takes */
function formOf(sbom: Buffer): 'SPDX' | 'CycloneDX' {
  const parsed = documentSchema.safeParse(parseJson(sbom.toString('utf8')));
  if (parsed.success) return parsed.data;
  throw stepFailure('SBOM validation failed: it is neither SPDX nor CycloneDX in JSON');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function makeSbom(
  options: PackerSbomOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Buffer> {
  const root = (options.scan_path ?? '').replace(/\/+$/, '');
  const read = async (file: string): Promise<string> => (await machine.readFile(`${root}${file}`)) ?? '';
  const packages = [
    ...debPackages(await read(PACKAGE_DATABASES.deb)),
    ...apkPackages(await read(PACKAGE_DATABASES.apk)),
  ];
  if (packages.length === 0) {
    const places = Object.values(PACKAGE_DATABASES).map((file) => root + file);
    throw stepFailure(`no package is installed according to ${places.join(' and ')}`);
  }
  context.log(`Found ${packages.length} packages`);
  const release = (await read('/etc/os-release')) || (await read('/usr/lib/os-release'));
  const inventory: Inventory = { system: parseRelease(release), packages, files: new Map() };
  const facts = {
    name: options.sbom_name || options.packer_build_name || 'machine',
    sourceDateEpoch: context.sourceDateEpoch,
    images: [],
    inventory,
  };
  const isSpdx = (options.scanner_args ?? []).join(' ').includes('spdx');
  const document = isSpdx
    ? (await import('../../layers/sbom/spdx.ts')).spdxDocument(facts)
    : (await import('../../layers/sbom/cyclonedx.ts')).cyclonedxDocument(facts);
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/** The file of this host; in a folder it gets a name, which is the same for the same content. */
async function fileFor(destination: string, sbom: Buffer, context: StepRunContext): Promise<string> {
  const target = context.resolvePath(destination);
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory() === true || destination.endsWith('/')) {
    await mkdir(target, { recursive: true });
    return path.join(target, `packer-user-sbom-${stableNumber(sbom.toString('latin1'), 2 ** 31)}.json`);
  }
  await mkdir(path.dirname(target), { recursive: true });
  return target;
}
