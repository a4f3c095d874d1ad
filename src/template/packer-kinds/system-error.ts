/** An error of the operating system as Go words it. */
export function describeSystem(call: string, file: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason =
    code === 'ENOENT'
      ? 'no such file or directory'
      : code === 'EACCES'
        ? 'permission denied'
        : code === 'EISDIR'
          ? 'is a directory'
          : cause instanceof Error
            ? cause.message
            : String(cause);
  return `${call} ${file}: ${reason}`;
}
