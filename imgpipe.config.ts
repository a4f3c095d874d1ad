import { defineConfig } from 'imgpipe';

/** Config of this repository's own sample project. */
export default defineConfig({
  pipelines: 'pipelines',
  output: 'output',
  cache: { directory: 'cache', maxSize: '20GB', minFree: '2GB' },
});
