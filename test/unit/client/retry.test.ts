import { describe, expect, it } from 'vitest';
import {
  exponentialBackoff,
  isRetryable,
  noRetry,
  retry,
  untilElapsed,
  type RetryFailure,
  type RetryPolicy,
} from '../../../src/client/retry.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  ConnectionLossError,
  InvalidArgumentError,
  InvalidOptionError,
  NoServerError,
  RequestTimeoutError,
  SessionExpiredError,
  keeperError,
  type Outcome,
} from '../../../src/protocol/errors.js';
import {
  ManualClock,
  ScriptedServer,
  rejectionOf,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';

const lost = (op: string, outcome: Outcome = 'unknown'): ConnectionLossError =>
  new ConnectionLossError({ op, path: '/a', outcome });

/** Work that fails with these errors in turn, and then succeeds. */
function failing(...errors: unknown[]): { work: (attempt: number) => Promise<string>; attempts: number[] } {
  const attempts: number[] = [];
  const left = [...errors];
  const work = async (attempt: number): Promise<string> => {
    attempts.push(attempt);
    if (left.length > 0) throw left.shift();
    return 'done';
  };
  return { work, attempts };
}

const AT_ONCE = exponentialBackoff({ baseMs: 0, maxMs: 0 });

describe('isRetryable', () => {
  it.each([
    ['a write that was not sent', lost('create', 'not-sent'), true, true],
    ['a write that nobody knows of [E19]', lost('create'), false, true],
    ['a multi that nobody knows of [E19]', lost('multi'), false, true],
    ['a read that nobody knows of', lost('getData'), true, true],
    ['a read that timed out', new RequestTimeoutError({ op: 'exists', outcome: 'unknown' }), true, true],
    ['a write that timed out', new RequestTimeoutError({ op: 'setData', outcome: 'unknown' }), false, true],
    ['a call that is none of the table', lost('deleteRecursive'), false, true],
    ['an error without a call', new ConnectionLossError({ outcome: 'unknown' }), false, true],
    ['an attempt to connect', new NoServerError('none'), true, true],
    ['a throttled write', keeperError(Errno.ThrottledOp, { op: 'create', outcome: 'rejected' }), true, true],
    ['a refusal', keeperError(Errno.NodeExists, { op: 'create', outcome: 'rejected' }), false, false],
    ['an expired session', new SessionExpiredError({ op: 'getData', outcome: 'not-sent' }), false, false],
    ['wrong arguments', new InvalidArgumentError('bad'), false, false],
    ['an error of somebody else', new Error('bad'), false, false],
    ['no error', undefined, false, false],
  ])('%s', (_what, error, plain, idempotent) => {
    expect([isRetryable(error), isRetryable(error, true)]).toEqual([plain, idempotent]);
  });
});

describe('retry', () => {
  it('gives the first result', async () => {
    const { work, attempts } = failing(lost('getData'), lost('exists'));
    expect(await retry(AT_ONCE, work)).toBe('done');
    expect(attempts).toEqual([1, 2, 3]);
  });

  it('never repeats a write whose outcome is unknown, unless it is told that it may [E19]', async () => {
    const error = lost('create');
    const once = failing(error);
    expect(await rejectionOf(retry(AT_ONCE, once.work))).toBe(error);
    expect(once.attempts).toEqual([1]);
    expect(await retry(AT_ONCE, failing(error).work, { idempotent: true })).toBe('done');
  });

  it('rejects with the last error when the policy gives up', async () => {
    const errors = [lost('getData'), lost('getData'), lost('getData')];
    const { work } = failing(...errors);
    expect(await rejectionOf(retry(exponentialBackoff({ baseMs: 0, maxAttempts: 2 }), work))).toBe(errors[1]);
    expect(await rejectionOf(retry(noRetry, failing(errors[0]).work))).toBe(errors[0]);
  });

  it('lets the policy decide what may be repeated', async () => {
    const mine = new Error('mine');
    const policy: RetryPolicy = { delayMs: () => 0, isRetryable: (error) => error === mine };
    expect(await retry(policy, failing(mine).work)).toBe('done');
    const error = lost('getData');
    expect(await rejectionOf(retry(policy, failing(error).work))).toBe(error);
  });

  it('waits as long as the policy says, by the clock that it is given', async () => {
    const clock = new ManualClock();
    const asked: RetryFailure[] = [];
    const policy: RetryPolicy = {
      delayMs: (failure) => {
        asked.push(failure);
        return 100 * failure.attempt;
      },
    };
    const random = (): number => 0.25;
    const errors = [lost('getData'), lost('getData')];
    const { work, attempts } = failing(...errors);
    const outcome = watchOutcome(retry(policy, work, { clock, random }));
    await settle();
    await clock.advance(99);
    expect(attempts).toEqual([1]);
    await clock.advance(1);
    expect(attempts).toEqual([1, 2]);
    await clock.advance(200);
    expect(outcome.current).toEqual({ value: 'done' });
    expect(asked.map(({ error, attempt, elapsedMs }) => [error, attempt, elapsedMs])).toEqual([
      [errors[0], 1, 0],
      [errors[1], 2, 100],
    ]);
    expect(asked[0]?.random()).toBe(0.25);
    expect(clock.timers).toBe(0);
  });

  it('waits the whole time, also with a timer that is early', async () => {
    const clock = new ManualClock();
    const early = {
      now: () => clock.now(),
      setTimer: (fire: () => void, ms: number) => clock.setTimer(fire, ms / 2),
    };
    const { work, attempts } = failing(lost('getData'));
    void retry({ delayMs: () => 100 }, work, { clock: early });
    await settle();
    await clock.advance(99);
    expect(attempts).toEqual([1]);
    await clock.advance(2);
    expect(attempts).toEqual([1, 2]);
  });

  it('ends its pause when its signal aborts, and lets go of the signal and the timer', async () => {
    const clock = new ManualClock();
    const abort = new AbortController();
    const { work, attempts } = failing(lost('getData'));
    const waiting = rejectionOf(retry({ delayMs: () => 1000 }, work, { clock, signal: abort.signal }));
    await settle();
    expect(clock.timers).toBe(1);
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await waiting).toBe(reason);
    expect([clock.timers, attempts]).toEqual([0, [1]]);
    expect(await rejectionOf(retry(AT_ONCE, failing(lost('get')).work, { signal: abort.signal }))).not.toBe(
      reason,
    );
  });

  it.each([NaN, -1, Infinity, '5', undefined])('refuses a pause of %s', async (delayMs) => {
    const policy = { delayMs: () => delayMs } as never;
    expect(await rejectionOf(retry(policy, failing(lost('getData')).work))).toBeInstanceOf(
      InvalidArgumentError,
    );
  });

  it('refuses a policy that is none, and options that it does not know', async () => {
    const { work, attempts } = failing();
    for (const policy of [null, undefined, {}, { delayMs: 5 }, { delayMs: () => 0, isRetryable: true }]) {
      expect(await rejectionOf(retry(policy as never, work))).toBeInstanceOf(InvalidArgumentError);
    }
    expect(await rejectionOf(retry(noRetry, work, { attempts: 3 } as never))).toBeInstanceOf(
      InvalidOptionError,
    );
    expect(attempts).toEqual([]);
  });
});

