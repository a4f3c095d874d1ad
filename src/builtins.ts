import { fileBuilder } from './builders/file.ts';
import { dockerBuilder } from './builders/docker/docker-builder.ts';
import type { MachineBuilderKind } from './builders/machine-builder.ts';
import { nullBuilder } from './builders/null.ts';
import { qemuBuilder } from './builders/qemu.ts';
import { bootCheck } from './checks/boot.ts';
import type { CheckKind } from './checks/check.ts';
import { directoryExporter } from './exporters/directory.ts';
import { bmapExporter } from './exporters/bmap.ts';
import { dataDiskExporter } from './exporters/data-disk.ts';
import { dockerArchiveExporter } from './exporters/docker-archive.ts';
import { dockerCommitExporter } from './exporters/docker-commit.ts';
import { dockerDiscardExporter } from './exporters/docker-discard.ts';
import { dockerExportExporter } from './exporters/docker-export.ts';
import { erofsExporter } from './exporters/erofs.ts';
import { fileExporter } from './exporters/file.ts';
import { gceExporter } from './exporters/gce.ts';
import { isoExporter } from './exporters/iso.ts';
import { kernelExporter } from './exporters/kernel.ts';
import { noneExporter } from './exporters/none.ts';
import { ociExporter } from './exporters/oci.ts';
import { ovaExporter } from './exporters/ova.ts';
import { qcow2Exporter } from './exporters/qcow2.ts';
import { qemuDiskExporter } from './exporters/qemu-disk.ts';
import { rawExporter } from './exporters/raw.ts';
import { rootfsTarExporter } from './exporters/rootfs-tar.ts';
import { squashfsExporter } from './exporters/squashfs.ts';
import { ukiExporter } from './exporters/uki.ts';
import { vagrantExporter } from './exporters/vagrant.ts';
import { vdiExporter } from './exporters/vdi.ts';
import { vhdExporter } from './exporters/vhd.ts';
import { vhdxExporter } from './exporters/vhdx.ts';
import { vmdkExporter } from './exporters/vmdk.ts';
import { vmwareExporter } from './exporters/vmware.ts';
import { wslExporter } from './exporters/wsl.ts';
import type { ExporterKind } from './exporters/exporter.ts';
import type { Kinds } from './plan/kinds.ts';
import { checksumPostProcessor } from './post-processors/checksum.ts';
import { compressPostProcessor } from './post-processors/compress.ts';
import { dockerImportPostProcessor } from './post-processors/docker-import.ts';
import { dockerPushPostProcessor } from './post-processors/docker-push.ts';
import { dockerSavePostProcessor } from './post-processors/docker-save.ts';
import { dockerTagPostProcessor } from './post-processors/docker-tag.ts';
import { manifestPostProcessor } from './post-processors/manifest.ts';
import { provenancePostProcessor } from './post-processors/provenance.ts';
import { packerArtificePostProcessor } from './post-processors/packer/artifice.ts';
import { packerChecksumPostProcessor } from './post-processors/packer/checksum.ts';
import { packerCompressPostProcessor } from './post-processors/packer/compress.ts';
import { packerManifestPostProcessor } from './post-processors/packer/manifest.ts';
import { packerProvenancePostProcessor } from './post-processors/packer/provenance.ts';
import { packerShellLocalPostProcessor } from './post-processors/packer/shell-local.ts';
import { pushPostProcessor } from './post-processors/push.ts';
import { sbomPostProcessor } from './post-processors/sbom.ts';
import { shellLocalPostProcessor } from './post-processors/shell-local.ts';
import { signPostProcessor } from './post-processors/sign.ts';
import { uploadPostProcessor } from './post-processors/upload.ts';
import type { PostProcessorKind } from './post-processors/post-processor.ts';
import { fileKind } from './provisioners/file.ts';
import { fstabKind } from './provisioners/fstab.ts';
import { groupKind } from './provisioners/group.ts';
import { hostnameKind } from './provisioners/hostname.ts';
import { kernelArgsKind } from './provisioners/kernel-args.ts';
import { localeKind } from './provisioners/locale.ts';
import { packageKind } from './provisioners/package.ts';
import { packerBreakpointKind } from './provisioners/packer/breakpoint.ts';
import { packerFileKind } from './provisioners/packer/file.ts';
import { packerSbomKind } from './provisioners/packer/hcp-sbom.ts';
import { packerPowershellKind } from './provisioners/packer/powershell.ts';
import { packerShellKind } from './provisioners/packer/shell.ts';
import { packerShellLocalKind } from './provisioners/packer/shell-local.ts';
import { packerSleepKind } from './provisioners/packer/sleep.ts';
import { packerWindowsRestartKind } from './provisioners/packer/windows-restart.ts';
import { packerWindowsShellKind } from './provisioners/packer/windows-shell.ts';
import type { ProvisionerKind } from './provisioners/provisioner.ts';
import { serviceKind } from './provisioners/service.ts';
import { shellKind } from './provisioners/shell.ts';
import { sysctlKind } from './provisioners/sysctl.ts';
import { timezoneKind } from './provisioners/timezone.ts';
import { userKind } from './provisioners/user.ts';
import type { InputsOf } from './schema/kind.ts';
import { KindTable } from './schema/kind-table.ts';
import { bootstrapSource } from './sources/bootstrap.ts';
import { cloudImageSource } from './sources/cloud-image.ts';
import { diskSource } from './sources/disk.ts';
import { fileSource } from './sources/file.ts';
import { isoSource } from './sources/iso.ts';
import { machineSource } from './sources/machine.ts';
import { dockerImageSource } from './sources/docker-image.ts';
import { ociImageSource } from './sources/oci-image.ts';
import { pipelineSource } from './sources/pipeline.ts';
import { rootfsSource } from './sources/rootfs.ts';
import type { SourceKind } from './sources/source.ts';

