import type { PackerCommand } from './command.ts';

/** Every command by its name, loaded when it is called. */
export const COMMANDS: Readonly<
  Record<string, { readonly summary: string; readonly load: () => Promise<PackerCommand> }>
> = {
  build: {
    summary: 'build image(s) from template',
    load: async () => (await import('./commands/build.ts')).buildCommand,
  },
  console: {
    summary: 'creates a console for testing variable interpolation',
    load: async () => (await import('./commands/console.ts')).consoleCommand,
  },
  convert: {
    summary: "turns a template into one of imgpipe's own",
    load: async () => (await import('./commands/convert.ts')).convertCommand,
  },
  fix: {
    summary: 'fixes templates from old versions of packer',
    load: async () => (await import('./commands/fix.ts')).fixCommand,
  },
  fmt: {
    summary: 'Rewrites HCL2 config files to canonical format',
    load: async () => (await import('./commands/fmt.ts')).fmtCommand,
  },
  hcl2_upgrade: {
    summary: 'transform a JSON template into an HCL2 configuration',
    load: async () => (await import('./commands/hcl2-upgrade.ts')).upgradeCommand,
  },
  init: {
    summary: 'Install missing plugins or upgrade plugins',
    load: async () => (await import('./commands/init.ts')).initCommand,
  },
  inspect: {
    summary: 'see components of a template',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  plugins: {
    summary: 'Interact with Packer plugins and catalog',
    load: async () => (await import('./commands/plugins.ts')).pluginsCommand,
  },
  'sbom-generate': {
    summary: 'writes a bill of materials of a folder with a system',
    load: async () => (await import('./commands/sbom-generate.ts')).sbomGenerateCommand,
  },
  validate: {
    summary: 'check that a template is valid',
    load: async () => (await import('./commands/validate.ts')).validateCommand,
  },
  version: {
    summary: 'Prints the Packer version',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
};
