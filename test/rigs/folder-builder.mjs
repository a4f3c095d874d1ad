// A plugin with a builder whose machines are folders of the host, for tests of what goes on around machines. Every start,
// resume, snapshot and end is a line in `calls` of the project's folder.
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { defineMachineBuilder, defineProvisioner, defineSource } from 'imgpipe';
import * as z from 'zod';

const examples = { good: [], bad: [] };

function machineIn(folder, context, options, calls, parent) {
  let below = parent;
  return {
    architecture: context.pipeline.architecture,
    communicator: undefined,
    facts: { ID: folder },
    osRelease: () => Promise.resolve({}),
    exec: () => Promise.reject(new Error('no programs here')),
    writeFile: (path, content) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
      return Promise.resolve();
    },
    readFile: (path) =>
      Promise.resolve(existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : undefined),
    async snapshot() {
      if (!options.keeps) return undefined;
      const staged = await context.snapshots.stage();
      writeFileSync(join(staged, 'log'), readFileSync(join(folder, 'log')));
      const snapshot = await context.snapshots.commit(staged, below === undefined ? {} : { parent: below });
      below = snapshot.digest;
      calls('snapshot');
      return snapshot;
    },
    writeDisk(target) {
      calls('disk');
      const log = readFileSync(join(folder, 'log'));
      writeFileSync(target, Buffer.concat([log, Buffer.alloc(1024 * 1024 - log.length)]));
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      if (existsSync(folder)) calls('end');
      rmSync(folder, { recursive: true, force: true });
      return Promise.resolve();
    },
  };
}

const folder = defineMachineBuilder({
  type: 'folder',
  summary: 'Folders for machines.',
  schema: z.strictObject({ keeps: z.boolean().default(true).describe('Whether its state can be kept.') }),
  keyVersion: 1,
  examples,
  disk: true,
  influence: ({ keeps }) => ({
    platform: { folder: 1 },
    ...(keeps ? {} : { untracked: 'folders are not kept' }),
  }),
  open: (options, context) => {
    const calls = (what) => appendFileSync(context.resolvePath('../calls'), `${what}\n`);
    return Promise.resolve({
      start: async (source) => {
        calls('start');
        const own = mkdtempSync(join(context.scratch, 'm-'));
        const base = context.baseDisk === undefined ? '' : `${(await context.baseDisk()).slice(-4)}\n`;
        writeFileSync(join(own, 'log'), `${base}${String(source.options.text ?? '')}\n`);
        return machineIn(own, context, options, calls, undefined);
      },
      resume: (snapshot) => {
        calls('resume');
        const own = mkdtempSync(join(context.scratch, 'm-'));
        cpSync(join(context.snapshots.folder(snapshot), 'log'), join(own, 'log'));
        return Promise.resolve(machineIn(own, context, options, calls, snapshot));
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
});

const text = defineSource({
  type: 'text',
  summary: 'A line.',
  schema: z.strictObject({ text: z.string().default('base').describe('The line.') }),
  keyVersion: 1,
  examples,
  builders: ['folder'],
});

const add = defineProvisioner({
  type: 'add',
  summary: 'Adds a line, or fails.',
  schema: z.strictObject({
    line: z.string().describe('The line.'),
    failUnless: z.string().optional().describe('Fails when there is no such file of the host.'),
  }),
  keyVersion: 1,
  examples,
  effect: () => 'run',
  run: async ({ line, failUnless }, machine, context) => {
    await machine.writeFile('log', `${(await machine.readFile('log')) ?? ''}${line}\n`);
    if (failUnless === undefined || existsSync(context.resolvePath(failUnless))) return { ok: true };
    return { ok: false, failures: [{ reason: 'step-failed', message: `there is no ${failUnless}` }] };
  },
});

export default { builders: [folder], sources: [text], steps: [add] };
