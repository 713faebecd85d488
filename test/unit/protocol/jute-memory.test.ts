/** Whose memory a value is: nobody may lose anything by what is done to another's. */
import { afterEach, describe, expect, it } from 'vitest';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';

const POOL_BYTES = Buffer.poolSize;

afterEach(() => {
  Buffer.poolSize = POOL_BYTES;
});

const filled = (i: number, bytes: number): Buffer => Buffer.alloc(bytes, i + 1);

/** Values that lie one behind the other, read as the reader hands them out. */
function read(sizes: readonly number[], owned: boolean): Buffer[] {
  const w = new JuteWriter();
  for (const [i, bytes] of sizes.entries()) w.buffer(filled(i, bytes));
  // as what comes from a socket or is put together of several chunks: not out of the pool
  const buf = Buffer.allocUnsafeSlow(w.pos);
  w.bytes().copy(buf);
  const r = new JuteReader();
  r.reset(buf, 0, buf.length, owned);
  return sizes.map(() => r.buffer() as Buffer);
}

/** Gives the memory of a value away, if that can be. */
function transfer({ buffer }: Buffer): void {
  try {
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  } catch {
    // the pool cannot be given away, which newer versions of Node say
  }
}

const SIZES: readonly (readonly [string, readonly number[]])[] = [
  ['300 small ones', Array.from({ length: 300 }, () => 100)],
  ['of many sizes', Array.from({ length: 60 }, (_, i) => (i * 397) % 6000)],
  ['a large one between small ones', [10, 100_000, 10]],
  ['a large one behind a large one', [5000, 5000]],
  ['one', [1000]],
];

describe.each([
  ['of a chunk', false],
  ['of a frame that has a buffer of its own', true],
] as const)('values %s', (_, owned) => {
  it.each(SIZES)('%s: one that is transferred empties no other', (_what, sizes) => {
    for (const i of new Set([0, 1, sizes.length >> 1, sizes.length - 1])) {
      const values = read(sizes, owned);
      const taken = values[i];
      if (taken === undefined) continue;
      transfer(taken);
      const empty = values.filter((value, at) => value !== taken && value.length !== sizes[at]);
      expect(empty).toEqual([]);
    }
  });

  it.each([0, 64, 4096])('nor with a pool of %i bytes', (poolSize) => {
    Buffer.poolSize = poolSize;
    const sizes = Array.from({ length: 100 }, () => 100);
    const values = read(sizes, owned);
    transfer(values[50] as Buffer);
    const whole = values.filter((value, i) => value.equals(filled(i, 100)));
    expect(whole.length).toBeGreaterThanOrEqual(99);
  });

  it.each(SIZES)('%s: keeps alive no more than the pool or as much again', (_what, sizes) => {
    for (const value of read(sizes, owned)) {
      expect(value.buffer.byteLength).toBeLessThanOrEqual(Math.max(POOL_BYTES, 2 * value.length));
    }
  });
});
