#!/usr/bin/env node
// Takes Packer's command line: link it as `packer`, and scripts that call Packer run imgpipe.
process.argv.splice(2, 0, 'packer');
await import('./imgpipe.mjs');
