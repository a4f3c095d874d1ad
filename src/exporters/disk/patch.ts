import type { PatchOperation } from './delta.ts';

/**
 * The debugfs(8) script for the operations. Sources are read relative to the working folder of debugfs, which is the
 * merged tree of the delta layers. All names are free of blanks and quotes (`chooseDelta` sees to that).
 */
export function patchScript(operations: readonly PatchOperation[]): string {
  const lines: string[] = [];
  let folder: string | undefined;
  const enter = (path: string): string => {
    const slash = path.lastIndexOf('/');
    const parent = path.slice(0, slash) || '/';
    if (parent !== folder) lines.push(`cd ${parent}`);
    folder = parent;
    return path.slice(slash + 1);
  };
  for (const operation of operations) {
    const { path } = operation;
    switch (operation.type) {
      case 'make-directory':
        lines.push(`mkdir ${enter(path)}`);
        break;
      case 'write-file':
        lines.push(`write ${path.slice(1)} ${enter(path)}`);
        break;
      case 'make-symlink':
        lines.push(`symlink ${enter(path)} ${operation.target}`);
        break;
      case 'set-attributes':
        lines.push(
          `sif ${path} mode 0${operation.mode.toString(8)}`,
          `sif ${path} uid ${operation.uid}`,
          `sif ${path} gid ${operation.gid}`,
          `sif ${path} mtime @${operation.mtime}`,
        );
        break;
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Lines of debugfs's standard error that tell of something wrong: all but its version. */
export function patchErrors(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.trim() !== '' && !/^debugfs \d/.test(line));
}
