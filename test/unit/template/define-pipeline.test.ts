import { expect, it } from 'vitest';
import { definePipeline } from '../../../src/index.ts';
import { isPipelineDefinition } from '../../../src/template/define-pipeline.ts';

const source = { type: 'bootstrap', suite: 'bookworm' } as const;

// What the compiler accepts and refuses is the test here; every `@ts-expect-error` fails the type check when it is not needed.
it('knows the kinds and their options', () => {
  const definitions = [
    definePipeline({
      source,
      steps: [{ type: 'hostname', hostname: 'a', name: 'host', timeout: '1m', needs: [] }],
    }),
    // @ts-expect-error a kind that does not exist
    definePipeline({ source, steps: [{ type: 'hostnam', hostname: 'a' }] }),
    // @ts-expect-error an option that does not exist
    definePipeline({ source, steps: [{ type: 'hostname', hostname: 'a', hostnam: 'b' }] }),
    // @ts-expect-error a value of the wrong type
    definePipeline({ source, steps: [{ type: 'hostname', hostname: 5 }] }),
    // @ts-expect-error an option that is missing
    definePipeline({ source, steps: [{ type: 'hostname' }] }),
    // @ts-expect-error no source
    definePipeline({ steps: [] }),
    // @ts-expect-error an architecture that does not exist
    definePipeline({ source, architecture: 'x86' }),
  ];
  expect(definitions.every(isPipelineDefinition)).toBe(true);
  expect(isPipelineDefinition({})).toBe(false);
});

it('gives variables and axes the types of their declarations', () => {
  const definition = definePipeline(
    {
      variables: {
        text: {},
        port: { type: 'number', default: 80 },
        on: { type: 'bool' },
        names: { type: 'list' },
        ports: { type: 'map', items: 'number' },
        token: { sensitive: true },
      },
      matrix: { variant: ['dev', 'prod'], release: [12, 13], exclude: [{ variant: 'dev' }] },
    },
    ({ vars, matrix, pipeline }) => {
      const text: string = vars.text;
      const port: number = vars.port;
      const on: boolean = vars.on;
      const names: readonly string[] = vars.names;
      const ports: Readonly<Record<string, number>> = vars.ports;
      const variant: 'dev' | 'prod' = matrix.variant;
      const release: 12 | 13 = matrix.release;
      // @ts-expect-error a secret is no text
      const token: string = vars.token;
      // @ts-expect-error not declared
      void vars.other;
      // @ts-expect-error no axis
      void matrix.exclude;
      const inline = [text, port, on, names, ports, variant, release, token, pipeline.id].join(' ');
      return { source, steps: [{ type: 'shell', inline }] };
    },
  );
  expect(isPipelineDefinition(definition)).toBe(true);
});

it('notes its caller without changing the stack limit', () => {
  const before = Error.stackTraceLimit;
  const { site } = definePipeline({ source });
  expect(Error.stackTraceLimit).toBe(before);
  expect(site.stack?.split('\n')).toHaveLength(2);
  expect(site.stack).toContain('define-pipeline.test.ts');
});
