import { expect, test } from 'vitest';
import { fillLateValues, lateSecrets, lateValue } from '../../../src/model/late-value.ts';

const options = {
  inline: [
    `echo ${lateValue('build', 'ID')} ${lateValue('secret', 'a.b/c:env.TOKEN')}`,
    'plain <<imgpipe:other:x>>',
  ],
  env: {
    TOKEN: lateValue('secret', 'a.b/c:env.TOKEN'),
    AT: `${lateValue('build', 'Host')}:${lateValue('build', 'ID')}`,
  },
  count: 3,
  none: null,
};

test('secrets are found at every depth, each once', () => {
  expect(lateSecrets(options)).toEqual(['a.b/c:env.TOKEN']);
  expect(lateSecrets({ a: 1 })).toEqual([]);
});

test('stand-ins are filled in, each asked for once; other text stays as it is', async () => {
  const asked: string[] = [];
  const filled = await fillLateValues(options, (sort, name) => {
    asked.push(`${sort} ${name}`);
    return sort === 'secret' ? '$& geheim <<imgpipe:build:ID>>' : name.toLowerCase();
  });
  expect(filled).toEqual({
    inline: ['echo id $& geheim <<imgpipe:build:ID>>', 'plain <<imgpipe:other:x>>'],
    env: { TOKEN: '$& geheim <<imgpipe:build:ID>>', AT: 'host:id' },
    count: 3,
    none: null,
  });
  expect(asked.toSorted()).toEqual(['build Host', 'build ID', 'secret a.b/c:env.TOKEN']);
});
