import { open } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

/** What the console shows and how far a boot is then; the last one that matches counts. */
const STAGES: readonly (readonly [RegExp, string])[] = [
  [/SeaBIOS|BdsDxe: (loading|starting)/, 'firmware'],
  [/GRUB|Booting Linux /, 'boot loader'],
  [/Linux version \d/, 'kernel'],
  [/Loading, please wait|Begin: |Running in initrd/, 'initial RAM disk'],
  [/systemd\[1\]: |Welcome to (?!GRUB)/, 'systemd'],
  [/Reached target .*(basic\.target|Basic System)/, 'basic system'],
  [/Reached target .*(network\.target|Network)\b/, 'network'],
  [/Reached target .*(multi-user\.target|Multi-User System)/, 'multi-user system'],
  [/login: *$/m, 'login prompt'],
];

/** Sure signs that the boot will get no further. */
const DEAD_ENDS: readonly (readonly [RegExp, string])[] = [
  [/Kernel panic - not syncing/, 'the kernel panicked'],
  [/\(initramfs\) *$/m, 'the initial RAM disk gave up and opened a shell'],
  [/You are in (emergency|rescue) mode/, 'systemd went into emergency mode'],
  [/No bootable device/, 'the firmware found no bootable device'],
  [/grub rescue>|^error: .*(no such|not found)/m, 'the boot loader failed'],
  // One entry of the boot order that fails says nothing of those after it.
  [/No bootable option or device was found|UEFI Interactive Shell/, 'the firmware found no boot loader'],
];

/** The serial console of a machine, read from the file QEMU writes. */
export class SerialConsole {
  readonly #path: string;
  #position = 0;
  #text = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Everything so far, without control sequences. */
  get text(): string {
    return this.#text;
  }

  /** Takes in what was written since the last call and returns its whole and partial lines. */
  async read(): Promise<string> {
    await using file = await open(this.#path, 'r').catch(() => undefined);
    if (file === undefined) return '';
    const { size } = await file.stat();
    if (size <= this.#position) return '';
    const bytes = Buffer.alloc(size - this.#position);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#position);
    this.#position += bytesRead;
    const added = plain(bytes.toString('utf8', 0, bytesRead));
    this.#text += added;
    return added;
  }

  get stage(): string | undefined {
    return STAGES.findLast(([pattern]) => pattern.test(this.#text))?.[1];
  }

  get deadEnd(): string | undefined {
    return DEAD_ENDS.find(([pattern]) => pattern.test(this.#text))?.[1];
  }

  lastLines(count: number): string[] {
    return this.#text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-count);
  }
}

/** Control characters but tab and line feed. */
const CONTROL = /[^\P{Cc}\t\n]/gu;

/** Terminal output as text: no escape sequences, no carriage returns, no other control characters. */
function plain(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROL, '');
}
