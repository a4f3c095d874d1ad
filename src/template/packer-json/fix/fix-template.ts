import { type Result, fail, ok } from '../../../diagnostics/failure.ts';
import type { JsonObject } from '../json-value.ts';
import * as amazon from './amazon-fixers.ts';
import * as common from './common-fixers.ts';
import { type Fixer, FixError } from './fixer.ts';
import * as hypervisor from './hypervisor-fixers.ts';
import * as step from './post-processor-fixers.ts';

/** Every fixer, in the order in which they run: some build on others before them. */
export const FIXERS: readonly Fixer[] = [
  common.isoMd5,
  common.createTime,
  hypervisor.guestAdditions,
  step.vagrantOverride,
  hypervisor.virtualboxRename,
  hypervisor.vmwareRename,
  hypervisor.parallelsHeadless,
  hypervisor.parallelsDeprecations,
  common.sshKeyPath,
  common.sshDisableAgent,
  common.scalewayAccessKey,
  step.manifestFilename,
  amazon.shutdownBehavior,
  amazon.enhancedNetworking,
  amazon.privateIp,
  amazon.temporaryCidrs,
  step.dockerEmail,
  step.dockerTags,
  common.powershellEscapes,
  hypervisor.vmwareCompaction,
  hypervisor.hypervDeprecations,
  hypervisor.hypervTypo,
  hypervisor.hypervSizes,
  common.cleanImageName,
  amazon.spotPrice,
  hypervisor.qemuDiskSize,
  common.galaxyCommand,
  hypervisor.portForwarding,
  common.sshWaitTimeout,
  hypervisor.vsphereNetworkDisk,
  common.isoChecksum,
  hypervisor.qemuHostPort,
  common.azureExcludeFromLatest,
  hypervisor.proxmoxType,
];

/** Runs all fixers over a template, which is changed in place. */
export function fixTemplate(template: JsonObject): Result<JsonObject> {
  try {
    for (const fixer of FIXERS) fixer.fix(template);
    return ok(template);
  } catch (error) {
    if (error instanceof FixError) return fail({ reason: 'template-invalid', message: error.message });
    throw error;
  }
}
