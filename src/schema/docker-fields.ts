import * as z from 'zod';

/** The docker program, in every kind that calls it. */
export const dockerPath = (): z.ZodDefault<z.ZodString> =>
  z
    .string()
    .min(1)
    .default('docker')
    .meta({ description: 'The docker program, or one that takes the same words.', key: 'out' });

/** Accounts of a registry, in every kind that talks to one. They have no say in what comes of it. */
export const registryFields = () => ({
  login: z.boolean().default(false).meta({ description: 'Log in to a registry first.', key: 'out' }),
  login_username: z.string().optional().meta({ description: 'Account of the registry.', key: 'out' }),
  login_password: z.string().optional().meta({ description: 'Password of the registry.', key: 'out' }),
  login_server: z.string().optional().meta({ description: 'Registry to log in to.', key: 'out' }),
  ecr_login: z
    .boolean()
    .default(false)
    .meta({ description: 'Log in to Amazon ECR; not supported.', key: 'out' }),
});
