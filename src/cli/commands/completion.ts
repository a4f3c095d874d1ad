import { Option, type Command } from 'commander';
import { defineCommand } from '../define-command.ts';
import type { CommonOptions } from '../options/common-options.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

interface CompletionOptions extends CommonOptions {
  readonly shell: (typeof SHELLS)[number];
}

export const completionCommand = defineCommand<CompletionOptions>({
  name: 'completion',
  summary: 'Print completion of commands and flags for a shell',
  examples: [
    { line: 'source <(imgpipe completion)', about: 'bash, in ~/.bashrc' },
    { line: 'imgpipe completion --shell=fish | source', about: 'fish' },
  ],
  declare: (command) =>
    command.addOption(new Option('--shell <name>', 'for which shell').choices(SHELLS).default('bash')),
  async run(context, _args, options) {
    const { createProgram } = await import('../program.ts');
    const words = commandWords(createProgram(context, () => undefined));
    context.stdout.write(SCRIPTS[options.shell](words));
    return 0;
  },
});

/** What can follow each command: `''` is the program itself, `cache` a group, `cache prune` a command in it. */
function commandWords(program: Command, prefix = ''): Map<string, readonly string[]> {
  const flags = program.options
    .flatMap((option) => [option.long ?? '', option.short ?? ''])
    .filter((flag) => flag !== '');
  const words = new Map<string, readonly string[]>([
    [prefix, [...program.commands.map((child) => child.name()), ...flags, '--help']],
  ]);
  for (const child of program.commands) {
    for (const entry of commandWords(child, `${prefix} ${child.name()}`.trim())) words.set(...entry);
  }
  return words;
}

const SCRIPTS: Record<CompletionOptions['shell'], (words: ReadonlyMap<string, readonly string[]>) => string> =
  {
    bash: bashScript,
    zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`,
    fish: (words) =>
      [...words]
        .flatMap(([command, list]) => {
          const parts = command.split(' ').filter((part) => part !== '');
          const condition =
            parts.length === 0
              ? '__fish_use_subcommand'
              : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
          return list.map((word) =>
            word.startsWith('--')
              ? `complete -c imgpipe -n '${condition}' -l ${word.slice(2)}`
              : word.startsWith('-')
                ? `complete -c imgpipe -n '${condition}' -s ${word.slice(1)}`
                : `complete -c imgpipe -f -n '${condition}' -a ${word}`,
          );
        })
        .map((line) => `${line}\n`)
        .join(''),
  };

function bashScript(words: ReadonlyMap<string, readonly string[]>): string {
  const cases = [...words].map(([command, list]) => `    '${command}') words='${list.join(' ')}' ;;`);
  return `_imgpipe() {
  local current=\${COMP_WORDS[COMP_CWORD]} command='' word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) [ \${#command} -eq 0 ] && command=$word || { [ "$command" = cache ] && command="cache $word"; } ;; esac
  done
  case $command in
${cases.join('\n')}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -F _imgpipe imgpipe
`;
}
