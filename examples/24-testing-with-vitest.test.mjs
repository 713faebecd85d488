/** Test a service with vitest, on a clock that the test moves: nothing waits for real time. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MiniServer, VirtualClock } from 'zk-conn/testing';
import { joinWorkers } from './workers.mjs';

let clock;
let server;
let conn;
beforeEach(async () => {
  clock = new VirtualClock();
  server = await MiniServer.start({ clock });
});
afterEach(async () => {
  await conn?.close();
  await server.close();
});

const join = (name) => joinWorkers(server.connectString, name, { clock, dialer: server.dialer });

test('is listed again after its session has expired', async () => {
  conn = await join('ann');
  const lost = conn.sessionId;

  server.expireSession(lost);
  expect(server.tree.get('/workers/ann')).toBeUndefined();
  await clock.advanceUntil(() => server.tree.get('/workers/ann'));

  expect(conn.sessionId).not.toBe(lost);
  expect(server.tree.get('/workers/ann').stat.ephemeralOwner).toBe(conn.sessionId);
});

test('is still listed after an hour', async () => {
  conn = await join('ann');
  await clock.advance(3_600_000);
  expect(server.tree.get('/workers/ann').stat.ephemeralOwner).toBe(conn.sessionId);
  expect(conn.sessionEpoch).toBe(1);
});

test('is off the list in time when it dies, and not before', async () => {
  conn = await join('ann');
  server.blackhole('toServer'); // as if its cable had been pulled
  await clock.advance(conn.negotiatedTimeoutMs - 1);
  expect(server.tree.get('/workers/ann')).toBeDefined();
  await clock.advance(1000);
  expect(server.tree.get('/workers/ann')).toBeUndefined();
  server.heal();
});
