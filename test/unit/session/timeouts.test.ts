import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LATE_MS,
  STABLE_MS,
  backoffMs,
  connectTimeoutMs,
  expiryMs,
  graceMs,
  pingAfterMs,
  readTimeoutMs,
} from '../../../src/session/timeouts.js';
import { check } from '../../support/property.js';

const MAX = 0x7fffffff;

/** Written down as numbers, so that nobody's formula is tested against itself. */
describe('of a session timeout', () => {
  it.each([
    // T, read, ping, expiry, grace
    [3, 2, 1, 4, 0.5],
    [600, 400, 200, 800, 100],
    [3000, 2000, 1000, 4000, 500],
    [3003, 2002, 1000, 4004, 500.5],
    [6000, 4000, 1000, 8000, 1000],
    [6006, 4004, 1002, 8008, 1000],
    [9000, 6000, 2000, 12_000, 1000],
    [30_000, 20_000, 9000, 40_000, 1000],
    [33_000, 22_000, 10_000, 44_000, 1000],
    [33_003, 22_002, 10_000, 44_004, 1000],
    [60_000, 40_000, 10_000, 80_000, 1000],
    [MAX - 1, 1_431_655_764, 10_000, 2_863_311_528, 1000],
  ])('%i ms the deadlines are read %d, ping %d, expiry %d, grace %d', (t, read, ping, expiry, grace) => {
    expect(readTimeoutMs(t)).toBeCloseTo(read, 6);
    expect(pingAfterMs(t)).toBeCloseTo(ping, 6);
    expect(expiryMs(t)).toBeCloseTo(expiry, 6);
    expect(graceMs(t)).toBeCloseTo(grace, 6);
  });

  it('no larger than an int, nothing wraps', () => {
    for (let t = MAX; t > MAX - 10; t--) {
      expect(readTimeoutMs(t)).toBeCloseTo((t / 3) * 2, 3);
      expect(expiryMs(t)).toBeCloseTo(t + t / 3, 3);
      expect(connectTimeoutMs(t, Infinity, 1)).toBe(t / 3);
      expect(connectTimeoutMs(t, Infinity, 4)).toBe(t / 4);
      expect([pingAfterMs(t), graceMs(t)]).toEqual([10_000, 1000]);
    }
  });

  it('all deadlines have their order: two pings fit before the read deadline, that before the expiry', () => {
    check(
      fc.property(fc.integer({ min: 1, max: MAX }), (t) => {
        const ping = pingAfterMs(t);
        expect(ping).toBeGreaterThan(0);
        expect(ping).toBeLessThanOrEqual(Math.min(10_000, t / 3));
        expect(2 * ping).toBeLessThanOrEqual(readTimeoutMs(t));
        expect(readTimeoutMs(t)).toBeLessThan(t);
        expect(t).toBeLessThan(expiryMs(t));
        expect(graceMs(t)).toBeGreaterThan(0);
        // who is forgiven a standstill is still given up before the server can forget the session
        expect(readTimeoutMs(t) + graceMs(t)).toBeLessThan(t);
      }),
    );
  });
});

describe('the budget for a server', () => {
  it.each([
    [9000, 1, 3000],
    [9000, 2, 3000],
    [9000, 3, 3000],
    [10_000, 4, 2500],
    [30_000, 7, 30_000 / 7],
    [9000, 0, 3000],
    [1, 5, 1],
    [100, 1000, 1],
    [MAX, MAX, 1],
  ])('of %i ms and %i servers is %d ms', (t, servers, budget) => {
    expect(connectTimeoutMs(t, Infinity, servers)).toBeCloseTo(budget, 9);
  });
});

describe('the pause between two rounds', () => {
  const bounds = { baseMs: 100, maxMs: 1000 };

  it('doubles up to its bound', () => {
    expect(Array.from({ length: 7 }, (_, round) => backoffMs(round, bounds, 1))).toEqual([
      100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('is anything between nothing and that', () => {
    expect([0, 0.25, 0.5, 0.999].map((random) => backoffMs(2, bounds, random))).toEqual([0, 100, 200, 399.6]);
    expect([0, 0.5].map((random) => backoffMs(9, bounds, random))).toEqual([0, 500]);
  });

  it('never grows over its bound, and never shrinks, in however many rounds', () => {
    const wide = { baseMs: 1, maxMs: MAX };
    let last = 0;
    for (const round of [
      0,
      1,
      10,
      29,
      30,
      31,
      32,
      33,
      53,
      64,
      1023,
      1024,
      5000,
      1e9,
      Number.MAX_SAFE_INTEGER,
    ]) {
      const pause = backoffMs(round, wide, 1);
      expect(pause).toBeGreaterThanOrEqual(last);
      expect(pause).toBeLessThanOrEqual(MAX);
      last = pause;
      expect(backoffMs(round, { baseMs: 0, maxMs: 1000 }, 1)).toBe(0);
      expect(backoffMs(round, { baseMs: 5000, maxMs: 1000 }, 1)).toBe(1000);
    }
    expect(last).toBeGreaterThan(2 ** 29);
  });
});

it('a late check and a lasting connection are these', () => {
  expect([LATE_MS, STABLE_MS]).toEqual([100, 1000]);
});
