/**
 * What the fault lane did, for the table at its end: faults injected by kind, requests made, and what must stay zero. Only
 * test files import this: it registers a hook that writes the figures of the file when its tests are done.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** What must stay zero. */
export const ZEROS = [
  'acknowledged writes lost',
  'promises hanging',
  'watches lost or doubled',
  'unmarked gaps',
  'requests that crossed sessions',
  'leaked handles',
  'secret leaks',
] as const;
export type Zero = (typeof ZEROS)[number];

interface Figures {
  readonly faults: Record<string, number>;
  readonly broken: Partial<Record<Zero, number>>;
  /** How often each was looked for: a zero that nobody checked is none. */
  readonly checks: Partial<Record<Zero, number>>;
  requests: number;
  /** For the table. */
  readonly zeros: readonly Zero[];
}

const figures: Figures = { faults: {}, broken: {}, checks: {}, requests: 0, zeros: ZEROS };

/** Faults of this kind were injected. Count where it happens, not where it is planned. */
export function injected(kind: string, count = 1): void {
  figures.faults[kind] = (figures.faults[kind] ?? 0) + count;
}

/** Requests were made. */
export function requested(count = 1): void {
  figures.requests += count;
}

/**
 * It was looked for, and `found` of it was there. Call it before the assertion that fails: `checked('promises hanging',
 * open.length); expect(open).toEqual([])`.
 */
export function checked(what: Zero, found: number): void {
  figures.checks[what] = (figures.checks[what] ?? 0) + 1;
  if (found > 0) figures.broken[what] = (figures.broken[what] ?? 0) + found;
}

/**
 * How much more than usual is done: 1 in `npm run test:faults`, more in `npm run soak`. Multiply counts of random runs by
 * it, not what is exhaustive.
 */
export const SCALE = Number(process.env['ZK_SCALE'] ?? 1);

afterAll(() => {
  const folder = process.env['ZK_TALLY'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${process.pid}-${process.hrtime.bigint()}.json`), JSON.stringify(figures));
});
