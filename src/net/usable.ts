/** Whoever waits until there is a session on a connection, or until there never will be one. */
export class Usable {
  private readonly waiting = new Set<() => void>();

  /** @param isUsable is it so now? */
  constructor(private readonly isUsable: () => boolean) {}

  /** Calls back once, and not within this call. @returns how to take that back */
  once(callback: () => void): () => void {
    this.waiting.add(callback);
    if (this.isUsable()) process.nextTick(() => this.look());
    return () => void this.waiting.delete(callback);
  }

  /** Something has changed. */
  look(): void {
    if (this.waiting.size === 0 || !this.isUsable()) return;
    const all = [...this.waiting];
    this.waiting.clear();
    for (const callback of all) callback();
  }
}
