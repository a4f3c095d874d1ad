import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packerFileKind, type PackerFileOptions } from '../../../../src/provisioners/packer/file.ts';
import { runPackerFile } from '../../../../src/provisioners/packer/run-file.ts';
import { FakeCommunicator, FakeDrivenMachine } from '../../../rigs/fake-communicator.ts';
import { stepRunContext } from '../../../rigs/fake-machine.ts';
import { temporaryFolder } from '../../../rigs/temporary-folder.ts';

type Answers = ConstructorParameters<typeof FakeCommunicator>[0];

async function run(options: Record<string, unknown>, directory = folderWithFiles(), answers: Answers = []) {
  const parsed = packerFileKind.schema.parse(options) as PackerFileOptions;
  const communicator = new FakeCommunicator(answers);
  const context = stepRunContext(directory);
  const machine = new FakeDrivenMachine(communicator, { ID: '7' });
  const result = await runPackerFile(parsed, machine, context);
  const calls = communicator.calls.map((call) => call.replaceAll(directory, ''));
  return { calls, uploads: communicator.uploads, result, context, directory };
}

function folderWithFiles(): string {
  const directory = temporaryFolder();
  mkdirSync(join(directory, 'site'));
  writeFileSync(join(directory, 'site', 'index'), 'x');
  writeFileSync(join(directory, 'a.conf'), 'a', { mode: 0o640 });
  writeFileSync(join(directory, 'run.sh'), 'b', { mode: 0o755 });
  return directory;
}

describe('packer-file', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['a file', { source: 'a.conf', destination: '/etc/a' }, ['upload /etc/a 640']],
    ['into a folder', { source: 'run.sh', destination: '/opt/' }, ['upload /opt/run.sh 755']],
    [
      'several, `source` last',
      { sources: ['a.conf', 'run.sh'], destination: '/opt/' },
      ['upload /opt/a.conf 640', 'upload /opt/run.sh 755'],
    ],
    ['what is in a folder', { source: 'site/', destination: '/srv' }, ['upload-tree /site/ => /srv']],
    ['a whole folder', { source: 'site', destination: '/srv' }, ['upload-tree /site => /srv/site']],
    ['a text', { content: 'hello', destination: '/tmp/x' }, ['upload /tmp/x 600']],
    [
      'a text into a folder',
      { content: 'hello', destination: '/tmp/' },
      ['upload /tmp/pkr-file-content 600'],
    ],
  ])('upload: %s', async (_what, options, calls) => {
    const outcome = await run(options);
    expect(outcome.result.ok).toBe(true);
    expect(outcome.calls).toEqual(calls);
  });

  test('docker makes a missing destination the copy of a whole folder', async () => {
    const options = { source: 'site', destination: '/srv/x', packer_builder_type: 'docker' };
    const missing = await run(options, undefined, [{ when: /test -d/, code: 1 }]);
    expect(missing.calls).toEqual(['run test -d /srv/x', 'upload-tree /site => /srv/x']);
    const there = await run(options);
    expect(there.calls.at(-1)).toBe('upload-tree /site => /srv/x/site');
  });

  test('says what goes where; texts are rendered', async () => {
    const { context, calls } = await run({ source: 'a.conf', destination: '/{{ build `ID` }}/a' });
    expect(calls).toEqual(['upload /7/a 640']);
    expect(context.logged).toEqual(['Uploading a.conf => /7/a']);
  });

  test('a generated source that is not there when the step runs', async () => {
    const options = { source: 'later', destination: '/x', generated: true };
    expect((await run(options)).result).toMatchObject({ failures: [{ reason: 'input-missing' }] });
    const parsed = packerFileKind.schema.parse(options) as PackerFileOptions;
    expect(packerFileKind.inputs?.(parsed, stepRunContext())).toEqual([]);
    expect(packerFileKind.untracked?.(parsed)).toContain('while the build runs');
  });

  test.each<[string, Record<string, unknown>, string[], string]>([
    [
      'to a name, folders made',
      { source: '/var/log/x', destination: 'out/deep/y' },
      ['download /var/log/x => /out/deep/y'],
      'out/deep/y',
    ],
    [
      'into a folder',
      { source: '/var/log/x', destination: 'out/' },
      ['download /var/log/x => /out/x'],
      'out/x',
    ],
    [
      'a folder',
      { source: '/var/log/', destination: 'out/' },
      ['download-tree /var/log/ => /out/log'],
      'out/log/file',
    ],
    [
      'a folder out of a container',
      { source: '/var/log/', destination: 'out/', packer_builder_type: 'docker' },
      ['download-tree /var/log/ => /out/'],
      'out/file',
    ],
  ])('download: %s', async (_what, options, calls, file) => {
    const outcome = await run({ ...options, direction: 'download' });
    expect(outcome.result.ok).toBe(true);
    expect(outcome.calls).toEqual(calls);
    expect(readFileSync(join(outcome.directory, file), 'utf8')).toContain('content of');
  });

  test('download of a pattern: the machine says what matches', async () => {
    const options = { source: "/var/l'og/*.txt", destination: 'out/', direction: 'download' };
    const answers = [{ when: /^for f in/, stdout: "f/var/l'og/a.txt\nd/var/l'og/b.txt\n" }];
    const { calls } = await run(options, undefined, answers);
    expect(calls[0]).toContain("for f in '/var/l'\\''og/'*.txt; do");
    expect(calls.slice(1)).toEqual([
      "download /var/l'og/a.txt => /out/*.txt/a.txt",
      "download-tree /var/l'og/b.txt => /out/*.txt/b.txt",
    ]);
    const none = await run(options);
    expect(none.result).toMatchObject({ failures: [{ message: expect.stringContaining('matches') }] });
  });

  test('an upload is cached by its sources, a download runs every time and changes nothing', () => {
    const upload = packerFileKind.schema.parse({ sources: ['b'], source: 'a', destination: '/x/' });
    expect(packerFileKind.inputs?.(upload, stepRunContext())).toMatchObject([
      { path: '/project/b', option: 'sources[0]' },
      { path: '/project/a', option: 'source' },
    ]);
    expect(packerFileKind.untracked?.(upload)).toBeUndefined();
    const download = packerFileKind.schema.parse({ source: '/a', destination: 'x', direction: 'download' });
    expect(packerFileKind.reach?.(download)).toBe('reads');
    expect(packerFileKind.untracked?.(download)).toBeDefined();
  });
});
