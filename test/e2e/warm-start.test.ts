import { expect, test } from 'vitest';
import { addTinyRoot, CliProject, type CliResult } from '../rigs/cli.ts';

/** A template whose value depends on everything that a warm start must notice. */
const TEMPLATE = `import { definePipeline } from 'imgpipe';
import { greeting } from './_greeting.ts';
export default definePipeline(
  { variables: { name: { type: 'string', default: 'world' } } },
  ({ vars }) => ({
    source: { type: 'rootfs', path: 'tiny.tar' },
    steps: [
      { type: 'file', name: 'hello', path: '/etc/hello', content: \`\${greeting} \${vars.name} \${process.env['FLAVOUR'] ?? 'plain'}\\n\` },
    ],
  }),
);
`;

function project(): CliProject {
  const made = new CliProject({
    'pipelines/tiny.ts': TEMPLATE,
    'pipelines/_greeting.ts': "export const greeting: string = 'hello';\n",
  });
  addTinyRoot(made);
  return made;
}

const hello = async (made: CliProject, env: Record<string, string> = {}): Promise<CliResult> =>
  await made.start(['shell', 'hello', '--', 'cat', '/etc/hello'], env).result;

/** Twice, so that the second start is a warm one. */
async function settled(made: CliProject): Promise<void> {
  // Files written within the same tick of the clock are not trusted to their times.
  await new Promise((done) => setTimeout(done, 120));
  await made.build();
  expect(await made.build()).toMatchObject({ code: 0, built: [] });
}

test.each<[string, (made: CliProject) => void, string[], Record<string, string>, string]>([
  [
    'the environment that a template reads',
    () => undefined,
    [],
    { FLAVOUR: 'vanilla' },
    'hello world vanilla\n',
  ],
  [
    'a variable in the environment',
    () => undefined,
    [],
    { IMGPIPE_VAR_name: 'there' },
    'hello there plain\n',
  ],
  ['a variable on the command line', () => undefined, ['-var', 'name=you'], {}, 'hello you plain\n'],
  [
    'a module that a template imports',
    (made) => made.write('pipelines/_greeting.ts', "export const greeting = 'bye';\n"),
    [],
    {},
    'bye world plain\n',
  ],
  [
    'the template',
    (made) => made.write('pipelines/tiny.ts', TEMPLATE.replace("'world'", "'moon'")),
    [],
    {},
    'hello moon plain\n',
  ],
  [
    'a file with variables',
    (made) => made.write('pipelines/a.auto.vars.yaml', 'name: file\n'),
    [],
    {},
    'hello file plain\n',
  ],
])('a warm start notices %s', async (_, change, flags, env, text) => {
  const made = project();
  await settled(made);
  change(made);
  const built = await made.start(['build', '--ui=json', ...flags], env).result;
  expect(built.code).toBe(0);
  expect(built.stdout).toContain('"type":"node-started"');
  const shown =
    flags.length > 0
      ? await made.run('shell', ...flags, 'hello', '--', 'cat', '/etc/hello')
      : await hello(made, env);
  expect(shown.stdout).toBe(text);
});

test('a warm start notices a new pipeline', async () => {
  const made = project();
  await settled(made);
  made.write(
    'pipelines/other.yaml',
    'source: { type: rootfs, path: tiny.tar }\nsteps: [{ type: shell, name: new, inline: "true" }]\n',
  );
  expect(await made.build()).toMatchObject({ code: 0, built: ['new'] });
});

test('a template that fails after a warm start fails', async () => {
  const made = project();
  await settled(made);
  made.write('pipelines/_greeting.ts', "export const greeting = 'x';\nthrow new Error('not today');\n");
  const result = await made.run('build', '--ui=plain');
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('not today');
});
