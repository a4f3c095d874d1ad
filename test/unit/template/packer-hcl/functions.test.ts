import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runConsole } from '../../../../src/template/packer-hcl/console.ts';
import { SPECIAL_FORMS } from '../../../../src/template/packer-hcl/evaluate/special-forms.ts';
import { FUNCTIONS } from '../../../../src/template/packer-hcl/functions/function-table.ts';

const NAMES = `abs abspath alltrue anytrue aws_secretsmanager aws_secretsmanager_raw basename base64decode base64encode
base64gzip bcrypt can ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact
concat consul_key contains convert csvdecode dirname distinct element endswith file filebase64 fileexists fileset
flatten floor format formatdate formatlist indent index join jsondecode jsonencode keys legacy_isotime legacy_strftime
length log lookup lower max md5 merge min parseint pathexpand pow range reverse replace regex regexall regex_replace
rfc3339_parse rsadecrypt setintersection setproduct setunion sha1 sha256 sha512 signum slice sort split startswith
strcontains strrev substr sum templatefile textdecodebase64 textencodebase64 timestamp timeadd title trim trimprefix
trimspace trimsuffix try unix_timestamp_parse upper urlencode uuidv4 uuidv5 values vault yamldecode yamlencode zipmap`;

interface Observed {
  readonly expression: string;
  readonly stdout: string;
}

const here = import.meta.dirname;
const observed = JSON.parse(
  readFileSync(path.join(here, 'console-output.json'), 'utf8'),
) as readonly Observed[];
const world = {
  workingDirectory: here,
  homeDirectory: '/home/me',
  now: new Date('2026-03-04T15:06:07.5Z'),
  environment: {},
};
const run = (line: string): ReturnType<typeof runConsole> =>
  runConsole([line], { packerVersion: '1.16.0', configType: 'hcl2', world });
const failure = (line: string): string =>
  run(line)
    .failures.map(({ message }) => message)
    .join();

test('every function of Packer is there, and no other', () => {
  expect([...FUNCTIONS.keys(), ...SPECIAL_FORMS.keys()].toSorted()).toEqual(NAMES.split(/\s+/).toSorted());
});

describe('what Packer 1.6.6 was seen to print', () => {
  test.each(observed.map(({ expression, stdout }) => [expression, stdout]))('%s', (expression, stdout) => {
    expect(run(expression)).toMatchObject({ exitCode: 0, stdout });
  });
});

test.each([
  ['timestamp()', '2026-03-04T15:06:07Z'],
  ['legacy_isotime()', '2026-03-04T15:06:07Z'],
  ['legacy_isotime("Mon Jan _2 3:04PM 2006 -0700")', 'Wed Mar  4 3:06PM 2026 +0000'],
  ['legacy_strftime("%Y-%m-%d %H:%M:%S %j %a")', '2026-03-04 15:06:07 063 Wed'],
  ['regex("(?P<a>x+)(?P<b>y)?", "axx").a', 'xx'],
  ['regex("(\\\\d+)-(\\\\d+)", "10-20")[1]', '20'],
  ['try(var.nope, "b")', 'b'],
  ['can(1 / "x")', 'false'],
  ['can(upper("x"))', 'true'],
  ['textdecodebase64("SABlAGwAbABvAA==", "UTF-16LE")', 'Hello'],
  ['fileexists("testdata/nope")', 'false'],
  ['file("testdata/hello.tmpl")', 'Hello, ${name}!'],
  ['length(fileset("testdata", "*.tmpl"))', '5'],
  ['pathexpand("~/x")', '/home/me/x'],
  ['length(bcrypt("a", 4))', '60'],
  ['null[*]', '[]'],
  // Seen on Packer 1.6.6.
  ['[[1, 2], [3]].*.0', '[\n  1,\n  3,\n]'],
  ['7 % 0', '7'],
  ['yamldecode("1.50: a\\ntrue: b")', '{\n  "1.5" = "a"\n  "true" = "b"\n}'],
  ['path.root', ''],
  ['false && nope', 'false'],
  ['rfc3339_parse("2023-07-25 23:43:16Z").unix', '1690328596'],
  ['templatefile("testdata/hello.tmpl", { name = "you" })', 'Hello, you!'],
])('%s', (line, expected) => expect(run(line)).toMatchObject({ exitCode: 0, stdout: `${expected}\n` }));

test.each([
  ['uper("a")', 'there is no function named "uper"'],
  ['upper()', 'Missing value for "str"'],
  ['[[1]].*.*', 'Nested splat expression not allowed'],
  ['yamldecode("~: a")', 'mapping key cannot be null'],
  ['yamldecode("[a]: b")', 'only strings are allowed as mapping keys'],
  ['build.name', 'does not have an attribute named "name"'],
  ['upper("a", "b")', 'expects 1 argument(s)'],
  ['upper(null)', 'argument must not be null'],
  ['"a" + 1', 'a number is required'],
  ['[1][3]', 'its indexes go from 0 to 0'],
  ['{abc = 1}.abd', 'does not have an attribute named "abd"'],
  ['"a${null}"', 'the expression result is null'],
  ['"${[1]}x"', 'a string is required'],
  ['{for x in [1, 1] : x => x}', 'produced the key "1"'],
  ['vault("a", "b")', 'no server can be asked here'],
  ['templatefile("testdata/recursive.tmpl", {})', 'cannot recursively call templatefile'],
  ['regex("(", "a")', 'invalid regexp pattern'],
  ['templatefile("testdata/hello.tmpl", {})', 'vars map does not contain key "name", referenced at'],
  ['templatefile("testdata/icon.png", {})', 'use the filebase64 function'],
  ['templatefile("testdata/hello.tmpl", {"a-b!" = 1})', 'invalid template variable name "a-b!"'],
  ['sum(12)', 'cannot sum noniterable'],
  ['sum([1, "a"])', 'argument must be list, set, or tuple of number values'],
  ['sum(convert({ a = 1 }, map(number)))', 'Received map of number'],
  ['timeadd("2023-07-25 23:43:16Z", "1h")', 'is not a valid RFC 3339 timestamp'],
  ['env("HOME")', 'there is no function named "env"'],
])('%s fails: %s', (line, message) => expect(failure(line)).toContain(message));
