/** The conversation with its connection killed after every byte of one direction, in every way. */
import { describe, expect, it } from 'vitest';
import * as client from '../../../src/index.js';
import { MiniServer, VirtualClock } from '../../../src/testing.js';
import { SCALE, checked, injected, requested, type Zero } from '../../support/tally.js';
import { Broken, converse, openStage, type Fate, type Never } from './conversation.js';
import type { Cut, Direction, How } from './wire.js';

const ZERO: Readonly<Record<Never, Zero>> = {
  writes: 'acknowledged writes lost',
  promises: 'promises hanging',
  watches: 'watches lost or doubled',
  gaps: 'unmarked gaps',
  sessions: 'requests that crossed sessions',
  handles: 'leaked handles',
  secrets: 'secret leaks',
};

/** How, what becomes of the session, and whether every byte has its turn in each run or only every fifth. */
const WAYS: readonly (readonly [How, Fate, 'every byte' | 'some bytes'])[] = [
  ['rst', 'resumed', 'every byte'],
  ['fin', 'resumed', 'every byte'],
  ['silence', 'resumed', 'every byte'],
  ['rst', 'expired', 'some bytes'],
];
const SOME = SCALE >= 5 ? 1 : 5;

export function killAfterEveryByte(direction: Direction): void {
  describe(`a conversation that is cut ${direction}`, () => {
    it.each(WAYS)('by %s, its session %s, after %s', { timeout: 600_000 }, async (how, fate, which) => {
      await using stage = await openStage(client, { MiniServer, VirtualClock });
      const whole = await converse(stage, null);
      const bytes = direction === 'to the server' ? whole.bytesOut : whole.bytesIn;
      const ends = new Map<string, number>();
      let cuts = 0;
      for (let after = 1; after < bytes; after += which === 'every byte' ? 1 : SOME) {
        const cut: Cut = { direction, how, after };
        try {
          const books = await converse(stage, cut, fate);
          requested(books.calls);
          for (const zero of books.looked) checked(ZERO[zero], 0);
          for (const [end, n] of books.ends) ends.set(end, (ends.get(end) ?? 0) + n);
        } catch (error) {
          if (error instanceof Broken) checked(ZERO[error.zero], 1);
          throw new Error(`cut ${direction} after ${after} bytes by ${how}: ${String(error)}`, {
            cause: error,
          });
        }
        cuts++;
        injected(fate === 'expired' ? 'cut, and expired meanwhile' : `cut by ${how}`);
      }
      process.stdout.write(
        `${cuts} cuts ${direction} by ${how}, ${fate}: ${JSON.stringify(Object.fromEntries(ends))}\n`,
      );
      expect(ends.get('ok')).toBeGreaterThan(cuts);
      expect(ends.get('unknown')).toBeGreaterThan(cuts / 4);
      if (fate === 'expired') expect(ends.get('not-sent')).toBeGreaterThan(0);
    });
  });
}
