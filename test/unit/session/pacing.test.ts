import { describe, expect, it } from 'vitest';
import { Pacing } from '../../../src/session/pacing.js';

const BOUNDS = { baseMs: 100, maxMs: 1000 };

/** Ends attempts until a pause is due; how many there were. */
function round(pacing: Pacing, servers: number): number {
  for (let attempts = 1; attempts < 1000; attempts++) if (pacing.attemptEnded(0, servers)) return attempts;
  throw new Error('no pause');
}

describe('servers', () => {
  it.each([1, 2, 3, 10])('are tried once each between two pauses: %i', (servers) => {
    const pacing = new Pacing(BOUNDS);
    for (let i = 0; i < 5; i++) {
      expect(round(pacing, servers)).toBe(servers);
      pacing.pauseMs(0.5);
    }
  });

  it('that become fewer in the middle of a round end it', () => {
    const pacing = new Pacing(BOUNDS);
    for (let i = 0; i < 4; i++) expect(pacing.attemptEnded(0, 9)).toBe(false);
    expect(pacing.attemptEnded(0, 2)).toBe(true);
  });

  it('that become more are tried first', () => {
    const pacing = new Pacing(BOUNDS);
    expect([pacing.attemptEnded(0, 2), pacing.attemptEnded(0, 3), pacing.attemptEnded(0, 3)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('the pause', () => {
  it('grows from round to round up to its bound', () => {
    const pacing = new Pacing(BOUNDS);
    const pauses = Array.from({ length: 6 }, () => (round(pacing, 3), pacing.pauseMs(1)));
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('is a part of its bound, by chance', () => {
    const pacing = new Pacing(BOUNDS);
    expect([0.5, 0, 0.25].map((random) => pacing.pauseMs(random))).toEqual([50, 0, 100]);
  });

  it('that comes early, because the host provider wants it, begins a new round', () => {
    const pacing = new Pacing(BOUNDS);
    pacing.attemptEnded(0, 3);
    pacing.attemptEnded(0, 3);
    pacing.pauseMs(0.5);
    expect(round(pacing, 3)).toBe(3);
  });

  it('is known until the next attempt has ended', () => {
    const pacing = new Pacing(BOUNDS);
    expect(pacing.hasRested).toBe(false);
    pacing.attemptEnded(0, 1);
    expect(pacing.hasRested).toBe(false);
    pacing.pauseMs(0);
    expect(pacing.hasRested).toBe(true);
    expect(pacing.hasRested).toBe(true);
    pacing.attemptEnded(0, 1);
    expect(pacing.hasRested).toBe(false);
  });
});

describe('a connection', () => {
  const worn = (): Pacing => {
    const pacing = new Pacing(BOUNDS);
    for (let i = 0; i < 3; i++) {
      round(pacing, 3);
      pacing.pauseMs(1);
    }
    return pacing;
  };

  it('that lasted makes all of it begin again, and its own end is the first attempt', () => {
    const pacing = worn();
    pacing.attemptEnded(0, 3);
    pacing.attemptEnded(0, 3);
    expect([
      pacing.attemptEnded(1600, 3),
      pacing.attemptEnded(0, 3),
      pacing.attemptEnded(0, 3),
      pacing.pauseMs(1),
    ]).toEqual([false, false, true, 100]);
  });

  it('that lasted, on the only server, is followed by the shortest pause', () => {
    const pacing = worn();
    expect([pacing.attemptEnded(1_000_000, 1), pacing.pauseMs(1), pacing.attemptEnded(0, 1)]).toEqual([
      true,
      100,
      true,
    ]);
    expect(pacing.pauseMs(1)).toBe(200);
  });

  it('that two clients take away from each other comes back behind ever longer pauses', () => {
    const both = [new Pacing({ baseMs: 100, maxMs: 3000 }), new Pacing({ baseMs: 100, maxMs: 3000 })];
    const pauses: number[] = [];
    for (let i = 0; i < 20; i++) {
      const one = both[i % 2]!;
      // each has it for as long as the other pauses
      one.attemptEnded(pauses.at(-1) ?? 60_000, 1);
      pauses.push(one.pauseMs(1));
    }
    const [first, second] = [pauses.filter((_, i) => i % 2 === 0), pauses.filter((_, i) => i % 2 === 1)];
    expect(first).toEqual([100, 200, 400, 800, 1600, 3000, 3000, 3000, 3000, 3000]);
    expect(second).toEqual(first);
    // and who has it for good begins anew
    expect([both[0]!.attemptEnded(11_999, 1), both[0]!.pauseMs(1)]).toEqual([true, 3000]);
    expect([both[0]!.attemptEnded(12_000, 1), both[0]!.pauseMs(1)]).toEqual([true, 100]);
  });

  it('that did not last is an attempt like any other', () => {
    const pacing = worn();
    expect([
      pacing.attemptEnded(999, 3),
      pacing.attemptEnded(999.9, 3),
      pacing.attemptEnded(1, 3),
      pacing.pauseMs(1),
    ]).toEqual([false, false, true, 800]);
  });
});
