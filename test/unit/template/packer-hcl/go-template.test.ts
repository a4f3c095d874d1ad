import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeWorld } from '../../../../src/template/packer-hcl/functions/node-world.ts';
import { engineFunctions } from '../../../../src/template/packer-hcl/go-template/packer-functions.ts';
import { renderGoTemplate } from '../../../../src/template/packer-hcl/go-template/render-go.ts';
import { SourceText } from '../../../../src/template/packer-hcl/syntax/source-text.ts';
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
    ['{{split   "a"  "b c" 7}}', 'root:1:2: executing "root" at <split "a" "b c" 7>: error calling split: '],
    ['é {{lower}}', 'root:1:5: executing "root" at <lower>: wrong number of args for lower: want 1 got 0'],
    ['{{range split "a" "b" 0}}{{end}}', "at <0>: range can't iterate over a"],
    [
      '{{build `Host`}}',
      'error calling build: Error validating build variable: the given variable Host will not',
    ],
    ['{{$y}}', 'template: root:1: undefined variable "$y"'],
    ['{{if}}', 'template: root:1: missing value for if'],
    ['{{"}}', 'template: root:1: unterminated quoted string'],
    ['{{nil}}', 'nil is not a command'],
    ['{{template_dir}}', 'template path not available'],
    ['{{build_name}}', 'build_name not available'],
    ['{{env "HOME"}}', 'env vars are not allowed here'],
  ])('%s fails: %s', async (line, message) => {
    const { code, stdout } = await say(line);
    // Packer shows them, and its exit code stays 0.
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(message);
    expect(code).toBe(0);
  });

  test.each([
    ['{{define "x"}}a{{.}}{{end}}{{template "x" 3}}{{template "x" "y"}}', 'a3ay'],
    ['{{block "y" 7}}b{{.}}{{$}}{{end}}', 'b77'],
    ['{{define "x"}}[{{if .}}{{.}}{{end}}]{{end}}{{template "x"}}{{template `x` 1}}', '[][1]'],
    ['{{define "x"}}one{{end}}{{define "x"}}two{{end}}{{template "x"}}', 'two'],
    ['{{define "x"}}one{{end}}{{define "x"}} {{end}}{{template "x"}}', 'one'],
    ['{{$a := 1}}{{define "x"}}{{$a := 2}}{{$a}}{{end}}{{template "x"}}{{$a}}', '21'],
  ])('named templates: %s is %s', async (line, expected) => {
    expect(await say(line)).toMatchObject({ code: 0, stdout: `${expected}\n` });
  });

  test.each([
    ['{{template "x"}}', 'root:1:11: executing "root" at <{{template "x"}}>: template "x" not defined'],
    ['{{define "x"}}a', 'template: root:1: unexpected EOF'],
    ['{{if 1}}{{define "x"}}a{{end}}{{end}}', 'template: root:1: unexpected {{define}}'],
    ['{{define}}a{{end}}', 'template: root:1: unexpected "}}" in define clause'],
    ['{{block "y"}}a{{end}}', 'template: root:1: missing value for block clause'],
    ['{{break}}', '{{break}} outside {{range}}'],
    ['{{if 1}}{{continue}}{{end}}', '{{continue}} outside {{range}}'],
    ['{{define "x"}}{{template "x"}}{{end}}{{template "x"}}', 'xceeded maximum template depth'],
    [
      `${Array.from({ length: 60 }, (_, at) => `{{define "a${at}"}}{{template "a${at + 1}"}}{{template "a${at + 1}"}}{{end}}`).join('')}{{define "a60"}}{{end}}{{template "a0"}}`,
      'xceeded maximum template depth',
    ],
  ])('a mistake with named templates or loops: %#', async (line, message) => {
    const { code, stdout } = await say(line);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(message);
    expect(code).toBe(0);
  });

  test('break and continue leave a range', () => {
    const text = (action: string): string =>
      `{{range $i, $x := .}}{{if eq $x "b"}}${action}{{end}}{{$x}}{{else}}none{{end}}`;
    const render = (source: string): unknown =>
      renderGoTemplate(new SourceText('t', source), {
        data: ['a', 'b', 'c'],
        functions: engineFunctions({ world: nodeWorld({ baseDirectory: '.' }), packerVersion: '1' }),
      });
    expect(render(text('{{break}}'))).toEqual({ ok: true, value: 'a' });
    expect(render(text('{{- continue -}}'))).toEqual({ ok: true, value: 'ac' });
    expect(render(`{{range .}}${text('{{break}}').replace(':= .', ':= $')}|{{end}}`)).toEqual({
      ok: true,
      value: 'a|a|a|',
    });
  });

  test('template_dir is known where there is a template', async () => {
    project.write('t/a.json', '{"builders": [{"type": "null"}]}');
    expect((await say('{{template_dir}}', ['t/a.json'])).stdout).toBe(`${project.folder}/t\n`);
  });
});
