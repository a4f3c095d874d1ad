/** A file of an image; `path` with `/`, relative. */
export interface IsoFile {
  readonly path: string;
  readonly content: Buffer;
}

const SECTOR = 2048;
/** Standards' limit of one extent, far above what seeds need. */
const LONGEST_FILE = 2 ** 32 - 1;

interface Folder {
  readonly name: string;
  readonly parent: Folder | undefined;
  readonly folders: Folder[];
  readonly files: (IsoFile & { readonly name: string })[];
}

/**
 * An ISO 9660 image (ECMA-119) with Joliet names, which Linux, Windows and the BSDs read in preference: names keep their
 * case, blanks and Unicode. The bytes depend on the arguments alone.
 * @param label volume name: up to 16 characters that Joliet takes
 * @throws RangeError for names and labels that Joliet cannot hold
 */
export function makeIso(label: string, files: readonly IsoFile[], epoch: number): Buffer {
  if (label.length > 16)
    throw new RangeError(`the label ${JSON.stringify(label)} is longer than 16 characters`);
  const root = folderTree(files);
  const folders = byLevel(root);
  const trees = [treeOf('plain', folders), treeOf('joliet', folders)] as const;
  // System area, three descriptors, then for each tree its path tables and folders, then the files.
  let next = 16 + 3;
  for (const tree of trees) next = place(tree, next);
  const extents = new Map<IsoFile, number>();
  for (const { files: inside } of folders)
    for (const file of inside) {
      // An empty file has no sector; its address is not looked at.
      extents.set(file, next);
      next += sectors(file.content.length);
    }
  const image = Buffer.alloc(next * SECTOR);
  const time = new Date(epoch * 1000);
  for (const [index, tree] of trees.entries()) {
    volumeDescriptor(tree, label, next, time).copy(image, (16 + index) * SECTOR);
    writeTree(tree, extents, time, image);
  }
  Buffer.from('\u00ffCD001\u0001', 'latin1').copy(image, 18 * SECTOR);
  for (const [file, sector] of extents) file.content.copy(image, sector * SECTOR);
  return image;
}

function folderTree(files: readonly IsoFile[]): Folder {
  const root: Folder = { name: '', parent: undefined, folders: [], files: [] };
  // By the parts of the paths, so that folders are met in the order of their names: `a/x` before `a!/x`.
  const sortKey = ({ path }: IsoFile): string => path.replaceAll('/', '\0');
  for (const file of files.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))) {
    const parts = file.path.split('/');
    const name = parts.pop() ?? '';
    if (file.content.length > LONGEST_FILE)
      throw new RangeError(`${file.path} is too large for an ISO image`);
    let folder = root;
    for (const part of parts) {
      const parent = folder;
      let child = parent.folders.find((other) => other.name === part);
      if (child === undefined) {
        child = { name: checked(part), parent, folders: [], files: [] };
        parent.folders.push(child);
      }
      folder = child;
    }
    folder.files.push({ ...file, name: checked(name) });
  }
  return root;
}

/** Joliet: up to 64 UCS-2 characters, without some. */
function checked(name: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name === '' || name === '.' || name === '..' || name.length > 64 || /[\x00-\x1f*/:;?\\]/.test(name))
    throw new RangeError(`${JSON.stringify(name)} cannot be a name in an ISO image`);
  return name;
}

/** All folders, parents first, level by level, as path tables want them. */
function byLevel(root: Folder): Folder[] {
  const all = [root];
  for (const folder of all) all.push(...folder.folders);
  return all;
}

/** The names and places of one of the two directory trees. */
interface Tree {
  readonly kind: 'plain' | 'joliet';
  readonly folders: readonly Folder[];
  readonly names: ReadonlyMap<object, Buffer>;
  /** First sector and bytes of each folder. */
  readonly places: Map<Folder, { sector: number; size: number }>;
  readonly pathTableSize: number;
  littleTable: number;
  bigTable: number;
}

function treeOf(kind: Tree['kind'], folders: readonly Folder[]): Tree {
  const names = new Map<object, Buffer>([[folders[0] ?? {}, Buffer.from([0])]]);
  for (const folder of folders) {
    for (const [index, child] of [...folder.folders, ...folder.files].entries()) {
      const isFile = 'content' in child;
      // Old readers see short names, numbered; the real ones are Joliet's.
      const plain = Buffer.from(
        `${isFile ? 'F' : 'D'}${String(index).padStart(7, '0')}${isFile ? '.;1' : ''}`,
      );
      names.set(child, kind === 'plain' ? plain : Buffer.from(child.name, 'utf16le').swap16());
    }
  }
  const pathTableSize = folders.reduce((sum, folder) => sum + pathTableEntry(names.get(folder)), 0);
  return { kind, folders, names, places: new Map(), pathTableSize, littleTable: 0, bigTable: 0 };
}

const even = (length: number): number => length + (length % 2);
const sectors = (bytes: number): number => Math.ceil(bytes / SECTOR);
const pathTableEntry = (name: Buffer | undefined): number => 8 + even(name?.length ?? 1);
const recordSize = (name: Buffer): number => even(33 + name.length);

