import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { argumentInputs } from '../../../../src/builders/qemu/argument-inputs.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

function fileNamed(name: string): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, 'x');
  return path;
}

const named = (...switches: (readonly string[])[]): string[] =>
  argumentInputs(switches).map(({ path }) => path);

test('files that a machine only reads are in the key', () => {
  const file = fileNamed('file');
  const odd = fileNamed('a,b');
  for (const words of [
    ['-cdrom', file],
    ['-kernel', file],
    ['-bios', file],
    ['-fw_cfg', `name=opt/x,file=${file}`],
    ['-acpitable', `file=${file}`],
    ['-smbios', `type=11,path=${file}`],
    ['-device', `virtio-net,romfile=${file}`],
    ['-drive', `file=${file},media=cdrom`],
    ['-drive', `if=pflash,readonly=on,file=${file},format=raw`],
    ['-blockdev', `driver=file,read-only=on,filename=${file},node-name=n`],
  ])
    expect(named(words), words.join(' ')).toEqual([file]);
  expect(named(['-fw_cfg', `name=x,file=${odd.replaceAll(',', ',,')}`])).toEqual([odd]);
  expect(named(['-initrd', `${file},${file}`])).toEqual([file, file]);
  expect(
    argumentInputs([
      ['-m', '1G'],
      ['-cdrom', file],
    ])[0]?.option,
  ).toBe('qemuargs[1]');
});

test('disks that it may write to are not, nor logs, sockets, names of the run, and what is not there', () => {
  const file = fileNamed('file');
  expect(
    named(
      ['-drive', `file=${file},if=virtio`],
      ['-serial', `file:${file}`],
      ['-chardev', `socket,id=x,path=${file}`],
      ['-cdrom', '{{ .OutputDir }}/x.iso'],
      ['-cdrom', '/nonexistent/x.iso'],
      ['-enable-kvm'],
      ['-fw_cfg', 'name=x,string=text'],
    ),
  ).toEqual([]);
});
