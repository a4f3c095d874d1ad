import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PackerProject } from '../../../rigs/packer-command.ts';

let project: PackerProject;
beforeEach(() => (project = new PackerProject()));
afterEach(() => project[Symbol.dispose]());

/** What the console of the JSON form says to one line. */
const say = async (line: string, args: readonly string[] = []): Promise<{ code: number; stdout: string }> =>
  await project.run(['console', ...args], { stdin: `${line}\n` });

describe('{{ … }} of the JSON form', () => {
  test.each([
    ['{{slice "abcdef" 1 3}}{{slice "abc" 2}}{{slice "abc"}}', 'bccabc'],
    ['{{print 1 2 "a" "b" 3 true}}', '1 2ab3 true'],
    ['{{html 1 2 "<"}}{{urlquery "a" 1 2}}', '1 2&lt;a1+2'],
    ['{{"a-b" | replace "-" "/" 1}}', 'a/b'],
    ['{{if and true (eq 1 1)}}yes{{else}}no{{end}}', 'yes'],
  ])('%s is %s', async (line, expected) => {
    expect(await say(line)).toMatchObject({ code: 0, stdout: `${expected}\n` });
  });

  test.each([
    ['{{slice "abc" 2 9}}', 'index out of range: 2, 9'],
    ['{{nil}}', 'Nil is not a command'],
    ['{{template_dir}}', 'template path not available'],
    ['{{build_name}}', 'build_name not available'],
    ['{{env "HOME"}}', 'env vars are not allowed here'],
  ])('%s fails: %s', async (line, message) => {
    const { code, stdout } = await say(line);
    expect(stdout).toContain(message);
    expect(code).toBe(1);
  });

  test('template_dir is known where there is a template', async () => {
    project.write('t/a.json', '{"builders": [{"type": "null"}]}');
    expect((await say('{{template_dir}}', ['t/a.json'])).stdout).toBe(`${project.folder}/t\n`);
  });
});
