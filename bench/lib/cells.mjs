/** What is measured: one operation, one depth, one size. */

const KiB = 1024;

function cell(name, op, depth, more = {}) {
  return { name, op, depth, data: 100, children: 0, ops: 0, ...more };
}

/** @returns cells in the order in which they are measured; the quick ones are enough for the targets */
export const CELLS = [
  cell('get, depth 1', 'get', 1, { quick: true }),
  cell('get, depth 16', 'get', 16),
  cell('get, depth 100', 'get', 100, { quick: true, real: true }),
  cell('get, depth 1,000', 'get', 1000),
  cell('set, depth 1', 'set', 1),
  cell('set, depth 100', 'set', 100, { quick: true, real: true }),
  cell('exists, depth 1', 'exists', 1),
  cell('exists, depth 100', 'exists', 100, { quick: true, real: true }),
  cell('create, depth 100', 'create', 100, { real: true }),
  cell('children, 10 names, depth 100', 'children', 100, { children: 10, real: true }),
  cell('children, 100 names, depth 16', 'children', 16, { children: 100 }),
  cell('children, 1,000 names, depth 16', 'children', 16, { children: 1000 }),
  cell('children, 10,000 names, depth 16', 'children', 16, { children: 10_000, quick: true, real: true }),
  cell('multi of 10 sets, depth 100', 'multi', 100, { ops: 10, real: true }),
  cell('get 0 B, depth 100', 'get', 100, { data: 0 }),
  cell('get 16 KiB, depth 100', 'get', 100, { data: 16 * KiB }),
  cell('get 512 KiB, depth 16', 'get', 16, { data: 512 * KiB, quick: true }),
  cell('set 0 B, depth 100', 'set', 100, { data: 0 }),
  cell('set 16 KiB, depth 100', 'set', 100, { data: 16 * KiB }),
  cell('set 512 KiB, depth 16', 'set', 16, { data: 512 * KiB, quick: true }),
];

/** Beside the floor, a plainer one that writes each request by itself: shown in these, and nothing is judged by it. */
export const hasPlainFloor = ({ depth, data, children }) =>
  (depth === 1 || depth === 100) && data === 100 && children === 0;

/** More op/s than this, beside what can compute no less: then the floor has waited, and nothing was measured. */
export const MOST_OF_FLOOR = 1.3;

/** Where a client's op/s are how long it waits for the kernel: what it computes for a call is compared instead. */
export const isByCpu = ({ data }) => data >= 512 * KiB;

/** The same call with something switched on; `of` is the cell without it. */
export const FEATURES = [
  cell('get with a signal and a timeout', 'get', 100, { signal: true, timeout: true, quick: true }),
  cell('get with a signal', 'get', 100, { signal: true }),
  cell('get with a signal of its own', 'get', 100, { ownSignal: true }),
  cell('get with a timeout', 'get', 100, { timeout: true }),
  cell('get with tracing subscribers', 'get', 100, { tracing: true }),
];
