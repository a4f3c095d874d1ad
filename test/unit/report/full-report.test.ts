import { describe, expect, test } from 'vitest';
import {
  formatFullReport,
  needsAttention,
  type FullReport,
  type FullVerdict,
} from '../../../src/report/full-report.ts';

const reportOf = (verdicts: Record<string, FullVerdict>, more: Partial<FullReport> = {}): FullReport => ({
  startedAt: '2026-01-02T03:04:05Z',
  outcome: 'succeeded',
  archives: [],
  quarantined: [],
  rows: Object.entries(verdicts).map(([name, verdict]) => ({
    id: `p/${name}`,
    pipeline: 'p',
    name,
    verdict,
    comparedWith: '2026-01-01T02:00:00Z',
  })),
  ...more,
});
const same: FullVerdict = { type: 'same' };

describe('the report of a full build', () => {
  test('says what moved, what differs and where, and what is not used any more', () => {
    const text = formatFullReport(
      reportOf(
        {
          base: same,
          packages: {
            type: 'archive-moved',
            archives: ['debian bookworm main (amd64)'],
            packages: [
              { name: 'curl', before: '1', after: '2' },
              { name: 'gone', before: '1' },
            ],
          },
          odd: {
            type: 'not-deterministic',
            packages: [],
            files: [
              {
                path: '/odd',
                change: 'changed',
                aspects: ['content'],
                content: { offset: 3, bytes: 1, line: 1, before: 'a', after: 'b' },
              },
            ],
          },
        },
        {
          archives: ['debian bookworm main (amd64): bookworm 2026-01-01 → 2026-01-02'],
          quarantined: [{ key: 'c'.repeat(64), node: 'p/odd' }],
        },
      ),
    );
    expect(text).toBe(`Everything was built again from nothing, 2026-01-02T03:04:05Z: succeeded.
Package archives that moved:
  debian bookworm main (amd64): bookworm 2026-01-01 → 2026-01-02

p/odd: not deterministic (compared with the build of 2026-01-01 02:00)
    /odd: content
      1 byte, first at line 1, byte 3
      - a
      + b
p/packages: archive moved (debian bookworm main (amd64)) (compared with the build of 2026-01-01 02:00)
    curl 1 → 2
    gone 1 → removed
1 of 3 came out the same.

Not used from the cache any more, until the step changes:
  p/odd (key cccccccccccc)
`);
  });

  test('a long list is cut, and says by how much', () => {
    const packages = Array.from({ length: 50 }, (_, at) => ({ name: `p${at}`, before: '1', after: '2' }));
    const text = formatFullReport(reportOf({ a: { type: 'archive-moved', archives: ['x'], packages } }));
    expect(text).toContain('… and 30 more lines');
  });

  test.each<[FullVerdict, boolean]>([
    [same, false],
    [{ type: 'new' }, false],
    [{ type: 'archive-moved', archives: ['x'], packages: [] }, false],
    [{ type: 'changed', changes: [] }, false],
    [{ type: 'grown', agrees: true, files: [] }, false],
    [{ type: 'grown', agrees: false, files: [] }, true],
    [{ type: 'not-deterministic', packages: [], files: [] }, true],
    [{ type: 'bytes-differ' }, true],
    [{ type: 'failed' }, true],
  ])('%j needs attention: %s', (verdict, expected) => {
    expect(needsAttention(reportOf({ a: same, b: verdict }))).toBe(expected);
    expect(formatFullReport(reportOf({ b: verdict }))).toContain(
      verdict.type === 'same' ? '1 of 1' : 'p/b: ',
    );
  });
});
