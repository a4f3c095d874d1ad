import { describe, expect, test } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';
import { type Result, unwrap } from '../../../src/diagnostics/failure.ts';
import { lateSecrets } from '../../../src/model/late-value.ts';
import type { Pipeline, Template } from '../../../src/model/pipeline.ts';
import { parseDocument } from '../../../src/template/read-template.ts';
import { resolveTemplate } from '../../../src/template/resolve-template.ts';

const HEAD = `
name: host
variables:
  token: { sensitive: true, default: correct-horse }
builder: { type: 'null', communicator: none }
source: { type: machine, untracked: it is not ours }
`;

async function resolve(text: string): Promise<Result<Template>> {
  const pipelines = unwrap(await parseDocument('/project/pipelines/host.yaml', text));
  return resolveTemplate(
    { folder: '/project/pipelines', pipelines },
    { kinds: builtinKinds, variables: [], defaults: { sourceDateEpoch: 0, architecture: 'amd64' } },
  );
}

async function pipeline(text: string): Promise<Pipeline> {
  const [only] = unwrap(await resolve(text)).pipelines;
  if (only === undefined) throw new Error('no pipeline');
  return only;
}

const messages = async (text: string): Promise<string[]> => {
  const result = await resolve(text);
  return result.ok ? [] : result.failures.map(({ message }) => message);
};

test('a step may wait before each try, and say why it runs every time', async () => {
  const { steps, source } = await pipeline(
    `${HEAD}steps: [{ type: packer-sleep, duration: 1s, pauseBefore: 90s, untracked: it calls home }]`,
  );
  expect(steps[0]).toMatchObject({ run: { pauseBeforeMs: 90_000 }, untracked: 'it calls home' });
  expect(source.untracked).toBe('it is not ours');
});

test('a clean-up step has a name of its own and no place among the others', async () => {
  const { cleanup, steps } = await pipeline(
    `${HEAD}cleanup: { type: packer-shell-local, inline: ['true'], timeout: 5s }`,
  );
  expect(cleanup).toMatchObject({ name: 'clean-up', type: 'packer-shell-local', run: { timeoutMs: 5000 } });
  expect(steps).toEqual([]);
  expect(
    await messages(`${HEAD}cleanup: { type: packer-shell-local, inline: ['true'], needs: [a] }`),
  ).toEqual(['cleanup: `needs` has no meaning for a step that runs after a failure only']);
  expect(
    await messages(
      `name: x\nsource: { type: rootfs, path: a.tar }\ncleanup: { type: shell, inline: 'true' }`,
    ),
  ).toEqual(['cleanup: the builder rootfs has no machine that is left when a step fails']);
});

test('an export may have several chains of post-processors, with names of their own', async () => {
  const chains = `${HEAD}exports:
  - type: none
    chains:
      - [{ type: packer-shell-local, name: one, inline: ['true'] }, { type: packer-manifest, untracked: always }]
      - [{ type: packer-shell-local, inline: ['true'] }]
`;
  const { exports } = await pipeline(chains);
  expect(exports[0]?.chains?.map((chain) => chain.map(({ name }) => name))).toEqual([
    ['none.one', 'none.packer-manifest'],
    ['none.packer-shell-local'],
  ]);
  expect(exports[0]?.chains?.[0]?.[1]?.untracked).toBe('always');
  expect(await messages(`${chains}    post: [{ type: packer-shell-local, inline: ['true'] }]`)).toEqual([
    'export 1 (none): `post` and `chains` exclude each other',
  ]);
  expect(
    await messages(chains.replace('{ type: packer-manifest', '{ type: packer-manifest, name: one')),
  ).toEqual(['two post-processors of the export "none" have the name "one"']);
});

test('host paths may go from another folder, and files may stay out of the output folder', async () => {
  const { directory, elsewhere } = await pipeline(`${HEAD}directory: ../..\noutputFolder: false`);
  expect(directory).toBe('/');
  expect(elsewhere).toBe(true);
  expect((await pipeline(HEAD)).elsewhere).toBeUndefined();
});

describe('facts of the machine and secrets', () => {
  const inline = (text: string): string =>
    `${HEAD}steps: [{ type: packer-shell-local, inline: ['${text}'] }]`;

  test('stand in texts of options by their names only', async () => {
    const { steps } = await pipeline(inline('ssh ${build.User}@${build.Host} -p ${var.token}'));
    const [line] = steps[0]?.options['inline'] as string[];
    expect(line).toBe('ssh <<imgpipe:build:User>>@<<imgpipe:build:Host>> -p <<imgpipe:secret:token>>');
    expect(lateSecrets(steps[0]?.options)).toEqual(['token']);
  });

  test('a fact that no builder has is named', async () => {
    expect(await messages(inline('${build.Colour}'))).toEqual(['unknown reference ${build.Colour}']);
  });

  test('facts are not there for what begins the machine, nor where there is none', async () => {
    expect(await messages(HEAD.replace('communicator: none', 'ssh_host: "${build.Host}"'))).toContain(
      'unknown reference ${build.Host}',
    );
    expect(
      await messages(
        'name: x\nsource: { type: rootfs, path: a.tar }\nsteps: [{ type: shell, inline: "${build.ID}" }]',
      ),
    ).toEqual(['unknown reference ${build.ID}']);
  });

  test('a secret in the text of a kind that takes none is refused, as a part and as a whole', async () => {
    const text = (content: string): string =>
      `name: x\nvariables: { token: { sensitive: true, default: correct-horse } }\nsource: { type: rootfs, path: a.tar }\nsteps: [{ type: file, path: /a, content: '${content}' }]`;
    for (const content of ['${var.token}', 'is ${var.token}'])
      expect(await messages(text(content))).toEqual([
        'the variable "token" is sensitive; here its value would end in a layer',
      ]);
  });

  test('a secret is no name of a step', async () => {
    expect(
      await messages(
        `${HEAD}steps: [{ type: packer-shell-local, inline: ['true'], untracked: 'for \${var.token}' }]`,
      ),
    ).toEqual(['the variable "token" is sensitive; here its value would end in a layer']);
  });
});
