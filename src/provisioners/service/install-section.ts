/** What `systemctl enable` would do for a unit text: links by folder, and aliases. */
export interface InstallSection {
  /** Targets whose `.wants` folder gets a link. */
  readonly wantedBy: readonly string[];
  /** Targets whose `.requires` folder gets a link. */
  readonly requiredBy: readonly string[];
  /** Further names of the unit. */
  readonly aliases: readonly string[];
}

/**
 * The `[Install]` section of a unit text (systemd.unit(5)), or undefined when enabling it needs more than links of its
 * own: no section, or `Also=`, `DefaultInstance=`, `UpheldBy=` or a `%` specifier in it.
 */
export function readInstallSection(text: string): InstallSection | undefined {
  const fields = new Map<string, string[]>();
  let section = '';
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const clean = line.trim();
    if (clean === '' || clean.startsWith('#') || clean.startsWith(';')) continue;
    if (clean.startsWith('[')) {
      section = clean;
      continue;
    }
    const equals = clean.indexOf('=');
    if (section !== '[Install]' || equals < 0) continue;
    const name = clean.slice(0, equals).trim();
    const words = clean
      .slice(equals + 1)
      .trim()
      .split(/\s+/)
      .filter((word) => word !== '');
    // An empty value takes back what came before.
    fields.set(name, words.length === 0 ? [] : [...(fields.get(name) ?? []), ...words]);
  }
  const known = ['WantedBy', 'RequiredBy', 'Alias'];
  if (fields.size === 0 || [...fields.keys()].some((name) => !known.includes(name))) return undefined;
  if ([...fields.values()].flat().some((word) => word.includes('%'))) return undefined;
  const [wantedBy = [], requiredBy = [], aliases = []] = known.map((name) => fields.get(name));
  return { wantedBy, requiredBy, aliases };
}
