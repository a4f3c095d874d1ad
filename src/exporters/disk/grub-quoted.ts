/** GRUB's script language expands `$` and splits at `;` and quotes outside single quotes (GRUB manual, "Shell-like scripting"). */
export function grubQuoted(word: string): string {
  return /^[A-Za-z0-9=,._:/@%+-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