describe('conn.retry', () => {
  it('uses the clock of the Conn, and its chance', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const { work, attempts } = failing(lost('getData'));
    const outcome = watchOutcome(conn.retry(exponentialBackoff({ baseMs: 1000, maxMs: 1000 }), work));
    await settle();
    await server.clock.advance(998);
    expect(attempts).toEqual([1]);
    await server.clock.advance(1);
    expect(outcome.current).toEqual({ value: 'done' });
    await server.close(conn);
  });

  it('repeats a read over a reconnect', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const outcome = watchOutcome(conn.retry(AT_ONCE, () => conn.sync('/a')));
    await settle();
    server.link.takeOne();
    await server.cutAndResume();
    await server.link.answer(server.link.takeOne(), { path: '/a' });
    expect(outcome.current).toEqual({ value: '/a' });
    await server.close(conn);
  });

  it('ends its pauses when the Conn is over, and leaves no timer', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const view = conn.chroot('/a');
    const paused = [conn, view].map((one) =>
      rejectionOf(one.retry({ delayMs: () => 60_000 }, failing(lost('getData')).work)),
    );
    await settle();
    await server.close(conn);
    for (const reason of paused)
      expect(await reason).toMatchObject({ code: 'ZK_CLOSED', outcome: 'not-sent' });
    expect(server.clock.timers).toBe(0);
    const later = conn.retry({ delayMs: () => 0, isRetryable: () => true }, failing(lost('getData')).work);
    expect(await rejectionOf(later)).toMatchObject({ code: 'ZK_CLOSED' });
  });

  it('checks what it is given', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const { work } = failing();
    expect(await rejectionOf(conn.retry({} as never, work))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(conn.retry(noRetry, work, { clock: {} } as never))).toBeInstanceOf(
      InvalidOptionError,
    );
    await conn.close();
  });
});

