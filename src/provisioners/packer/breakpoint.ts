import * as z from 'zod';
import { ok } from '../../diagnostics/failure.ts';
import { BREAKPOINT_SCHEMA } from '../../template/packer-kinds/other-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS } from './build-fields.ts';

const schema = z.strictObject({ ...BREAKPOINT_SCHEMA.shape, ...BUILD_FIELDS });

export const packerBreakpointKind = defineProvisioner({
  type: 'packer-breakpoint',
  summary: 'Waits for the user, as the breakpoint provisioner of Packer does.',
  description: 'Without a terminal it does not wait.',
  schema,
  keyVersion: 1,
  effect: () => 'run',
  reach: () => 'reads',
  untracked: (options) => (options.disable === true ? undefined : 'it waits for the user'),
  run: async (options, _machine, context) => {
    const note = options.note === undefined || options.note === '' ? '' : ` with note "${options.note}"`;
    if (options.disable === true) {
      context.log(`Breakpoint provisioner${note} disabled; continuing...`);
      return ok();
    }
    context.log(`Pausing at breakpoint provisioner${note}.`);
    await context.ask({
      question: 'Press enter to continue.',
      choices: ['continue'],
      defaultChoice: 'continue',
    });
    return ok();
  },
  examples: {
    good: [{ title: 'A look at the machine', options: { note: 'before the clean-up' } }],
    bad: [{ title: 'An unknown option', options: { text: 'x' }, error: 'text' }],
  },
});
