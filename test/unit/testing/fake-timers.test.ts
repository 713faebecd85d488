/** A test runner's fake timers, which replace the global ones: the mini-server, a proxy and virtual time go on without them. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connect } from '../../../src/index.js';
import { FaultProxy, MiniServer, VirtualClock } from '../../../src/testing.js';
import { RawClient } from '../../support/raw-client.js';

afterEach(() => {
  vi.useRealTimers();
  vi.resetModules();
});

const exists = { path: '/', watch: false };

describe.each([
  ['after it was loaded', () => Promise.resolve({ MiniServer, FaultProxy })],
  ['before it was loaded', () => import('../../../src/testing.js')],
])('with fake timers from %s', (when, load) => {
  it('a session expires when it is time, by the clock of the machine', async () => {
    if (when.startsWith('before')) vi.resetModules();
    vi.useFakeTimers();
    const { MiniServer: Server } = await load();
    await using server = await Server.start({ tickTimeMs: 1, minSessionTimeoutMs: 1 });
    const client = await RawClient.open({ port: server.port }, { timeOut: 1 });
    // nobody moves the fake time
    await client.hungUp();
    expect(server.sessions).toEqual([]);
  });

  it('faults happen that need time, or a turn of the event loop', async () => {
    if (when.startsWith('before')) vi.resetModules();
    vi.useFakeTimers();
    const { MiniServer: Server, FaultProxy: Proxy } = await load();
    await using server = await Server.start();
    await using proxy = await Proxy.start({ target: server.connectString });
    for (const faults of [server, proxy]) {
      const client = await RawClient.open({ port: faults.port });
      const lag = faults.lag(1);
      expect((await client.call('exists', exists)).errno).toBe(0);
      lag.end();
      faults.when({ op: 'exists' }).chunk(1);
      expect((await client.call('exists', exists)).errno).toBe(0);
      const rule = faults.when({ op: 'exists' }).cut('beforeAnswered');
      await Promise.all([rule.reached, client.call('exists', exists).catch(() => null)]);
      client.destroy();
    }
  });
});

it('fake time that passes is nothing to the server: no session expires of it', async () => {
  await using server = await MiniServer.start();
  const client = await RawClient.open({ port: server.port }, { timeOut: 30_000 });
  vi.useFakeTimers();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect((await client.call('exists', exists)).errno).toBe(0);
  expect(server.sessions).toHaveLength(1);
  client.destroy();
});

it('virtual time, client and server go on with fake timers', async () => {
  vi.useFakeTimers();
  const clock = new VirtualClock();
  await using server = await MiniServer.start({ clock });
  const conn = await connect(server.connectString, { clock, dialer: server.dialer });
  await clock.advance(60_000);
  server.expireSession(conn.sessionId);
  await clock.advanceUntil(() => conn.sessionEpoch === 2);
  await clock.advanceUntil(conn.close());
});

it('a Conn of the clock of the machine works with fake timers as long as nothing goes wrong', async () => {
  vi.useFakeTimers();
  await using server = await MiniServer.start();
  const conn = await connect(server.connectString);
  await conn.create('/a', 'x');
  expect((await conn.get('/a')).data?.toString()).toBe('x');
  await conn.close();
});
