import { dockerBuilder, fileBuilder, nullBuilder } from './builders.ts';
import type { ComponentRole, PackerComponent } from './component.ts';
import { httpDataSource, nullDataSource } from './data-sources.ts';
import {
  dockerImportPostProcessor,
  dockerPushPostProcessor,
  dockerSavePostProcessor,
  dockerTagPostProcessor,
} from './docker-post-processors.ts';
import {
  breakpointProvisioner,
  fileProvisioner,
  sbomProvisioner,
  sleepProvisioner,
} from './other-provisioners.ts';
import {
  artificePostProcessor,
  checksumPostProcessor,
  compressPostProcessor,
  manifestPostProcessor,
  shellLocalPostProcessor,
} from './post-processors.ts';
import { provenancePostProcessor } from './provenance.ts';
import { qemuBuilder } from './qemu-builder.ts';
import { shellLocalProvisioner, shellProvisioner } from './shell-provisioners.ts';
import {
  powershellProvisioner,
  windowsRestartProvisioner,
  windowsShellProvisioner,
} from './windows-provisioners.ts';

/** Every kind of Packer's that a template may name here. A new one is one file and one row. */
const PACKER_COMPONENTS: readonly PackerComponent[] = [
  dockerBuilder,
  fileBuilder,
  nullBuilder,
  qemuBuilder,
  breakpointProvisioner,
  fileProvisioner,
  sbomProvisioner,
  powershellProvisioner,
  shellProvisioner,
  shellLocalProvisioner,
  sleepProvisioner,
  windowsRestartProvisioner,
  windowsShellProvisioner,
  artificePostProcessor,
  checksumPostProcessor,
  compressPostProcessor,
  dockerImportPostProcessor,
  dockerPushPostProcessor,
  dockerSavePostProcessor,
  dockerTagPostProcessor,
  manifestPostProcessor,
  provenancePostProcessor,
  shellLocalPostProcessor,
  httpDataSource,
  nullDataSource,
];

export function findComponent(role: ComponentRole, type: string): PackerComponent | undefined {
  return PACKER_COMPONENTS.find((component) => component.role === role && component.type === type);
}

export const componentTypes = (role: ComponentRole): string[] =>
  PACKER_COMPONENTS.filter((component) => component.role === role).map(({ type }) => type);
