import { VERSION } from '../context.ts';
import { defineCommand } from '../define-command.ts';

export const versionCommand = defineCommand({
  name: 'version',
  summary: 'Print the version of imgpipe and of Node',
  examples: [],
  run(context) {
    context.stdout.write(
      `imgpipe ${VERSION}, Node ${process.versions.node}, ${process.platform} ${process.arch}\n`,
    );
    return Promise.resolve(0);
  },
});
