import { expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { buildGraph } from '../../../src/graph/build-graph.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

const HEAD = 'name: web\nsource: { type: rootfs, path: root.tar }\n';

/** What is wrong with a template, as `line:column message`, and the hints. */
async function mistakes(text: string): Promise<{ readonly said: string[]; readonly hints: unknown[] }> {
  const pipelines = unwrap(await parseDocument('/project/pipelines/web.yaml', HEAD + text));
  const template = resolveTemplate(
    { folder: '/project/pipelines', pipelines },
    { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
  );
  const graph = buildGraph(unwrap(template), builtinKinds);
  const failures = graph.ok ? [] : graph.failures;
  return {
    said: failures.map(({ message, origin }) => `${origin?.line}:${origin?.column} ${message}`),
    hints: failures.map(({ hint }) => hint),
  };
}

const exporting = (disk: string, item: string): string => `disk: ${disk}\nexports:\n  - ${item}\n`;

test.each([
  ['{ type: ova, profile: vmware, firmware: uefi }', '5:45', 'ova', 'BIOS'],
  ['{ type: vmware, firmware: uefi }', '5:31', 'vmware', 'BIOS'],
  ['{ type: vagrant, provider: libvirt, firmware: uefi }', '5:51', 'vagrant', 'BIOS'],
])('a machine with other firmware than its disk is refused: %s', async (item, place, type, only) => {
  expect(await mistakes(exporting('{ firmware: bios }', item))).toEqual({
    said: [
      `${place} export "${type}" (${type}): the disk starts by ${only} only, and the machine has the other firmware`,
    ],
    hints: ['Set `disk.firmware` to both, or leave `firmware` out.'],
  });
  expect((await mistakes(exporting('{ firmware: both }', item))).said).toEqual([]);
});

test('an OVA for VirtualBox cannot say that it starts by UEFI', async () => {
  const message = 'export "ova" (ova): the machine starts by UEFI, which an OVA cannot tell VirtualBox';
  const ova = '{ type: ova }';
  expect((await mistakes(exporting('{ firmware: uefi }', ova))).said).toEqual([`5:13 ${message}`]);
  const asked = await mistakes(exporting('{ firmware: both }', '{ type: ova, firmware: uefi }'));
  expect(asked.said).toEqual([`5:28 ${message}`]);
  expect((await mistakes(exporting('{ firmware: uefi }', '{ type: ova, profile: vmware }'))).said).toEqual(
    [],
  );
});

test('exports that the architecture has not are refused, once for all variants', async () => {
  const variants = 'matrix: { architecture: [riscv64], size: [small, large] }\n';
  const list = [
    '{ type: ova }',
    '{ type: vmware, name: named, guest: other }',
    '{ type: vagrant, provider: virtualbox }',
    '{ type: uki }',
    '{ type: iso, firmware: bios }',
  ];
  expect(
    (await mistakes(`${variants}exports: [${list.join(', ')}]\n`)).said.map((text) => text.slice(5)),
  ).toEqual(
    [
      'export "ova" (ova): no machine of this kind runs riscv64 images',
      'export "vagrant" (vagrant): no machine of this kind runs riscv64 images',
      'export "uki" (uki): there is no EFI stub for riscv64: only for amd64 and arm64',
      'export "iso" (iso): imgpipe cannot make riscv64 disks that boot by BIOS',
    ].map((text) => expect.stringContaining(text) as string),
  );
});

test.each([
  ['arm64', 'bios', '4:19', 'BIOS', 'Leave `firmware` out.'],
  ['s390x', 'both', '4:19', 'BIOS or UEFI', 'Export the files without a disk, such as `rootfs-tar`.'],
  ['ppc64el', 'uefi', '4:19', 'UEFI', 'Export the files without a disk, such as `rootfs-tar`.'],
])('a disk cannot have firmware that %s has not: %s', async (architecture, firmware, place, name, hint) => {
  const text = `architecture: ${architecture}\ndisk: { firmware: ${firmware} }\n`;
  expect(await mistakes(`${text}exports: [{ type: raw }, { type: qcow2 }]\n`)).toEqual({
    said: [`${place} disk: imgpipe cannot make ${architecture} disks that boot by ${name}`],
    hints: [hint],
  });
  expect((await mistakes(`${text}exports: [{ type: rootfs-tar }]\n`)).said).toEqual([]);
});
