import { describe, expect, it } from 'vitest';
import { parseBootCommand, toKeyEvents } from '../../../../src/builders/qemu/boot-command.ts';

/** Events in short: `+ffe1` down, `-41` up, `1000ms`. */
const play = (text: string): string =>
  toKeyEvents(parseBootCommand(text))
    .map((event) =>
      event.type === 'wait' ? `${event.ms}ms` : `${event.down ? '+' : '-'}${event.keysym.toString(16)}`,
    )
    .join(' ');

describe('boot_command', () => {
  it.each([
    ['a', '+61 -61'],
    ['A', '+ffe1 +41 -41 -ffe1'],
    ['"', '+ffe1 +22 -22 -ffe1'],
    ['/-=1', '+2f -2f +2d -2d +3d -3d +31 -31'],
    ['ä€', '+e4 -e4 +10020ac -10020ac'],
    ['a\n', '+61 -61 +ff0d -ff0d'],
    ['<enter><RETURN><F1><f12><PageUp>', '+ff0d -ff0d +ff0d -ff0d +ffbe -ffbe +ffc9 -ffc9 +ff55 -ff55'],
    ['<wait><wait5><wait1m20s><wait500ms>', '1000ms 5000ms 80000ms 500ms'],
    ['<leftCtrlOn>c<leftCtrlOff>', '+ffe3 +63 -63 -ffe3'],
    ['<aOn><wait><aOff>', '+61 1000ms -61'],
    // Shift that is held already is not pressed again.
    ['<leftShiftOn>Ab<leftShiftOff>B', '+ffe1 +41 -41 +62 -62 -ffe1 +ffe1 +42 -42 -ffe1'],
    ['<f1On><f1Off>', '+ffbe -ffbe'],
    ['<leftCommandOn><rightOptionOff>', '+ffe9 -ffe8'],
    // What is no key is typed as it stands.
    ['<x>', '+ffe1 +3c -3c -ffe1 +78 -78 +ffe1 +3e -3e -ffe1'],
    ['<<enter>', '+ffe1 +3c -3c -ffe1 +ff0d -ff0d'],
    [
      '<waitlong>',
      '+ffe1 +3c -3c -ffe1 +77 -77 +61 -61 +69 -69 +74 -74 +6c -6c +6f -6f +6e -6e +67 -67 +ffe1 +3e -3e -ffe1',
    ],
    ['<', '+ffe1 +3c -3c -ffe1'],
    ['', ''],
  ])('%j', (text, events) => {
    expect(play(text)).toBe(events);
  });

  it('knows every key of the language', () => {
    const names =
      'bs del enter return esc tab f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 up down left right spacebar insert home end pageUp pageDown menu leftAlt rightAlt leftCtrl rightCtrl leftShift rightShift leftSuper rightSuper leftCommand rightCommand leftOption rightOption'.split(
        ' ',
      );
    for (const name of names) {
      expect(parseBootCommand(`<${name}>`), name).toMatchObject([{ type: 'press' }]);
      expect(parseBootCommand(`<${name}On><${name}Off>`), name).toMatchObject([
        { type: 'hold' },
        { type: 'release' },
      ]);
    }
  });

  it('releases every key it presses, whatever is typed', () => {
    const typed = String.fromCodePoint(...Array.from({ length: 95 }, (_, index) => 32 + index));
    const events = toKeyEvents(parseBootCommand(typed));
    const down = new Set<number>();
    for (const event of events) {
      if (event.type !== 'key') continue;
      if (event.down) down.add(event.keysym);
      else expect(down.delete(event.keysym)).toBe(true);
    }
    expect(down.size).toBe(0);
  });
});
