/** One file of an artifact, or one folder (a container image's layout, a plain tree). */
export interface ArtifactFile {
  /** Absolute. */
  readonly path: string;
  /** The path as the user wrote it, for lists and messages, when it does not lie in the output folder. */
  readonly written?: string;
  /** Bytes, holes included; of a folder the sum of its files. */
  readonly size: number;
  /** Of its bytes, 64 hex digits; of a folder, of its listing as `digestOfTree` makes it. */
  readonly sha256: string;
}

/** What an exporter or builder gives and post-processors take: files that belong together. */
export interface Artifact {
  /** The image first. Empty for one that lies elsewhere, such as in a registry: then `id` names it. */
  readonly files: readonly ArtifactFile[];
  /** What made it, for programs: `imgpipe.qcow2`, `packer.post-processor.compress`. */
  readonly builderId: string;
  /** Names it where it lies: a file's path, an image's reference, an account's image id. */
  readonly id: string;
  /** What an artifact without files is made of, where its id is only a name that may come to stand for another one. */
  readonly content?: string;
  /** Further names of it where it lies, such as an image's tags. */
  readonly names?: readonly string[];
  /** For people, one line. */
  readonly description?: string;
}
