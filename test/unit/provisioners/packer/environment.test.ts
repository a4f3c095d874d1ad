import { expect, test } from 'vitest';
import { escapePowershell, goFormat } from '../../../../src/provisioners/packer/environment.ts';
import { factOf } from '../../../../src/provisioners/packer/render.ts';

test.each([
  ["%s='%s' ", "a='b' "],
  ['%v=%q', 'a="b"'],
  ['%[2]s<-%[1]s', 'b<-a'],
  ['100%% %s %s', '100% a b'],
  ['%s', 'a%!(EXTRA string=b)'],
  ['%s %s %s', 'a b %!s(MISSING)'],
])('a variable in the form %j', (format, text) => {
  expect(goFormat(format, ['a', 'b'])).toBe(text);
});

test('quoting of PowerShell does not quote its own marks', () => {
  expect(escapePowershell('`$"\'x')).toBe('```$`"`\'x');
});

test('facts that a builder does not have say so', () => {
  expect(factOf({ ID: '7' }, 'ID')).toBe('7');
  expect(factOf({}, 'ID')).toBe('ERR_ID_NOT_IMPLEMENTED_BY_BUILDER');
  expect(factOf({}, 'PackerHTTPAddr')).toBe('ERR_HTTP_ADDR_NOT_IMPLEMENTED_BY_BUILDER');
  expect(factOf({}, 'PackerHTTPIP')).toBe('ERR_HTTP_IP_NOT_IMPLEMENTED_BY_BUILDER');
  expect(factOf({}, 'PackerHTTPPort')).toBe('ERR_HTTP_PORT_NOT_IMPLEMENTED_BY_BUILDER');
});