describe('exponentialBackoff', () => {
  const pauses = (policy: RetryPolicy, random = 0.5, elapsedMs = 0): (number | null)[] =>
    [1, 2, 3, 4, 5].map((attempt) =>
      policy.delayMs({ error: null, attempt, elapsedMs, random: () => random }),
    );

  it('doubles up to a limit', () => {
    expect(pauses(exponentialBackoff({ baseMs: 10, maxMs: 60, jitter: 'none' }))).toEqual([
      10, 20, 40, 60, 60,
    ]);
  });

  it('takes a random part of it, or half of it and a random part', () => {
    expect(pauses(exponentialBackoff({ baseMs: 8 }), 0.25)).toEqual([2, 4, 8, 16, 32]);
    expect(pauses(exponentialBackoff({ baseMs: 8, jitter: 'equal' }), 0.25)).toEqual([5, 10, 20, 40, 80]);
  });

  it('gives up after so many attempts', () => {
    expect(pauses(exponentialBackoff({ baseMs: 1, jitter: 'none', maxAttempts: 3 }))).toEqual([
      1,
      2,
      null,
      null,
      null,
    ]);
    expect(exponentialBackoff().delayMs({ error: null, attempt: 9, elapsedMs: 0, random: () => 0.5 })).toBe(
      5000,
    );
    expect(
      exponentialBackoff().delayMs({ error: null, attempt: 10, elapsedMs: 0, random: () => 0.5 }),
    ).toBeNull();
  });

  it('gives up after so much time, with a last attempt at its end', () => {
    const policy = untilElapsed(1000, { baseMs: 400, jitter: 'none' });
    const at = (attempt: number, elapsedMs: number): number | null =>
      policy.delayMs({ error: null, attempt, elapsedMs, random: () => 0 });
    expect([at(1, 0), at(2, 900), at(99, 999), at(3, 1000), at(3, 2000)]).toEqual([400, 100, 1, null, null]);
  });

  it.each([
    { baseMs: -1 },
    { baseMs: 10, maxMs: 9 },
    { maxMs: Infinity },
    { maxAttempts: 0 },
    { maxElapsedMs: NaN },
    { jitter: 'some' },
    { base: 1 },
    5,
  ])('refuses %j', (options) => {
    expect(() => exponentialBackoff(options as never)).toThrow(InvalidOptionError);
  });

  it('untilElapsed needs a time', () => {
    expect(() => untilElapsed('x' as never)).toThrow(InvalidOptionError);
  });
});
