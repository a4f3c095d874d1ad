import type { Failure } from '../../diagnostics/failure.ts';
import { compareVersions } from '../packer-hcl/load/check-version.ts';
import type { JsonPostProcessor, JsonProvisioner, JsonTemplate } from './template.ts';

/**
 * What must hold for the template as a whole: a builder, names of builders that exist and, where one is given to
 * compare with, a version that will do.
 */
export function checkJsonTemplate(template: JsonTemplate, packerVersion?: string): Failure[] {
  const failures: Failure[] = [];
  if (template.builders.size === 0) {
    failures.push({ reason: 'template-invalid', message: 'at least one builder must be defined' });
  }
  for (const [index, step] of template.provisioners.entries()) {
    const label = `provisioner ${index + 1}`;
    failures.push(...checkNames(label, step, template));
    for (const name of Object.keys(step.override)) {
      if (template.builders.has(name)) continue;
      failures.push(problem(`${label}: override '${name}' doesn't exist`, step, template));
    }
  }
  for (const [index, chain] of template.postProcessors.entries()) {
    for (const [at, step] of chain.entries()) {
      failures.push(...checkNames(`post-processor ${index + 1}.${at + 1}`, step, template));
    }
  }
  if (failures.length > 0 || packerVersion === undefined) return failures;
  return checkMinimum(template, packerVersion);
}

function checkNames(
  label: string,
  step: JsonProvisioner | JsonPostProcessor,
  template: JsonTemplate,
): Failure[] {
  if (step.only.length > 0 && step.except.length > 0) {
    return [problem(`${label}: only one of 'only' or 'except' may be specified`, step, template)];
  }
  return (['only', 'except'] as const).flatMap((key) =>
    step[key]
      .filter((name) => !template.builders.has(name))
      .map((name) => problem(`${label}: '${key}' specified builder '${name}' not found`, step, template)),
  );
}

function problem(
  message: string,
  step: JsonProvisioner | JsonPostProcessor,
  template: JsonTemplate,
): Failure {
  const { written } = step;
  const span = written !== null && typeof written === 'object' ? template.places.of(written) : undefined;
  return { reason: 'template-invalid', message, ...(span && { origin: span.range }) };
}

function checkMinimum(template: JsonTemplate, packerVersion: string): Failure[] {
  const { minVersion } = template;
  if (minVersion === '') return [];
  const origin = template.places.ofKey(template.data, 'min_packer_version')?.range;
  const place = origin === undefined ? {} : { origin };
  if (!/^v?\d+(\.\d+)*([-+][\w.+-]+)?$/.test(minVersion)) {
    return [
      {
        reason: 'template-invalid',
        message: `min_version is invalid: Malformed version: ${minVersion}`,
        ...place,
      },
    ];
  }
  if (compareVersions(packerVersion, minVersion.replace(/^v/, '')) >= 0) return [];
  return [
    {
      reason: 'template-invalid',
      message: `This template requires Packer version ${minVersion} or higher; using ${packerVersion}`,
      ...place,
    },
  ];
}
