import { COMMON_FLAGS } from './options/common-options.ts';

/**
 * Command lines as Packer's users type them, in the form that the parser knows: `-var-file=x` becomes
 * `--var-file=x`, and common options before the command (`imgpipe -C dir build`) move behind it. Nothing after a bare
 * `--` is touched.
 */
export function normalizeArguments(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  const own = (end === -1 ? args : args.slice(0, end)).map(doubleDash);
  const rest = end === -1 ? [] : args.slice(end);
  return [...commonOptionsLast(own), ...rest];
}

/** One dash and more than one letter is a long option; `-C`, `-h` and `-V` are the short ones. */
function doubleDash(argument: string): string {
  return /^-[a-z][a-z-]+(=|$)/i.test(argument) && !argument.startsWith('--') ? `-${argument}` : argument;
}

function commonOptionsLast(args: readonly string[]): string[] {
  const moved: string[] = [];
  let at = 0;
  while (at < args.length) {
    const argument = args[at] ?? '';
    const takesValue = COMMON_FLAGS.get(argument.replace(/=.*$/, ''));
    if (takesValue === undefined) break;
    const length = takesValue && !argument.includes('=') ? 2 : 1;
    moved.push(...args.slice(at, at + length));
    at += length;
  }
  return at >= args.length ? [...args] : [...args.slice(at), ...moved];
}
