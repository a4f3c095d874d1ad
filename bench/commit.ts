import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWorkspace } from '../src/layers/overlayfs/overlay-workspace.ts';
import { report, type Timing } from './measure.ts';

const RUNS = 5;
/** 400 MB in 4,000 files, as a large package set has them. */
const FILL =
  'i=0; while [ $i -lt 4000 ]; do mkdir -p d$((i / 100)); head -c 100000 /dev/urandom > d$((i / 100))/f$i; i=$((i + 1)); done; sync';

/** What it takes to make a layer of 400 MB that was just written, beside copying the same tree. */
export async function run(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'imgpipe-bench-'));
  try {
    const seconds = { commit: [] as number[], copy: [] as number[] };
    await using workspace = await openWorkspace({ storeDirectory: join(root, 'store') });
    for (let at = 0; at < RUNS; at += 1) {
      const active = await workspace.activate([]);
      execFileSync('sh', ['-ec', FILL], { cwd: active.mountPoint });
      const copy = join(root, 'copy');
      const before = performance.now();
      execFileSync('cp', ['-a', active.mountPoint, copy]);
      const between = performance.now();
      await workspace.commit(active, { sourceDateEpoch: 1_735_689_600, drop: [] });
      seconds.commit.push((performance.now() - between) / 1000);
      seconds.copy.push((between - before) / 1000);
      rmSync(copy, { recursive: true });
    }
    const timings: Timing[] = [
      { name: 'commit of a layer of 400 MB', seconds: seconds.commit },
      { name: 'cp -a of the same tree', seconds: seconds.copy },
    ];
    return report('Commit (scan, hash, make canonical, publish)', timings);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
