/** What a node takes while it runs. */
export interface ResourceCost {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

/** CPU and memory that running nodes may take together. A node larger than the whole budget runs alone. */
export class ResourceBudget {
  readonly #total: ResourceCost;
  #cpus = 0;
  #memory = 0;

  constructor(total: ResourceCost) {
    this.#total = total;
  }

  /** Takes the cost and returns true, or returns false and takes nothing. */
  tryTake(cost: ResourceCost): boolean {
    const idle = this.#cpus === 0 && this.#memory === 0;
    const fits =
      this.#cpus + cost.cpus <= this.#total.cpus && this.#memory + cost.memory <= this.#total.memory;
    if (!idle && !fits) return false;
    this.#cpus += cost.cpus;
    this.#memory += cost.memory;
    return true;
  }

  giveBack(cost: ResourceCost): void {
    this.#cpus -= cost.cpus;
    this.#memory -= cost.memory;
  }
}
