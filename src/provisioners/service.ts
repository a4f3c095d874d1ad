import * as z from 'zod';
import { hostPath } from '../schema/image-fields.ts';
import { defineProvisioner } from './provisioner.ts';
import { serviceEffect, serviceEntries, serviceInputs } from './service/options.ts';

const unitName = (): z.ZodString =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9:_.\\@-]+(\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope))?$/,
      'must be the name of a unit, e.g. nginx.service',
    );

const fullUnitName = (): z.ZodString =>
  z
    .string()
    .regex(
      /^[A-Za-z0-9:_.\\@-]+\.(service|socket|mount|automount|swap|target|path|timer|slice)$/,
      'must be the full name of a unit, e.g. app.service',
    );

const unitContent = z.union([
  z.string().min(1).describe('Text of the unit file.'),
  z.strictObject({ source: hostPath().describe('Host file with its text, relative to the template.') }),
]);

const units = (): z.ZodArray<ReturnType<typeof unitName>> => z.array(unitName());

const schema = z
  .strictObject({
    units: z
      .record(fullUnitName(), unitContent)
      .default({})
      .describe('Unit files to write to /etc/systemd/system, by name.'),
    dropIns: z
      .record(unitName(), unitContent)
      .default({})
      .describe(
        'Settings that override parts of a unit: written to /etc/systemd/system/UNIT.d/50-imgpipe.conf.',
      ),
    enable: units().default([]).describe('Units to start at boot.'),
    disable: units().default([]).describe('Units not to start at boot.'),
    mask: units().default([]).describe('Units that nothing can start.'),
    unmask: units().default([]).describe('Takes a mask away.'),
  })
  .refine((options) => Object.values(options).some((value) => Object.keys(value).length > 0), {
    path: ['enable'],
    message: 'the step does nothing: name units to write, enable, disable or mask',
  });

export type ServiceOptions = z.output<typeof schema>;

export const serviceKind = defineProvisioner({
  type: 'service',
  summary: 'Writes systemd units and says which start at boot.',
  description: `Writing units and drop-ins, masking, and enabling a unit whose text is given here only writes files: such a layer
does not depend on the steps below. Enabling or disabling a unit that a package brings runs \`systemctl\` in the image.
A unit without ending is a service.`,
  schema,
  keyVersion: 1,
  effect: serviceEffect,
  inputs: serviceInputs,
  entries: serviceEntries,
  run: async (options, machine, context) => {
    const { runServiceStep } = await import('./service/run.ts');
    return await runServiceStep(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Start at boot', options: { enable: ['nginx'], disable: ['apt-daily.timer'] } },
      {
        title: 'A unit of your own',
        options: {
          units: {
            'app.service':
              '[Service]\nExecStart=/usr/local/bin/app\n\n[Install]\nWantedBy=multi-user.target\n',
          },
          enable: ['app.service'],
        },
      },
      {
        title: 'Override',
        options: {
          dropIns: { 'nginx.service': '[Service]\nRestart=always\n' },
          mask: ['getty@tty1.service'],
        },
      },
    ],
    bad: [
      { title: 'Nothing to do', options: {}, error: 'does nothing' },
      {
        title: 'Unit without ending',
        options: { units: { app: '[Service]\n' } },
        error: 'full name of a unit',
      },
    ],
  },
});
