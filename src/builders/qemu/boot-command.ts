import { parseDuration } from '../../schema/units.ts';

/** One thing to do at the machine's keyboard. */
export type BootAction =
  | { readonly type: 'press' | 'hold' | 'release'; readonly key: BootKey }
  | { readonly type: 'wait'; readonly ms: number };

/** A key as X11 names it, and whether Shift must be down to get it. */
export interface BootKey {
  /** Keysym (X11 protocol, appendix A), which VNC sends too. */
  readonly keysym: number;
  readonly shift: boolean;
}

const SHIFT = 0xff_e1;

/** Named keys, lower case. Packer sends Alt for Command and Meta for Option, which QEMU's keyboard has as its GUI keys. */
const NAMED: Readonly<Record<string, number>> = {
  bs: 0xff_08,
  tab: 0xff_09,
  enter: 0xff_0d,
  return: 0xff_0d,
  esc: 0xff_1b,
  home: 0xff_50,
  left: 0xff_51,
  up: 0xff_52,
  right: 0xff_53,
  down: 0xff_54,
  pageup: 0xff_55,
  pagedown: 0xff_56,
  end: 0xff_57,
  insert: 0xff_63,
  menu: 0xff_67,
  leftshift: SHIFT,
  rightshift: 0xff_e2,
  leftctrl: 0xff_e3,
  rightctrl: 0xff_e4,
  leftalt: 0xff_e9,
  rightalt: 0xff_ea,
  leftoption: 0xff_e7,
  rightoption: 0xff_e8,
  leftsuper: 0xff_eb,
  rightsuper: 0xff_ec,
  leftcommand: 0xff_e9,
  rightcommand: 0xff_ea,
  del: 0xff_ff,
  spacebar: 0x20,
  ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`f${index + 1}`, 0xff_be + index])),
};

const SHIFTED = '~!@#$%^&*()_+{}|:"<>?';

/**
 * Reads Packer's boot_command language, after its Go templates have been filled in: `<enter>`, `<f10>`, `<wait>` (1 s),
 * `<wait5>` (seconds), `<wait1m20s>`, `<leftCtrlOn>c<leftCtrlOff>`, `<aOn>`; everything else is typed as it stands, also
 * what looks like a key and is none. Names are read in any case. A line feed is Enter.
 */
export function parseBootCommand(text: string): BootAction[] {
  const actions: BootAction[] = [];
  // `<>On>` holds the character `>`.
  const pattern = /<([^<>]+|[<>](?:on|off))>|[\s\S]/giu;
  for (const [whole, inside] of text.matchAll(pattern)) {
    const action = inside === undefined ? undefined : parseTag(inside);
    if (action !== undefined) actions.push(action);
    else for (const character of whole) actions.push({ type: 'press', key: keyOf(character) });
  }
  return actions;
}

function parseTag(inside: string): BootAction | undefined {
  const wait = /^wait(.*)$/i.exec(inside)?.[1];
  if (wait !== undefined) {
    const ms = wait === '' ? 1000 : /^\d+$/.test(wait) ? Number(wait) * 1000 : parseDuration(wait);
    return ms === undefined ? undefined : { type: 'wait', ms };
  }
  const plain = named(inside);
  if (plain !== undefined) return { type: 'press', key: plain };
  const toggle = /^(.+?)(on|off)$/iu.exec(inside);
  const [, name = '', how = ''] = toggle ?? [];
  const key = named(name) ?? ([...name].length === 1 ? keyOf(name) : undefined);
  if (key === undefined) return undefined;
  return { type: how.toLowerCase() === 'on' ? 'hold' : 'release', key };
}

function named(name: string): BootKey | undefined {
  const lower = name.toLowerCase();
  const keysym = Object.hasOwn(NAMED, lower) ? NAMED[lower] : undefined;
  return keysym === undefined ? undefined : { keysym, shift: false };
}

function keyOf(character: string): BootKey {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\n' || character === '\r') return { keysym: 0xff_0d, shift: false };
  if (character === '\t') return { keysym: 0xff_09, shift: false };
  // Latin-1 stands for itself; the rest of Unicode has a range of its own.
  const keysym = code < 0x1_00 ? code : 0x1_00_00_00 + code;
  return { keysym, shift: /[A-Z]/.test(character) || SHIFTED.includes(character) };
}

/** What goes over the wire: a key goes down or up, or nothing happens for a while. */
export type KeyEvent =
  | { readonly type: 'key'; readonly keysym: number; readonly down: boolean }
  | { readonly type: 'wait'; readonly ms: number };

/** Keys going down and up, with Shift around characters that need it unless it is held anyway. */
export function toKeyEvents(actions: readonly BootAction[]): KeyEvent[] {
  const shiftHeld = new Set<number>();
  const events: KeyEvent[] = [];
  const key = (keysym: number, down: boolean): void => void events.push({ type: 'key', keysym, down });
  for (const action of actions) {
    if (action.type === 'wait') {
      events.push(action);
      continue;
    }
    const { keysym, shift } = action.key;
    const addsShift = shift && shiftHeld.size === 0;
    if (addsShift && action.type !== 'release') key(SHIFT, true);
    if (action.type !== 'release') key(keysym, true);
    if (action.type !== 'hold') key(keysym, false);
    if (addsShift && action.type !== 'hold') key(SHIFT, false);
    if (keysym === SHIFT || keysym === 0xff_e2) {
      if (action.type === 'hold') shiftHeld.add(keysym);
      else if (action.type === 'release') shiftHeld.delete(keysym);
    }
  }
  return events;
}
