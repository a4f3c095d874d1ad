import * as z from 'zod';
import { COMMUNICATOR_OPTIONS, checkCommunicator } from './communicator.ts';
import { type PackerComponent, isSet, textOption } from './component.ts';
import { block, flag, text, textList, textMap } from './fields.ts';

export const nullBuilder: PackerComponent = {
  role: 'builder',
  type: 'null',
  summary: 'Connects to a machine that is already there and provisions it',
  schema: z.object(COMMUNICATOR_OPTIONS),
  check: (options, world) => {
    const errors = checkCommunicator(options, world);
    const type = textOption(options, 'communicator') || 'ssh';
    if (type === 'none') return { errors };
    const prefix = type === 'winrm' ? 'winrm_' : 'ssh_';
    const has = (name: string): boolean => isSet(options, `${prefix}${name}`);
    const documented = 'please reference your communicator documentation';
    if (!has('host')) errors.push(`a Host must be specified, ${documented}`);
    if (!has('username')) errors.push(`a Username must be specified, ${documented}`);
    const [agent, password, key] = [
      isSet(options, 'ssh_agent_auth'),
      has('password'),
      isSet(options, 'ssh_private_key_file'),
    ];
    if (!agent && !password && !key) {
      errors.push(`one authentication method must be specified, ${documented}`);
    }
    if ((agent && (password || key)) || (password && key)) {
      errors.push('only one of ssh_agent_auth, ssh_password, and ssh_private_key_file must be specified');
    }
    return { errors };
  },
};

export const fileBuilder: PackerComponent = {
  role: 'builder',
  type: 'file',
  summary: 'Writes one file',
  schema: z.object({
    source: text('File to copy.'),
    target: text('Path of the file to write.'),
    content: text('What to write.'),
  }),
  check: (options) => {
    const errors: string[] = [];
    const [source, content] = [isSet(options, 'source'), isSet(options, 'content')];
    if (!isSet(options, 'target')) errors.push('target required');
    if (source && content) errors.push('Cannot specify source file AND content');
    const blank = !source && !content;
    return {
      errors,
      warnings: blank ? ['Both source file and contents are blank; target will have no content'] : [],
    };
  },
};

export const DOCKER_OPTIONS = {
  ...COMMUNICATOR_OPTIONS,
  author: text('Author of the committed image.'),
  build: block('A Dockerfile to build and start from, in the place of image.', {
    path: text('Path of the Dockerfile.'),
    build_dir: text('Folder whose files the Dockerfile may copy.'),
    arguments: textMap('Values of the arguments of the Dockerfile.'),
    platform: text('Platform to build for.'),
    pull: flag('Pull the base image even when it is there.'),
    compress: flag('Compress what is sent to the daemon.'),
  }),
  cap_add: textList('Capabilities that the container gets.'),
  cap_drop: textList('Capabilities that the container loses.'),
  changes: textList('Dockerfile instructions for the committed image.'),
  commit: flag('Commit the container to an image.'),
  container_dir: text('Folder of the container through which files go.'),
  device: textList('Devices that the container gets.'),
  discard: flag('Throw the container away at the end.'),
  docker_path: text('The docker program.'),
  exec_user: text('User that runs commands in the container.'),
  export_path: text('Tar archive to export the container to.'),
  fix_upload_owner: flag('Give uploaded files to the user of the container.'),
  image: text('Image to start from.'),
  login: flag('Log in to a registry first.'),
  login_username: text('Account of the registry.'),
  login_password: text('Password of the registry.'),
  login_server: text('Registry to log in to.'),
  ecr_login: flag('Log in to Amazon ECR.'),
  aws_access_key: text('Key for Amazon ECR.'),
  aws_secret_key: text('Secret key for Amazon ECR.'),
  aws_token: text('Session token for Amazon ECR.'),
  aws_profile: text('Profile of the credentials file for Amazon ECR.'),
  aws_force_use_public_ecr: flag('Treat the registry as a public one of Amazon.'),
  message: text('Message of the commit.'),
  platform: text('Platform to pull and run.'),
  privileged: flag('Run the container with all rights.'),
  pull: flag('Pull the image first.'),
  run_command: textList('Arguments of docker run.', 'raw'),
  runtime: text('Runtime of the container.'),
  tmpfs: textList('Folders of the container that are in memory.'),
  volumes: textMap('Folders of the host in the container.'),
  windows_container: flag('The container is a Windows one.'),
};

export const dockerBuilder: PackerComponent = {
  role: 'builder',
  type: 'docker',
  summary: 'Provisions a container and commits or exports it',
  schema: z.object(DOCKER_OPTIONS),
  buildValues: ['ImageSha256', 'SourceImageDigest'],
  check: (options, world) => {
    const errors = checkCommunicator({ communicator: 'docker', ...options }, world);
    if (!isSet(options, 'image') && !isSet(options, 'build')) errors.push('Image must be specified');
    const uses = ['commit', 'discard', 'export_path'].filter((name) => isSet(options, name));
    if (uses.length === 0) {
      errors.push(
        'No instructions given for handling the artifact; expected commit, discard, or export_path',
      );
    }
    if (uses.length > 1) errors.push('Cannot specify more than one of commit, discard, and export_path');
    const target = textOption(options, 'export_path');
    if (target !== '' && world.files.kind(target) === 'directory') {
      errors.push('export_path must be a file, not a directory');
    }
    if (isSet(options, 'ecr_login') && !isSet(options, 'login_server')) {
      errors.push('ECR login requires login server to be provided.');
    }
    return { errors };
  },
};
