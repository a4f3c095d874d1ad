import { expect, test } from 'vitest';
import { definePipeline } from '../../../src/index.ts';

test('the compiler knows the options of post-processors', () => {
  const pipeline = definePipeline({
    source: { type: 'bootstrap', suite: 'bookworm' },
    exports: [
      {
        type: 'raw',
        fileName: '{pipeline}-{digest}',
        keep: 2,
        post: [{ type: 'compress', method: 'xz', keepInput: true }, { type: 'checksum' }],
      },
      {
        type: 'qcow2',
        // @ts-expect-error -- `types` is a list of names that exist
        post: [{ type: 'checksum', types: ['crc32'] }],
      },
    ],
  });
  expect(pipeline.head).toMatchObject({
    exports: [{ post: [{ type: 'compress' }, { type: 'checksum' }] }, {}],
  });
});
