import type { SourceRange } from '../diagnostics/source-range.ts';
import type { NodeId } from './ids.ts';
import type { Architecture } from './platform.ts';

/** A kind name with validated, fully resolved options. */
export interface KindUse {
  /** Name of the kind, e.g. `package`, `bootstrap`, `qcow2`. */
  readonly type: string;
  /** Options as the kind's schema gives them out: defaults filled in, variables replaced. JSON-serialisable. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Of a source or step that installs packages: how old what `imgpipe.lock` says of its archives may be, in ms. */
  readonly freshMs?: number;
  /** What it names outside of the project is looked up in every run and written into no lock. */
  readonly unlocked?: boolean;
  /** Why its result may not be cached, in the user's words, when the template itself says so and not the kind. */
  readonly untracked?: string;
  /** Where the user wrote it. */
  readonly origin: SourceRange;
}

/** A step of a pipeline as the user wrote it, after validation. */
export interface StepSpec extends KindUse {
  readonly name: string;
  /** Names of steps that must lie below this one. Undefined: the kind's default (see DESIGN, §4.4). */
  readonly needs?: readonly string[];
  readonly run: RunSettings;
}

/** Settings of any step that steer how it runs, not what it makes; never part of a key. */
export interface RunSettings {
  /** Longest run of the step, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often a failed step starts again, each time from its parents' clean layers. */
  readonly retries: number;
  /** Lets the pipeline go on without this step's layer when it fails. */
  readonly continueOnError: boolean;
  /** Wait before each try, in milliseconds. */
  readonly pauseBeforeMs?: number;
}

export interface ExportSpec extends KindUse {
  readonly name: string;
  /** Name of its file without the ending, with placeholders; undefined: made from the pipeline's and its own name. */
  readonly fileName?: string;
  /** How many versions of its files stay in the output folder; undefined: nothing is deleted. */
  readonly keep?: number;
  /** Whether a link `…-latest.<ending>` leads to its newest file. */
  readonly latest?: boolean;
  /** What is done with its file, in this order. */
  readonly post?: readonly PostSpec[];
  /**
   * Instead of `post`: several lists, each of which begins with the export's files. They run one after the other, and
   * one goes on when another has failed.
   */
  readonly chains?: readonly (readonly PostSpec[])[];
}

/** One post-processor of an export. */
export interface PostSpec extends KindUse {
  /** `<export>.<kind>`: unique in the pipeline. */
  readonly name: string;
  /** Whether the files it works on stay beside those it makes. */
  readonly keepInput: boolean;
}

export interface CheckSpec extends KindUse {
  readonly name: string;
  /** Name of the export whose file is checked. Undefined: the first that can boot. */
  readonly export?: string;
}

/** File systems that a partition of an image can have. */
export type FileSystemType = 'ext4' | 'xfs' | 'btrfs';

/** A partition or logical volume beside the root's, which takes the files of the image below a folder. Sizes in bytes. */
export interface PartitionSpec {
  /** Absolute path of the folder. */
  readonly mount: string;
  readonly fileSystem: FileSystemType;
  /** Size of the partition; `fit` takes what the files need plus `free`. */
  readonly size: number | 'fit';
  readonly free: number;
  /** Whether it is a logical volume of the disk's volume group. Default: true on a disk that has one. */
  readonly lvm?: boolean;
  /** Name of the logical volume. Default: from the mount point. */
  readonly name?: string;
}

/** The volume group of a disk, which holds the root, the swap and all partitions that do not say otherwise. */
export interface VolumeGroupSpec {
  /** Name of the group. */
  readonly group: string;
  /** Space that no volume takes, in bytes. Default: none but what is left of the last extent. */
  readonly free?: number;
}

/**
 * How the disk of an image is laid out. Sizes in bytes. Fields without a default are left out of keys when they are not
 * given, so that disks made before a field was there keep theirs.
 */
export interface DiskSpec {
  /** Size of the whole disk; `fit` takes what the files need plus `free`. */
  readonly size: number | 'fit';
  /** Free space in the root file system when the size is `fit`. */
  readonly free: number;
  readonly espSize: number;
  readonly firmware: 'bios' | 'uefi' | 'both';
  /** Kernel command line, after `root=`; `kernel-args` steps add to it. */
  readonly kernelArgs: readonly string[];
  /** Kind of partition table. Default: `gpt`. */
  readonly table?: 'gpt' | 'mbr';
  /** File system of the root partition. Default: `ext4`. */
  readonly fileSystem?: FileSystemType;
  /** Partitions of their own for parts of the tree; they lie before the root's. */
  readonly partitions?: readonly PartitionSpec[];
  /** Size of a swap partition. Default: none. */
  readonly swap?: number;
  /** Default: no volume group, all are partitions. */
  readonly lvm?: VolumeGroupSpec;
  /** Folder of the image whose files go into the EFI system partition, which is mounted there. Default: none. */
  readonly espMount?: string;
  /** Whether boot loader and kernel speak on the first serial port. Default: true. */
  readonly serialConsole?: boolean;
  /** Whether the root file system takes the free space of a larger disk at boot. Default: true, with an MBR or LVM false. */
  readonly growRoot?: boolean;
  readonly origin: SourceRange;
}

/** One image to be made: a pipeline, in one variant of its matrix. */
export interface Pipeline {
  /** `debian-web`, or with a matrix `debian-web[arm64,prod]`. Unique in a project. */
  readonly id: string;
  /** The name without the variant. */
  readonly name: string;
  readonly description?: string;
  /** Values of the matrix axes of this variant. */
  readonly matrix: Readonly<Record<string, string>>;
  readonly architecture: Architecture;
  /** Seconds since 1970 to which newer times are clamped. */
  readonly sourceDateEpoch: number;
  /** The backend in which its steps run, when that has machines of its own; undefined: layers of files (`rootfs`). */
  readonly builder?: KindUse;
  readonly source: KindUse;
  readonly steps: readonly StepSpec[];
  /** Of a builder with machines of its own: runs in the machine when a step has failed for good, before it ends. */
  readonly cleanup?: StepSpec;
  readonly disk: DiskSpec;
  readonly exports: readonly ExportSpec[];
  /** Its artifacts lie where its options say: it has no output folder. */
  readonly elsewhere?: boolean;
  readonly checks: readonly CheckSpec[];
  /** Folder against which the template's relative host paths are resolved (absolute). */
  readonly directory: string;
  readonly origin: SourceRange;
}

/** Everything the chosen templates say, validated and with variables resolved. */
export interface Template {
  readonly pipelines: readonly Pipeline[];
  /** Secrets by name; values only in memory. Options refer to them by name, never by value. */
  readonly secrets: readonly SecretSpec[];
}

/** A declared secret: where its value comes from. Part of a key only as a keyed hash. */
export interface SecretSpec {
  readonly name: string;
  readonly from:
    | { readonly type: 'env'; readonly variable: string }
    | { readonly type: 'file'; readonly path: string }
    | { readonly type: 'command'; readonly argv: readonly string[] }
    /** A `sensitive` template variable: the value itself. Never serialised. */
    | { readonly type: 'value'; readonly value: string };
  readonly origin?: SourceRange;
  /** It is only in the key as a secret: what must be hidden in logs of it is hidden by itself. */
  readonly shown?: boolean;
}

export const nodeId = (pipelineId: string, name: string): NodeId => `${pipelineId}/${name}` as NodeId;
