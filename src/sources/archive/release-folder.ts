/** Address of the folder in which the Release file of a suite lies, with a slash at its end, as apt writes it. */
export function releaseFolder(uri: string, suite: string): string {
  const base = uri.endsWith('/') ? uri : `${uri}/`;
  return suite.endsWith('/') ? `${base}${suite === '/' ? './' : suite}` : `${base}dists/${suite}/`;
}

/** An address without the name and password that it may hold: they have no place in files, logs and keys. */
export function withoutUser(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}
