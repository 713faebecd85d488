import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../../src/protocol/errors.js';
import { VirtualTimeError } from '../../../src/testing/errors.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('advance', () => {
  it('fires timers in the order of their times, then in the order in which they were set', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const set = (name: string, ms: number): void => {
      clock.setTimer(() => fired.push(`${name}@${clock.now()}`), ms);
    };
    set('c', 30);
    set('a', 10);
    set('d', 31);
    set('b', 10);
    await clock.advance(30);
    expect(fired).toEqual(['a@10', 'b@10', 'c@30']);
    expect([clock.now(), clock.pending, clock.fired]).toEqual([30, 1, 3]);
    await clock.advance(1);
    expect(fired.at(-1)).toBe('d@31');
    expect([clock.pending, clock.fired]).toEqual([0, 4]);
  });

  it('fires timers that are set on the way, if their time comes', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    const again = (): void => {
      times.push(clock.now());
      clock.setTimer(again, 7);
    };
    again();
    await clock.advance(27);
    expect([times, clock.now()]).toEqual([[0, 7, 14, 21], 27]);
  });

  it('does not fire what was cancelled, also by a timer of the same time', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const { cancel } = clock.setTimer(() => fired.push('cancelled'), 5);
    cancel();
    clock.setTimeout(() => other.cancel(), 9);
    const other = clock.setTimeout(() => fired.push('other'), 9);
    const zero = clock.setTimer(() => fired.push('zero'), 0);
    zero.cancel();
    await clock.advance(100);
    expect([fired, clock.pending, clock.fired]).toEqual([[], 0, 1]);
  });

  it('waits at each timer for what follows from it: deferred work, promises, a few turns of the event loop', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const note = (what: string): void => void seen.push(`${what}@${clock.now()}`);
    clock.setTimer(() => {
      let left = 20;
      const step = (): void => {
        if (--left > 0) clock.defer(step);
        else void Promise.resolve().then(() => note('deferred'));
      };
      clock.defer(step);
    }, 1);
    clock.setTimer(() => {
      void turn()
        .then(turn)
        .then(() => note('turns'));
    }, 2);
    clock.setTimer(() => note('later'), 3);
    await clock.advance(3);
    expect(seen).toEqual(['deferred@1', 'turns@2', 'later@3']);
  });

  it('takes a part of a millisecond for a whole one, and does not wait for what is due at once', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.setTimer(() => fired.push(`third@${clock.now()}`), 10 / 3);
    clock.setTimer(() => fired.push(`zero@${clock.now()}`), 0);
    clock.setTimer(() => fired.push(`below@${clock.now()}`), -5);
    await clock.settle();
    expect(fired).toEqual(['zero@0', 'below@0']);
    await clock.advance(10);
    expect(fired.at(-1)).toBe('third@4');
  });

  it('is done one after the other', async () => {
    const clock = new VirtualClock();
    const times: number[] = [];
    for (const ms of [3, 4]) void clock.advance(ms).then(() => times.push(clock.now()));
    await clock.advance(5);
    expect([times, clock.now()]).toEqual([[3, 7], 12]);
  });

  it.each([-1, 0.5, NaN, Infinity, '5'])('rejects %s ms, and goes on behind that', async (ms) => {
    const clock = new VirtualClock();
    await expect(clock.advance(ms as number)).rejects.toThrow(InvalidArgumentError);
    await clock.advance(1);
    expect(clock.now()).toBe(1);
  });

  it('rejects with what a timer throws, and goes on behind that', async () => {
    const clock = new VirtualClock();
    clock.setTimer(() => {
      throw new RangeError('mine');
    }, 5);
    await expect(clock.advance(10)).rejects.toThrow('mine');
    expect(clock.now()).toBe(5);
    await clock.advance(5);
    expect(clock.now()).toBe(10);
  });

  it('rejects when there is no end of what happens at one moment', async () => {
    const clock = new VirtualClock();
    let over = false;
    const again = (): void => {
      if (!over) clock.defer(again);
    };
    again();
    await expect(clock.advance(1)).rejects.toThrow(VirtualTimeError);
    expect(clock.now()).toBe(0);
    over = true;
  });
});

