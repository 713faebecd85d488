/** Repeats what has failed, if it may be repeated: policies are objects, and the outcome of an error is honoured. */
import { systemClock, type Clock } from '../net/clock.js';
import { InvalidArgumentError, InvalidOptionError, ZkError } from '../protocol/errors.js';
import type { AnyOp } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { Delays } from './delays.js';
import { asObject, refuseUnknownKeys } from './options.js';

/** What a {@link RetryPolicy} is asked about. */
export interface RetryFailure {
  /** What the latest attempt was rejected with. */
  readonly error: unknown;
  /** Attempts that have failed so far, 1 or more. */
  readonly attempt: number;
  /** Since the first attempt began, ms. */
  readonly elapsedMs: number;
  /** A number from 0 to below 1, for a jitter that tests can own. */
  readonly random: () => number;
}

/** When to try again, and when to give up. Has no state of its own, so one object may serve any number of calls. */
export interface RetryPolicy {
  /** How long to wait before the next attempt, ms; null to give up. */
  delayMs(failure: RetryFailure): number | null;
  /** May it be tried again at all? Default: {@link isRetryable}. */
  isRetryable?(error: unknown, idempotent: boolean): boolean;
}

/** Options of `retry`. */
export interface RetryOptions {
  /** Ends the pause between attempts; to end an attempt, give it to the calls in it as well. */
  readonly signal?: AbortSignal | undefined;
  /** The work may be done twice: try again too where a write may have been applied. Default: false. */
  readonly idempotent?: boolean | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
  /** A number from 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * May what was rejected with this error be tried again, and do no harm? Only with an error that says so (`retryable`),
 * and only if nothing can have been changed: it was not sent, the server refused it, or it was a read. With `idempotent`
 * also a write whose outcome is unknown.
 */
export function isRetryable(error: unknown, idempotent = false): boolean {
  if (!ZkError.is(error) || !error.retryable) return false;
  return idempotent || error.outcome !== 'unknown' || isRead(error.op);
}

function isRead(op: string | undefined): boolean {
  if (op === undefined || !Object.hasOwn(operations, op)) return false;
  const row: AnyOp = operations[op as keyof typeof operations];
  return !row.mutates;
}

/**
 * Does `work` until it succeeds, or the policy gives up; then it rejects with the last error. `work` gets the number of
 * the attempt, from 1. It should be one call, or safe to be done again from its beginning.
 * @throws InvalidArgumentError, InvalidOptionError; the reason of the signal
 */
export async function retry<T>(
  policy: RetryPolicy,
  work: (attempt: number) => Promise<T>,
  options?: RetryOptions,
): Promise<T> {
  const given = asObject(options ?? {}, 'the options of retry');
  refuseUnknownKeys(given, ['signal', 'idempotent', 'clock', 'random'], 'option of retry');
  checkPolicy(policy);
  const { signal, idempotent = false, clock = systemClock, random = Math.random } = options ?? {};
  return attempts(policy, work, { signal, idempotent, clock, random, delays: new Delays(clock) });
}

/** What attempts are made with. */
export interface AttemptParts {
  readonly signal: AbortSignal | undefined;
  readonly idempotent: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly delays: Delays;
  /** Do the pauses keep the process alive? Default: true. */
  readonly holds?: boolean;
}

/** {@link retry}, checked. */
export async function attempts<T>(
  policy: RetryPolicy,
  work: (attempt: number) => Promise<T>,
  parts: AttemptParts,
): Promise<T> {
  const { signal, idempotent, clock, random, delays, holds = true } = parts;
  const began = clock.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const may = policy.isRetryable?.(error, idempotent) ?? isRetryable(error, idempotent);
      if (!may) throw error;
      const delayMs = policy.delayMs({ error, attempt, elapsedMs: clock.now() - began, random });
      if (delayMs === null) throw error;
      checkDelay(delayMs);
      await delays.wait(delayMs, signal, holds);
    }
  }
}

