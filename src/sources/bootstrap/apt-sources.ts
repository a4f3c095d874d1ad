/** One entry of sources.list(5), of either form. */
export interface AptSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly architectures?: readonly string[];
  readonly signedBy?: string;
  readonly trusted?: boolean;
  /** `false`: an index past its date is taken, as those of snapshots are. */
  readonly checkValidUntil?: boolean;
}

/** Entries for binary packages in a file of the one-line form (`deb [option=value] uri suite component…`). */
export function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?([^#\s]+)\s+([^#\s]+)\s*([^#]*)/.exec(line);
    if (match === null) return [];
    const [, optionText = '', uri = '', suite = '', componentText = ''] = match;
    const options = new Map(
      words(optionText).map((option): [string, string] => {
        const equals = option.indexOf('=');
        return [option.slice(0, equals).toLowerCase(), option.slice(equals + 1)];
      }),
    );
    return [
      source({
        uris: [uri],
        suites: [suite],
        components: words(componentText),
        architectures: options.get('arch')?.split(','),
        signedBy: options.get('signed-by'),
        trusted: options.get('trusted'),
        checkValidUntil: options.get('check-valid-until'),
      }),
    ];
  });
}

/** Enabled entries for binary packages in a file of the deb822 form. */
export function parseDeb822(text: string): AptSource[] {
  const uncommented = text.split('\n').filter((line) => !line.startsWith('#'));
  return uncommented
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const fields = new Map<string, string>();
      for (const [, name = '', value = ''] of stanza.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
        fields.set(name.toLowerCase(), value.trim());
      }
      const list = (name: string): string[] => words(fields.get(name) ?? '');
      if (!list('types').includes('deb') || /^(no|false|0)$/i.test(fields.get('enabled') ?? 'yes')) return [];
      return [
        source({
          uris: list('uris'),
          suites: list('suites'),
          components: list('components'),
          architectures: fields.has('architectures') ? list('architectures') : undefined,
          signedBy: fields.get('signed-by'),
          trusted: fields.get('trusted'),
          checkValidUntil: fields.get('check-valid-until'),
        }),
      ];
    });
}

/** Entries as a file of the deb822 form. */
export function formatDeb822(sources: readonly AptSource[]): string {
  return sources
    .map(({ uris, suites, components, architectures, signedBy, trusted, checkValidUntil }) => {
      const fields: readonly (readonly [string, string | undefined])[] = [
        ['Types', 'deb'],
        ['URIs', uris.join(' ')],
        ['Suites', suites.join(' ')],
        ['Components', components.length === 0 ? undefined : components.join(' ')],
        ['Architectures', architectures?.join(' ')],
        ['Trusted', trusted === true ? 'yes' : undefined],
        ['Check-Valid-Until', checkValidUntil === false ? 'no' : undefined],
        ['Signed-By', signedBy],
      ];
      return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`])).join('');
    })
    .join('\n');
}

interface RawSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly architectures: readonly string[] | undefined;
  readonly signedBy: string | undefined;
  readonly trusted: string | undefined;
  readonly checkValidUntil: string | undefined;
}

function source({ architectures, signedBy, trusted, checkValidUntil, ...rest }: RawSource): AptSource {
  return {
    ...rest,
    ...(architectures === undefined ? {} : { architectures }),
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(trusted !== undefined && /^(yes|true|1)$/i.test(trusted) ? { trusted: true } : {}),
    ...(checkValidUntil !== undefined && /^(no|false|0)$/i.test(checkValidUntil)
      ? { checkValidUntil: false }
      : {}),
  };
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
