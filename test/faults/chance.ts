/** Chance with a seed, for what is no property: the same seed gives the same run. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 <= r < 1. */
  readonly random = (): number => {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  /** True that often of all times. */
  odds(part: number): boolean {
    return this.random() < part;
  }

  one<T>(items: readonly T[]): T {
    if (items.length === 0) throw new Error('one of nothing');
    return items[this.below(items.length)]!;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    const all: T[] = [];
    while (left.length > 0) all.push(...left.splice(this.below(left.length), 1));
    return all;
  }
}

/** A seed for the nth run of something, from that of the file. */
export function seedOf(seed: number, run: number): number {
  return (Math.imul(seed, 0x9e3779b1) + Math.imul(run + 1, 0x85ebca6b)) >>> 0;
}
