/** What lies at a path of a tree that is being put together from tars. */
interface Node {
  type: 'directory' | 'symlink' | 'other';
  /** Target of a symbolic link. */
  target: string;
  /** Number of the tar it came with. */
  layer: number;
  readonly children: Map<string, Node>;
}

/** Depth of links that is followed before a loop is assumed, as in the kernel. */
const MAX_LINKS = 40;

/**
 * The tree as the tars so far have made it: types and link targets only. It answers, before anything is written,
 * whether a path would be written through a symbolic link that leads out of the tree.
 */
export class TreeState {
  readonly #root: Node = { type: 'directory', target: '', layer: 0, children: new Map() };
  #layer = 0;

  /** Begins the next tar: what is there from now on counts as lower. */
  nextLayer(): void {
    this.#layer += 1;
  }

  isEmpty(): boolean {
    return this.#root.children.size === 0;
  }

  /** Records an entry; folders on the way appear by themselves. */
  add(path: readonly string[], type: Node['type'], target = ''): void {
    const parent = this.#makeParent(path);
    const name = path.at(-1);
    if (name === undefined) return;
    const known = parent.children.get(name);
    const children =
      type === 'directory' && known?.type === 'directory' ? known.children : new Map<string, Node>();
    parent.children.set(name, { type, target, layer: this.#layer, children });
  }

  /** Type at exactly this path, if a lower tar put something there. */
  lowerType(path: readonly string[]): Node['type'] | undefined {
    const node = this.#find(path);
    return node !== undefined && node.layer < this.#layer ? node.type : undefined;
  }

  /** Forgets what lower tars put at and below a path. */
  removeLower(path: readonly string[]): void {
    const name = path.at(-1);
    const parent = this.#find(path.slice(0, -1));
    const node = name === undefined ? undefined : parent?.children.get(name);
    if (node === undefined || name === undefined) return;
    this.#pruneLower(node);
    if (node.layer < this.#layer && node.children.size === 0) parent?.children.delete(name);
  }

  /** Names that lower tars put into a folder. */
  lowerChildren(path: readonly string[]): string[] {
    const node = this.#find(path);
    return [...(node?.children ?? [])].flatMap(([name, child]) => (child.layer < this.#layer ? [name] : []));
  }

  /** Whether a folder on the way to the path is a symbolic link. */
  hasLinkOnWay(path: readonly string[]): boolean {
    return path.slice(0, -1).some((_, index) => this.#find(path.slice(0, index + 1))?.type === 'symlink');
  }

  /** Whether writing at the path stays in the tree: links on the way must be relative and lead to places inside. */
  isInside(path: readonly string[]): boolean {
    return this.#resolve(path.slice(0, -1)) !== undefined;
  }

  /** Real path of a folder, or undefined when a link on the way is absolute, leaves the tree or loops. */
  #resolve(path: readonly string[]): readonly string[] | undefined {
    const rest = [...path];
    const real: string[] = [];
    for (let links = 0; rest.length > 0;) {
      const part = rest.shift() ?? '';
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (real.pop() === undefined) return undefined;
        continue;
      }
      const node = this.#find([...real, part]);
      if (node?.type !== 'symlink') {
        real.push(part);
        continue;
      }
      links += 1;
      if (links > MAX_LINKS || node.target.startsWith('/')) return undefined;
      rest.unshift(...node.target.split('/'));
    }
    return real;
  }

  #find(path: readonly string[]): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of path) node = node?.children.get(part);
    return node;
  }

  #makeParent(path: readonly string[]): Node {
    let node = this.#root;
    for (const part of path.slice(0, -1)) {
      let next = node.children.get(part);
      if (next === undefined) {
        next = { type: 'directory', target: '', layer: this.#layer, children: new Map() };
        node.children.set(part, next);
      }
      node = next;
    }
    return node;
  }

  #pruneLower(node: Node): void {
    for (const [name, child] of node.children) {
      this.#pruneLower(child);
      if (child.layer < this.#layer && child.children.size === 0) node.children.delete(name);
    }
  }
}
