import * as z from 'zod';
import { type PackerComponent, isSet } from './component.ts';
import { flag, text, textList } from './fields.ts';

const DOCKER_PATH = { docker_path: text('The docker program.') };

export const dockerImportPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'docker-import',
  summary: 'Makes the exported container an image of the Docker daemon',
  schema: z.object({
    repository: text('Name of the image.'),
    tag: text('Tag of the image.'),
    changes: textList('Dockerfile instructions for the image.'),
    platform: text('Platform of the image.'),
    ...DOCKER_PATH,
  }),
  check: () => ({ errors: [] }),
};

export const dockerTagPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'docker-tag',
  summary: 'Gives the image names',
  schema: z.object({
    repository: text('Name for the image.'),
    tag: textList('Tags; older than tags.'),
    tags: textList('Tags.'),
    force: flag('Move a tag that another image has; Docker does so in any case.'),
    ...DOCKER_PATH,
  }),
  check: () => ({ errors: [] }),
};

export const dockerPushPostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'docker-push',
  summary: 'Pushes the image to its registry',
  schema: z.object({
    login: flag('Log in first.'),
    login_username: text('Account of the registry.'),
    login_password: text('Password of the registry.'),
    login_server: text('Registry to log in to.'),
    ecr_login: flag('Log in to Amazon ECR.'),
    platform: text('Platform of an image that has several.'),
    aws_access_key: text('Key for Amazon ECR.'),
    aws_secret_key: text('Secret key for Amazon ECR.'),
    aws_token: text('Session token for Amazon ECR.'),
    aws_profile: text('Profile of the credentials file for Amazon ECR.'),
    aws_force_use_public_ecr: flag('Treat the registry as a public one of Amazon.'),
    ...DOCKER_PATH,
  }),
  check: (options) => ({
    errors:
      isSet(options, 'ecr_login') && !isSet(options, 'login_server')
        ? ['ECR login requires login server to be provided.']
        : [],
  }),
};

export const dockerSavePostProcessor: PackerComponent = {
  role: 'post-processor',
  type: 'docker-save',
  summary: 'Writes the image to an archive',
  schema: z.object({ path: text('The archive.'), ...DOCKER_PATH }),
  check: () => ({ errors: [] }),
};
