import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import { isErrno } from '../../util/atomic-file.ts';
import type { RootfsOptions } from '../rootfs.ts';
import type { SourceRunContext } from '../source.ts';
import { decompressed, detectCompression } from './compression.ts';
import { scanTar } from './scan.ts';
import { TreeState } from './tree-state.ts';
import { unpackTar } from './unpack.ts';

/** Unpacks the tar into the empty target. Fails with `source-failed`, `input-missing` or `tool-missing`. */
export function produceRootfs(options: RootfsOptions, context: SourceRunContext): Promise<Result<void>> {
  return capture(async () => {
    const file = context.resolvePath(options.path);
    const compression = await detectCompression(file).catch((cause: unknown) => {
      if (!isErrno(cause, 'ENOENT', 'EACCES', 'EISDIR')) throw cause;
      throw new FailureError({ reason: 'input-missing', message: `path: ${file} cannot be read`, cause });
    });
    const { stripComponents } = options;
    const name = options.path;
    const state = new TreeState();
    const scan = await scanTar(decompressed(file, compression), { name, state, stripComponents });
    if (state.isEmpty()) {
      const message = `${name}: taking off ${stripComponents} leading folders leaves nothing`;
      throw new FailureError({ reason: 'source-failed', message, hint: 'Lower `stripComponents`.' });
    }
    context.log(`${name}: ${scan.entries} entries, ${scan.excluded.length} device nodes left out`);
    await unpackTar(
      { file, compression, scan, stripComponents, name, target: context.target.mountPoint },
      context,
    );
  });
}
