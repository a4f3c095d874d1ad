import { bootCheck } from './checks/boot.ts';
import { qcow2Exporter } from './exporters/qcow2.ts';
import { rawExporter } from './exporters/raw.ts';
import type { Kinds } from './plan/kinds.ts';
import { fileKind } from './provisioners/file.ts';
import { fstabKind } from './provisioners/fstab.ts';
import { groupKind } from './provisioners/group.ts';
import { hostnameKind } from './provisioners/hostname.ts';
import { kernelArgsKind } from './provisioners/kernel-args.ts';
import { localeKind } from './provisioners/locale.ts';
import { packageKind } from './provisioners/package.ts';
import { serviceKind } from './provisioners/service.ts';
import { shellKind } from './provisioners/shell.ts';
import { sysctlKind } from './provisioners/sysctl.ts';
import { timezoneKind } from './provisioners/timezone.ts';
import { userKind } from './provisioners/user.ts';
import { KindTable } from './schema/kind-table.ts';
import { bootstrapSource } from './sources/bootstrap.ts';
import { ociImageSource } from './sources/oci-image.ts';
import { pipelineSource } from './sources/pipeline.ts';
import { rootfsSource } from './sources/rootfs.ts';

/** Every kind that imgpipe brings along: a new kind is one file and one row here. */
export const builtinKinds: Kinds = {
  sources: new KindTable('source', [bootstrapSource, ociImageSource, pipelineSource, rootfsSource]),
  steps: new KindTable('step', [
    fileKind,
    fstabKind,
    groupKind,
    hostnameKind,
    kernelArgsKind,
    localeKind,
    packageKind,
    serviceKind,
    shellKind,
    sysctlKind,
    timezoneKind,
    userKind,
  ]),
  exports: new KindTable('export', [qcow2Exporter, rawExporter]),
  checks: new KindTable('check', [bootCheck]),
};
