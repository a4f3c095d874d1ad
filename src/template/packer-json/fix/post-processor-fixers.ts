import type { JsonData, JsonObject } from '../json-value.ts';
import { type Fixer, buildersOf, isText, postProcessorFixer, postProcessorsOf, rename } from './fixer.ts';

const PROVIDERS = ['aws', 'digitalocean', 'virtualbox', 'vmware'];

export const vagrantOverride = postProcessorFixer(
  'pp-vagrant-override',
  'Fixes provider-specific overrides for Vagrant post-processor',
  'vagrant',
  (step) => {
    const override: JsonObject = {};
    for (const provider of PROVIDERS) {
      const value = step[provider];
      if (value === undefined) continue;
      override[provider] = value;
      delete step[provider];
    }
    if (Object.keys(override).length > 0) step['override'] = override;
  },
);

export const manifestFilename = postProcessorFixer(
  'manifest-filename',
  'Updates "manifest" post-processor so any "filename" field is renamed to "output".',
  'manifest',
  (step) => rename(step, 'filename', 'output', { fits: isText }),
);

export const dockerEmail: Fixer = {
  name: 'docker-email',
  summary: 'Removes "login_email" from the Docker builder.',
  fix: (template) => {
    const steps = postProcessorsOf(template);
    if (template['post-processors'] === undefined || template['post-processors'] === null) return;
    for (const object of [...buildersOf(template), ...steps]) delete object['login_email'];
  },
};

export const dockerTags = postProcessorFixer(
  'docker-tag-tags',
  'Updates "docker" post-processor so any "tag" field is renamed to "tags".',
  'docker-tag',
  (step) => {
    const tags = [...tagsOf(step['tag']), ...tagsOf(step['tags'])];
    delete step['tag'];
    step['tags'] = [...new Set(tags)];
  },
);

function tagsOf(value: JsonData | undefined): string[] {
  if (typeof value === 'string') return value.split(',').map((tag) => tag.trim());
  return Array.isArray(value) ? value.filter(isText) : [];
}