describe('advanceUntil', () => {
  it('lets as much time pass as a promise needs, and no more', async () => {
    const clock = new VirtualClock();
    clock.setTimer(() => undefined, 10_000);
    const work = new Promise<string>((resolve) => clock.setTimer(() => resolve('done'), 1234));
    expect(await clock.advanceUntil(work)).toBe('done');
    expect([clock.now(), clock.pending]).toEqual([1234, 1]);
  });

  it('rejects as the promise does', async () => {
    const clock = new VirtualClock();
    const work = new Promise((_, reject) => clock.setTimer(() => reject(new RangeError('no')), 50));
    await expect(clock.advanceUntil(work)).rejects.toThrow('no');
    expect(clock.now()).toBe(50);
  });

  it('gives what a function gives as soon as that is true', async () => {
    const clock = new VirtualClock();
    let ticks = 0;
    const tick = (): void => {
      ticks++;
      clock.setTimer(tick, 100);
    };
    tick();
    expect(await clock.advanceUntil(() => ticks === 5 && 'five')).toBe('five');
    expect(clock.now()).toBe(400);
    expect(await clock.advanceUntil(() => 'at once')).toBe('at once');
    expect(clock.now()).toBe(400);
  });

  it('takes no function whose answer is a promise, which would be true at once', async () => {
    const clock = new VirtualClock();
    await expect(clock.advanceUntil(() => Promise.resolve(false))).rejects.toThrow(InvalidArgumentError);
  });

  it('rejects when the time is up, or no timer is set', async () => {
    const clock = new VirtualClock();
    await expect(clock.advanceUntil(() => false)).rejects.toThrow(
      'advanceUntil(() => false): no timer is set any more, 0 ms after it began',
    );
    const tick = (): void => void clock.setTimer(tick, 100);
    tick();
    const never = clock.advanceUntil(new Promise(() => undefined), { maxMs: 950 });
    await expect(never).rejects.toThrow(VirtualTimeError);
    await expect(never).rejects.toThrow('advanceUntil(a promise): 950 ms have passed and it has not come');
    expect(clock.now()).toBe(950);
    await expect(clock.advanceUntil(() => false, { maxMs: -1 })).rejects.toThrow(InvalidArgumentError);
    for (const goal of [undefined, null, 5]) {
      await expect(clock.advanceUntil(goal as never)).rejects.toThrow(InvalidArgumentError);
    }
  });
});

it('keeps nothing of a timer that was cancelled, and of the others all', async () => {
  const clock = new VirtualClock();
  const fired: number[] = [];
  const { entries } = clock as unknown as { entries: unknown[] };
  const timers = Array.from({ length: 1000 }, (_, i) =>
    clock.setTimer(() => fired.push(i), 1 + Math.floor(i / 10)),
  );
  for (const [i, timer] of timers.entries()) if (i % 7 !== 3) timer.cancel();
  for (const timer of timers.slice(0, 3)) timer.cancel();
  const kept = timers.map((_, i) => i).filter((i) => i % 7 === 3);
  expect([entries.length, clock.pending]).toEqual([kept.length, kept.length]);
  // one that was cancelled leaves nothing to wait for
  const alone = new VirtualClock();
  alone.setTimer(() => undefined, 10).cancel();
  await expect(alone.advanceUntil(() => false)).rejects.toThrow('no timer is set any more');
  await clock.advance(100);
  expect(fired).toEqual(kept);
  timers[3]!.cancel();
  expect(clock.fired).toBe(kept.length);
});

it('asks once more when all of the time has passed', async () => {
  const clock = new VirtualClock();
  clock.setTimer(() => undefined, 5000);
  expect(await clock.advanceUntil(() => clock.now() === 1000 && 'now', { maxMs: 1000 })).toBe('now');
  expect([clock.now(), clock.pending]).toEqual([1000, 1]);
});

describe('an error of virtual time says who waited for what', () => {
  async function impatient(clock: VirtualClock): Promise<void> {
    await clock.advanceUntil(() => clock.fired === 17);
  }

  it.each<[string, (clock: VirtualClock) => Promise<unknown>]>([
    ['advanceUntil(() => clock.fired === 17)', impatient],
    ['advance(1)', (clock) => stirred(clock).advance(1)],
    ['settle()', (clock) => stirred(clock).settle()],
  ])('%s', async (what, wait) => {
    const clock = new VirtualClock();
    const error = await wait(clock).then(
      () => null,
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(VirtualTimeError);
    expect(error?.message.startsWith(`${what}: `)).toBe(true);
    const [head, first] = (error?.stack ?? '').split('\n');
    expect(head).toBe(`VirtualTimeError: ${error?.message}`);
    expect(first).toContain('virtual-clock.test.ts');
    over = true;
  });

  let over = false;
  function stirred(clock: VirtualClock): VirtualClock {
    over = false;
    const again = (): void => {
      if (!over) clock.defer(again);
    };
    again();
    return clock;
  }
});

it('begins with a time of day of its own', () => {
  expect(new VirtualClock().wallMs()).toBe(Date.parse('2026-01-01T00:00:00Z'));
  expect(new VirtualClock({ wallMs: 5 }).wallMs()).toBe(5);
  expect(() => new VirtualClock({ wallMs: -5 })).toThrow(InvalidArgumentError);
});
