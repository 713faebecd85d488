/** `timeoutMs` of calls that are tried again is for all attempts together, pauses included. */
import { expect, it } from 'vitest';
import { RequestTimeoutError, connect, exponentialBackoff, type Conn } from '../../../src/index.js';
import { MiniServer, VirtualClock } from '../../../src/testing.js';

const timeoutMs = 100;
const retry = exponentialBackoff({ baseMs: 10_000, maxMs: 60_000 });

it.each<[string, (conn: Conn) => Promise<unknown>]>([
  ['createIdempotent', (conn) => conn.createIdempotent('/a', null, { timeoutMs, retry })],
  ['createProtected', (conn) => conn.createProtected('/a-', null, { timeoutMs, retry })],
  ['setIdempotent', (conn) => conn.setIdempotent('/b', null, 0, { timeoutMs, retry })],
  ['deleteIdempotent', (conn) => conn.deleteIdempotent('/b', 0, { timeoutMs, retry })],
])('%s', async (_name, call) => {
  const clock = new VirtualClock();
  await using server = await MiniServer.start({ clock });
  const options = { clock, dialer: server.dialer, random: () => 0.5 };
  const conn = await clock.advanceUntil(connect(server.connectString, options));
  await clock.advanceUntil(conn.create('/b'));
  for (const op of ['create', 'setData', 'delete'] as const) server.when({ op, times: Infinity }).drop();
  const began = clock.now();
  const error: unknown = await clock.advanceUntil(call(conn).catch((reason: unknown) => reason));
  expect(error).toBeInstanceOf(RequestTimeoutError);
  expect(error).toMatchObject({ outcome: 'unknown' });
  expect(clock.now() - began).toBe(timeoutMs);
  await clock.advanceUntil(conn.close());
});