/** Gives the tree its sectors from `next` on. @returns the first sector after it */
function place(tree: Tree, next: number): number {
  tree.littleTable = next;
  tree.bigTable = next + sectors(tree.pathTableSize);
  let sector = tree.bigTable + sectors(tree.pathTableSize);
  for (const folder of tree.folders) {
    const { size } = layout(tree, folder);
    tree.places.set(folder, { sector, size });
    sector += sectors(size);
  }
  return sector;
}

/** Children in the order of their names, each with its offset: a record does not cross the end of a sector. */
function layout(tree: Tree, folder: Folder) {
  let end = 2 * 34;
  const children = [...folder.folders, ...folder.files]
    .map((child) => ({ child, name: tree.names.get(child) ?? Buffer.alloc(0) }))
    .toSorted((a, b) => Buffer.compare(a.name, b.name))
    .map(({ child, name }) => {
      const size = recordSize(name);
      if ((end % SECTOR) + size > SECTOR) end = sectors(end) * SECTOR;
      const offset = end;
      end += size;
      return { child, name, offset };
    });
  return { children, size: sectors(end) * SECTOR };
}

function writeTree(tree: Tree, extents: ReadonlyMap<object, number>, time: Date, image: Buffer): void {
  const number = new Map(tree.folders.map((folder, index) => [folder, index + 1]));
  let offset = 0;
  for (const folder of tree.folders) {
    const name = tree.names.get(folder) ?? Buffer.alloc(1);
    const { sector = 0 } = tree.places.get(folder) ?? {};
    const parent = number.get(folder.parent ?? folder) ?? 1;
    const [little, big] = [tree.littleTable * SECTOR + offset, tree.bigTable * SECTOR + offset];
    for (const at of [little, big]) {
      image[at] = name.length;
      name.copy(image, at + 8);
    }
    image.writeUInt32LE(sector, little + 2);
    image.writeUInt16LE(parent, little + 6);
    image.writeUInt32BE(sector, big + 2);
    image.writeUInt16BE(parent, big + 6);
    offset += pathTableEntry(name);
    writeFolder(tree, folder, extents, time, image);
  }
}

function writeFolder(
  tree: Tree,
  folder: Folder,
  extents: ReadonlyMap<object, number>,
  time: Date,
  image: Buffer,
): void {
  const own = tree.places.get(folder) ?? { sector: 0, size: 0 };
  const parent = tree.places.get(folder.parent ?? folder) ?? own;
  const start = own.sector * SECTOR;
  record(Buffer.from([0]), own, true, time).copy(image, start);
  record(Buffer.from([1]), parent, true, time).copy(image, start + 34);
  for (const { child, name, offset } of layout(tree, folder).children) {
    const isFolder = !('content' in child);
    const extent = isFolder
      ? (tree.places.get(child) ?? own)
      : { sector: extents.get(child) ?? 0, size: child.content.length };
    record(name, extent, isFolder, time).copy(image, start + offset);
  }
}

/** Directory record, ECMA-119 §9.1. */
function record(
  name: Buffer,
  extent: { readonly sector: number; readonly size: number },
  isFolder: boolean,
  time: Date,
): Buffer {
  const bytes = Buffer.alloc(recordSize(name));
  bytes[0] = bytes.length;
  both32(bytes, 2, extent.sector);
  both32(bytes, 10, extent.size);
  const date = [time.getUTCFullYear() - 1900, time.getUTCMonth() + 1, time.getUTCDate()];
  Buffer.from([...date, time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds(), 0]).copy(bytes, 18);
  bytes[25] = isFolder ? 2 : 0;
  both16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

/** Primary (ECMA-119 §8.4) or supplementary volume descriptor (§8.5, Joliet level 3). */
function volumeDescriptor(tree: Tree, label: string, size: number, time: Date): Buffer {
  const isJoliet = tree.kind === 'joliet';
  const bytes = Buffer.alloc(SECTOR);
  const text = (value: string, at: number, length: number): void => {
    const padded = isJoliet
      ? Buffer.from(value.padEnd(length / 2, ' '), 'utf16le').swap16()
      : Buffer.from(value.padEnd(length, ' '), 'latin1');
    padded.copy(bytes, at, 0, length);
  };
  bytes[0] = isJoliet ? 2 : 1;
  bytes.write('CD001\u0001', 1, 'latin1');
  for (const [at, length] of [
    [8, 32],
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 36],
    [740, 36],
    [776, 36],
  ] as const)
    text('', at, length);
  text(label, 40, 32);
  both32(bytes, 80, size);
  if (isJoliet) bytes.write('%/E', 88, 'latin1');
  both16(bytes, 120, 1);
  both16(bytes, 124, 1);
  both16(bytes, 128, SECTOR);
  both32(bytes, 132, tree.pathTableSize);
  bytes.writeUInt32LE(tree.littleTable, 140);
  bytes.writeUInt32BE(tree.bigTable, 148);
  const [root] = tree.folders;
  if (root !== undefined)
    record(Buffer.from([0]), tree.places.get(root) ?? { sector: 0, size: 0 }, true, time).copy(bytes, 156);
  const digits = `${time.toISOString().replaceAll(/\D/g, '').slice(0, 14)}00`;
  for (const at of [813, 830]) bytes.write(digits, at, 'latin1');
  // No end of validity, valid at once.
  for (const at of [847, 864]) bytes.write('0'.repeat(16), at, 'latin1');
  bytes[881] = 1;
  return bytes;
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}
