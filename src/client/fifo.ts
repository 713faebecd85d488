/** First in, first out. `Array.shift` moves all that is left, which costs dearly once there are tens of thousands. */
export class Fifo<T> {
  private items: (T | undefined)[] = [];
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  /** The one that came last. */
  get last(): T | undefined {
    return this.items.at(-1);
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** Takes the one that came first. */
  shift(): T | undefined {
    const { items, head } = this;
    if (head === items.length) return undefined;
    const first = items[head];
    items[head] = undefined;
    this.head++;
    if (this.head === items.length) this.clear();
    // as many moves as there were shifts
    else if (this.head >= 1024 && this.head * 2 >= items.length) {
      this.items = items.slice(this.head);
      this.head = 0;
    }
    return first;
  }

  clear(): void {
    this.items = [];
    this.head = 0;
  }

  /** Takes all of them. */
  drain(): T[] {
    const all = this.items.slice(this.head) as T[];
    this.clear();
    return all;
  }
}
