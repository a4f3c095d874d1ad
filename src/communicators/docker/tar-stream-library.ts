/** tar-stream behind an import of its own, so that it loads when it is needed; a CommonJS package must be imported by name statically to survive bundling. */
export { extract, pack } from 'tar-stream';
