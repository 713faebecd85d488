/** The types of retries; compiled by `types.test.ts` as well. */
import { describe, expectTypeOf, it } from 'vitest';
import {
  exponentialBackoff,
  isRetryable,
  noRetry,
  retry,
  untilElapsed,
  type CallOptions,
  type ChrootView,
  type Conn,
  type CreateOptions,
  type IdempotentCreateOptions,
  type IdempotentOptions,
  type RetryPolicy,
  type Stat,
} from '../../src/index.js';

describe('retries', () => {
  it('give what the work gives', () => {
    expectTypeOf(retry(noRetry, () => Promise.resolve(5))).resolves.toEqualTypeOf<number>();
    const onConn = (conn: Conn) => conn.retry(noRetry, (attempt) => conn.set('/a', String(attempt)));
    expectTypeOf(onConn).returns.resolves.toEqualTypeOf<Stat>();
  });

  it('have policies as objects', () => {
    expectTypeOf(exponentialBackoff()).toEqualTypeOf<RetryPolicy>();
    expectTypeOf(untilElapsed(5)).toEqualTypeOf<RetryPolicy>();
    expectTypeOf(noRetry).toEqualTypeOf<RetryPolicy>();
    expectTypeOf(isRetryable).toEqualTypeOf<(error: unknown, idempotent?: boolean) => boolean>();
    expectTypeOf<ReturnType<RetryPolicy['delayMs']>>().toEqualTypeOf<number | null>();
  });

  it('are an option of the calls that repeat', () => {
    expectTypeOf<IdempotentCreateOptions>().toExtend<CreateOptions & CallOptions>();
    expectTypeOf<IdempotentOptions['retry']>().toEqualTypeOf<RetryPolicy | undefined>();
    expectTypeOf<ChrootView['createProtected']>().returns.resolves.toEqualTypeOf<string>();
    expectTypeOf<ChrootView['setIdempotent']>().returns.resolves.toEqualTypeOf<Stat>();
    expectTypeOf<Parameters<Conn['deleteIdempotent']>>().toEqualTypeOf<
      [path: string, version?: number, options?: IdempotentOptions]
    >();
  });
});