/** Every kind that imgpipe brings along: a new kind is one file and one row here. */
const kinds = {
  sources: [
    bootstrapSource,
    dockerImageSource,
    cloudImageSource,
    diskSource,
    fileSource,
    isoSource,
    machineSource,
    ociImageSource,
    pipelineSource,
    rootfsSource,
  ],
  steps: [
    fileKind,
    fstabKind,
    groupKind,
    hostnameKind,
    kernelArgsKind,
    localeKind,
    packageKind,
    packerBreakpointKind,
    packerFileKind,
    packerSbomKind,
    packerPowershellKind,
    packerShellKind,
    packerShellLocalKind,
    packerSleepKind,
    packerWindowsRestartKind,
    packerWindowsShellKind,
    serviceKind,
    shellKind,
    sysctlKind,
    timezoneKind,
    userKind,
  ],
  exports: [
    directoryExporter,
    bmapExporter,
    dataDiskExporter,
    dockerArchiveExporter,
    dockerCommitExporter,
    dockerDiscardExporter,
    dockerExportExporter,
    erofsExporter,
    fileExporter,
    gceExporter,
    isoExporter,
    kernelExporter,
    noneExporter,
    ociExporter,
    ovaExporter,
    qcow2Exporter,
    qemuDiskExporter,
    rawExporter,
    rootfsTarExporter,
    squashfsExporter,
    ukiExporter,
    vagrantExporter,
    vdiExporter,
    vhdExporter,
    vhdxExporter,
    vmdkExporter,
    vmwareExporter,
    wslExporter,
  ],
  posts: [
    checksumPostProcessor,
    compressPostProcessor,
    dockerImportPostProcessor,
    dockerPushPostProcessor,
    dockerSavePostProcessor,
    dockerTagPostProcessor,
    manifestPostProcessor,
    provenancePostProcessor,
    packerArtificePostProcessor,
    packerChecksumPostProcessor,
    packerCompressPostProcessor,
    packerManifestPostProcessor,
    packerProvenancePostProcessor,
    packerShellLocalPostProcessor,
    pushPostProcessor,
    sbomPostProcessor,
    shellLocalPostProcessor,
    signPostProcessor,
    uploadPostProcessor,
  ],
  checks: [bootCheck],
  builders: [dockerBuilder, fileBuilder, nullBuilder, qemuBuilder],
};

/** What users write for the built-in kinds, for the types of TypeScript templates. */
export interface BuiltinInputs {
  readonly sources: InputsOf<(typeof kinds.sources)[number]>;
  readonly steps: InputsOf<(typeof kinds.steps)[number]>;
  readonly exports: InputsOf<(typeof kinds.exports)[number]>;
  readonly posts: InputsOf<(typeof kinds.posts)[number]>;
  readonly checks: InputsOf<(typeof kinds.checks)[number]>;
  readonly builders: InputsOf<(typeof kinds.builders)[number]>;
}

export const builtinKinds: Kinds = {
  sources: new KindTable<SourceKind>('source', kinds.sources),
  steps: new KindTable<ProvisionerKind>('step', kinds.steps),
  exports: new KindTable<ExporterKind>('export', kinds.exports),
  posts: new KindTable<PostProcessorKind>('post-processor', kinds.posts),
  checks: new KindTable<CheckKind>('check', kinds.checks),
  builders: new KindTable<MachineBuilderKind>('builder', kinds.builders),
};