function checkDelay(delayMs: unknown): void {
  if (typeof delayMs === 'number' && delayMs >= 0 && delayMs < Infinity) return;
  throw new InvalidArgumentError('delayMs of a retry policy must give a number of ms, or null to give up');
}

/** @throws InvalidArgumentError if it is none */
export function checkPolicy(policy: unknown): asserts policy is RetryPolicy {
  const { delayMs, isRetryable: may } = (policy ?? {}) as Partial<RetryPolicy>;
  if (typeof delayMs === 'function' && (may === undefined || typeof may === 'function')) return;
  throw new InvalidArgumentError('a retry policy must have a function delayMs');
}

// ---------------------------------------------------------------- policies

/** Options of {@link exponentialBackoff}. */
export interface BackoffOptions {
  /** First pause at most, ms. Default: 100. */
  readonly baseMs?: number | undefined;
  /** Longest pause, ms. Default: 10 000. */
  readonly maxMs?: number | undefined;
  /** Attempts at most, the first one included. Default: 10. */
  readonly maxAttempts?: number | undefined;
  /** No attempt begins later than this after the first, ms; the last pause is shortened to it. Default: no limit. */
  readonly maxElapsedMs?: number | undefined;
  /** `full`: a random part of the pause. `equal`: half of it, and a random part of the other. `none`. Default: `full`. */
  readonly jitter?: 'full' | 'equal' | 'none' | undefined;
}

const JITTERS = {
  full: (ms: number, random: number): number => ms * random,
  equal: (ms: number, random: number): number => ms / 2 + (ms / 2) * random,
  none: (ms: number): number => ms,
};

/** Pauses that double from one attempt to the next. @throws InvalidOptionError at once */
export function exponentialBackoff(options?: BackoffOptions): RetryPolicy {
  const given = asObject(options ?? {}, 'the options of exponentialBackoff');
  const known = ['baseMs', 'maxMs', 'maxAttempts', 'maxElapsedMs', 'jitter'];
  refuseUnknownKeys(given, known, 'option of exponentialBackoff');
  const { baseMs = 100, maxMs = Math.max(10_000, baseMs), jitter = 'full' } = options ?? {};
  const { maxAttempts = 10, maxElapsedMs = Infinity } = options ?? {};
  atLeast('baseMs', baseMs, 0);
  atLeast('maxMs', maxMs, baseMs);
  atLeast('maxAttempts', maxAttempts, 1);
  atLeast('maxElapsedMs', maxElapsedMs, 0);
  if (!Number.isFinite(maxMs)) throw new InvalidOptionError('maxMs must be finite');
  if (!Object.hasOwn(JITTERS, jitter)) {
    throw new InvalidOptionError(`jitter must be one of ${Object.keys(JITTERS).join(', ')}`);
  }
  const jittered = JITTERS[jitter];
  return {
    delayMs: ({ attempt, elapsedMs, random }) => {
      if (attempt >= maxAttempts || elapsedMs >= maxElapsedMs) return null;
      const pauseMs = jittered(Math.min(maxMs, baseMs * 2 ** (attempt - 1)), random());
      return Math.min(pauseMs, maxElapsedMs - elapsedMs);
    },
  };
}

/** Tries as long as there is time, with the pauses of {@link exponentialBackoff}. @throws InvalidOptionError at once */
export function untilElapsed(
  maxElapsedMs: number,
  options?: Omit<BackoffOptions, 'maxElapsedMs' | 'maxAttempts'>,
): RetryPolicy {
  atLeast('maxElapsedMs', maxElapsedMs, 0);
  return exponentialBackoff({ ...options, maxElapsedMs, maxAttempts: Infinity });
}

/** Gives up after the first attempt. */
export const noRetry: RetryPolicy = Object.freeze({ delayMs: () => null });

function atLeast(name: string, value: unknown, min: number): void {
  if (typeof value === 'number' && value >= min) return;
  throw new InvalidOptionError(`${name} must be a number from ${min} on`);
}
