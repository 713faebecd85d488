/**
 * The checkers are checked: good histories, made by simple models, are accepted; each way of spoiling them, for a reason that
 * is written beside it, is found. And the two that judge registers, which work in different ways, agree.
 */
import { describe, expect, it } from 'vitest';
import { SEED } from '../../support/property.js';
import { Chance, seedOf } from '../chance.js';
import { goodRegisters } from './corpus/registers.js';
import type { Spoiler } from './corpus/spoiler.js';
import { PLAIN_SPOILERS, ZXID_SPOILERS } from './corpus/spoilt-registers.js';
import { goodNames, goodSet, NAME_SPOILERS, SET_SPOILERS } from './corpus/sets.js';
import { goodSessions, goodTokens, SESSION_SPOILERS, TOKEN_SPOILERS } from './corpus/tokens.js';
import { goodOneShots, goodStream, ONE_SHOT_SPOILERS, STREAM_SPOILERS } from './corpus/watches.js';
import { goodValues, VALUE_SPOILERS } from './corpus/values.js';
import { isWrite, type RegisterCall, type RegisterHistory } from './history.js';
import { notLinearizable } from './linearizability.js';
import { checkSessions } from './sessions.js';
import { checkNames, checkSet } from './sets.js';
import { checkTokens } from './tokens.js';
import { checkValues } from './values.js';
import { checkOneShots, checkStream } from './watch-stream.js';
import { checkZxidOrder } from './zxid-order.js';

/** Good histories of each kind, and bad ones of each way to spoil one. */
const GOOD = 60;
const BAD = 12;
/** A way to spoil is given up if it finds nothing to spoil so often. */
const ATTEMPTS = 400;

interface Suite<H> {
  readonly name: string;
  readonly good: (seed: number) => H;
  readonly check: (history: H) => readonly string[];
  readonly spoilers: Readonly<Record<string, Spoiler<H>>>;
}

const suite = <H>(
  name: string,
  good: (seed: number) => H,
  check: (history: H) => readonly string[],
  spoilers: Readonly<Record<string, Spoiler<H>>>,
): Suite<unknown> => ({ name, good, check, spoilers }) as unknown as Suite<unknown>;

const SUITES: readonly Suite<unknown>[] = [
  suite('registers, by their zxids', (seed) => goodRegisters(seed, seed % 2 === 0), checkZxidOrder, {
    ...PLAIN_SPOILERS,
    ...ZXID_SPOILERS,
  }),
  suite('registers, without zxids', (seed) => goodRegisters(seed, true), notLinearizable, PLAIN_SPOILERS),
  suite('sets', (seed) => goodSet(seed, seed % 2 === 0), checkSet, SET_SPOILERS),
  suite('names', goodNames, ({ calls, final }) => checkNames(calls, final), NAME_SPOILERS),
  suite('locks', goodTokens, checkTokens, TOKEN_SPOILERS),
  suite('sessions', goodSessions, checkSessions, SESSION_SPOILERS),
  suite('streams', goodStream, checkStream, STREAM_SPOILERS),
  suite(
    'watches that fire once',
    goodOneShots,
    ({ watches, log, until }) => checkOneShots(watches, log, until),
    ONE_SHOT_SPOILERS,
  ),
  suite('streams of values', goodValues, checkValues, VALUE_SPOILERS),
];

const counts = { good: 0, bad: 0 };
const distinct = new Set<string>();

function shown(history: unknown): string {
  return JSON.stringify(history, (_key, value: unknown) =>
    typeof value === 'bigint'
      ? `${value}n`
      : value instanceof Map
        ? [...(value as Map<string, unknown>)]
        : value,
  );
}

describe.each(SUITES)('the checker of $name', ({ name, good, check, spoilers }) => {
  it('accepts what is good', () => {
    for (let run = 0; run < GOOD; run++) {
      const seed = seedOf(SEED, run);
      const history = good(seed);
      expect(check(history), `seed ${seed}: ${shown(history)}`).toEqual([]);
      counts.good++;
    }
  });

  it.each(Object.keys(spoilers))('finds that %s', (way) => {
    let found = 0;
    for (let run = 0; run < ATTEMPTS && found < BAD; run++) {
      const seed = seedOf(SEED, run);
      const spoilt = spoilers[way]!(good(seed), new Chance(seed));
      if (spoilt === undefined) continue;
      const text = shown(spoilt.history);
      if (distinct.has(`${name} ${text}`)) continue;
      distinct.add(`${name} ${text}`);
      expect(spoilt.reason).not.toBe('');
      expect(
        check(spoilt.history).length,
        `seed ${seed}, bad because ${spoilt.reason}: ${text}`,
      ).toBeGreaterThan(0);
      found++;
    }
    expect(found, 'there are too few of this kind').toBe(BAD);
    counts.bad += found;
  });
});

describe('the corpus', () => {
  it('has at least 200 good and 200 bad histories, no two of them alike', () => {
    process.stdout.write(`checkers: ${counts.good} good and ${counts.bad} bad histories\n`);
    expect(counts.good).toBeGreaterThanOrEqual(200);
    expect(counts.bad).toBeGreaterThanOrEqual(200);
    expect(distinct.size).toBe(counts.bad);
  });
});

describe('two checkers of registers', () => {
  /** A short history of one register that may be good or bad: its results are guesses. */
  function guessed(seed: number): RegisterHistory {
    const chance = new Chance(seed);
    const calls: RegisterCall[] = [];
    const times = chance.shuffled(Array.from({ length: 24 }, (_, i) => i + 1));
    for (let i = 0; i < 6; i++) {
      const [a, b] = [times.pop()!, times.pop()!];
      const base = { client: `c${i}`, session: 0n, key: '/a', begin: Math.min(a, b), end: Math.max(a, b) };
      const version = chance.between(1, 3);
      const kind = chance.one(['read', 'write', 'cas'] as const);
      if (kind === 'read') {
        // one of the writes, as a rule
        const value = version === 0 ? 'first' : `c${chance.below(6)}`;
        calls.push({ ...base, kind, outcome: 'ok', seen: { value, version, zxid: BigInt(version) } });
        continue;
      }
      const value = `c${i}`;
      const expected = kind === 'cas' ? { expected: version - 1 } : {};
      const outcome = chance.one(['ok', 'ok', 'unknown', 'rejected'] as const);
      const made = outcome === 'ok' ? { made: { version, zxid: BigInt(version) } } : {};
      // what several refusals prove together is left to the search
      if (outcome === 'rejected' && (kind === 'write' || calls.some((call) => call.outcome === 'rejected')))
        continue;
      calls.push({ ...base, kind, value, outcome, ...expected, ...made });
    }
    const initial = new Map([['/a', { value: 'first', version: 0, zxid: 0n }]]);
    return { initial, calls, freshReads: true };
  }

  it('agree about any short history', () => {
    const verdicts = { good: 0, bad: 0 };
    for (let run = 0; run < 20_000; run++) {
      const history = guessed(seedOf(SEED, run));
      const isGood = notLinearizable(history).length === 0;
      const problems = checkZxidOrder(history);
      expect(problems.length === 0, `run ${run}: ${String(problems)}; ${shown(history)}`).toBe(isGood);
      if (history.calls.filter(isWrite).length > 1) verdicts[isGood ? 'good' : 'bad']++;
    }
    expect(verdicts.good).toBeGreaterThan(200);
    expect(verdicts.bad).toBeGreaterThan(200);
    process.stdout.write(`two checkers agree: ${verdicts.good} good, ${verdicts.bad} bad\n`);
  });
});
