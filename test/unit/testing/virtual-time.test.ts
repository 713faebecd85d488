/** Client and mini-server on one clock that stands still: an hour of sessions, expiries and pauses, to the millisecond. */
import { afterEach, describe, expect, it } from 'vitest';
import { RequestTimeoutError } from '../../../src/protocol/errors.js';
import { connect, type Conn, type ConnOptions, type Dialer } from '../../../src/index.js';
import { MiniEnsemble, MiniServer, VirtualClock, type MiniServerOptions } from '../../../src/testing.js';

const HOUR = 3_600_000;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world(serverOptions: MiniServerOptions = {}) {
  const clock = new VirtualClock();
  const server = await MiniServer.start({ clock, ...serverOptions });
  closers.push(() => server.close());
  const open = async (options: ConnOptions = {}): Promise<Conn> => {
    const conn = await connect(server.connectString, {
      clock,
      dialer: server.dialer,
      random: () => 0.5,
      ...options,
    });
    closers.push(() => conn.close());
    return conn;
  };
  return { clock, server, open };
}

/** A dialer that sees what passes, and may swallow what the server sends. */
function tapped(
  dialer: Dialer,
  tap: { dialed?: () => void; wrote?: (bytes: Uint8Array) => void; deaf?: boolean },
) {
  const wrapped: Dialer = (server, events) => {
    tap.dialed?.();
    const transport = dialer(server, {
      onConnect: () => events.onConnect(),
      onData: (chunk) => {
        if (tap.deaf !== true) events.onData(chunk);
      },
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => events.onClose(error),
    });
    return {
      write: (bytes) => {
        tap.wrote?.(bytes);
        return transport.write(bytes);
      },
      destroy: () => transport.destroy(),
    };
  };
  return wrapped;
}

const PING = Buffer.from('00000008fffffffe0000000b', 'hex');

describe('virtual time', () => {
  it('keeps a session alive for an hour by pings', async () => {
    const { clock, server, open } = await world();
    let pings = 0;
    const dialer = tapped(server.dialer, {
      wrote: (bytes) => {
        if (PING.equals(bytes)) pings++;
      },
    });
    const conn = await open({ dialer, sessionTimeoutMs: 30_000 });
    const { sessionId } = conn;
    await conn.create('/here', null, { mode: 'EPHEMERAL' });
    await clock.advance(HOUR);
    expect([conn.sessionId, conn.sessionEpoch, conn.state]).toEqual([sessionId, 1, 'SyncConnected']);
    expect(server.tree.get('/here')?.stat.ephemeralOwner).toBe(sessionId);
    // one for every 9 s of silence
    expect(pings).toBe(400);
  });

  it.each([
    [0, 12_000],
    [1, 12_000],
    [1999, 12_000],
    [2000, 14_000],
    [3001, 14_000],
  ])('expires a session that was heard of last at %i ms at %i ms, not before', async (at, deadline) => {
    const { clock, server, open } = await world({ tickTimeMs: 2000 });
    const conn = await open({ sessionTimeoutMs: 10_000 });
    await clock.advance(at);
    await conn.create('/here', null, { mode: 'EPHEMERAL' });
    await conn.detach();
    await clock.advance(deadline - 1 - clock.now());
    expect(server.sessions.map(({ ephemerals }) => ephemerals)).toEqual([['/here']]);
    await clock.advance(1);
    expect(server.sessions).toEqual([]);
    expect(server.tree.get('/here')).toBeUndefined();
  });

  it('tells a client without a server that its session is over at 4T/3', async () => {
    const { clock, server, open } = await world();
    const conn = await open({ sessionTimeoutMs: 9000 });
    const seen: string[] = [];
    conn.on('connection', (what) => seen.push(`${what} ${clock.now()}`));
    await clock.advance(1000);
    await conn.exists('/');
    await server.stop();
    await clock.advance(60_000);
    expect(seen).toEqual(['SUSPENDED 1000', 'LOST 13000']);
    await server.restart();
    await clock.advanceUntil(() => conn.sessionEpoch === 2);
    expect(seen.at(-1)).toMatch(/^CONNECTED 6\d{4}$/);
  });

  it('pauses between attempts as the back-off says', async () => {
    const { clock, server, open } = await world();
    const times: number[] = [];
    const dialer = tapped(server.dialer, { dialed: () => times.push(clock.now()) });
    await open({ dialer, sessionTimeoutMs: 60_000, backoff: { baseMs: 100, maxMs: 3000 } });
    await clock.advance(5000);
    times.length = 0;
    await server.stop();
    await clock.advance(8000);
    const pauses = times.map((time, i) => time - (times[i - 1] ?? 5000));
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1500, 1500, 1500, 1500]);
  });

  it('times a request out, to the millisecond', async () => {
    const { clock, server, open } = await world();
    const tap = { deaf: false };
    const conn = await open({ dialer: tapped(server.dialer, tap), sessionTimeoutMs: 30_000 });
    tap.deaf = true;
    const calls = [700, 2500].map((timeoutMs) =>
      conn.set('/', 'x', -1, { timeoutMs }).catch((error: unknown) => [error, clock.now()]),
    );
    const [first, second] = (await clock.advanceUntil(Promise.all(calls))) as [unknown, number][];
    expect([first?.[1], second?.[1]]).toEqual([700, 2500]);
    expect(first?.[0]).toBeInstanceOf(RequestTimeoutError);
    expect(second?.[0]).toMatchObject({ outcome: 'unknown' });
    // they had arrived
    expect(server.tree.get('/')?.stat.version).toBe(2);
  });

  it('reaps containers and TTL nodes when their time has come', async () => {
    const { clock, server, open } = await world({ containerCheckIntervalMs: 10_000 });
    const conn = await open();
    await conn.create('/box', null, { mode: 'CONTAINER' });
    await conn.create('/box/thing', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 15_000 });
    await clock.advance(5000);
    await conn.set('/box/thing', 'fresh');
    const left = (): readonly string[] => server.tree.paths().filter((path) => path.startsWith('/box'));
    await clock.advance(24_999);
    expect(left()).toEqual(['/box', '/box/thing']);
    await clock.advance(1);
    expect(left()).toEqual(['/box']);
    await clock.advance(10_000);
    expect(left()).toEqual([]);
    expect(server.tree.get('/')?.stat.mtime).toBe(0);
  });

  it('lets a stream of values go on behind an expiry', async () => {
    const { clock, server, open } = await world();
    const conn = await open({ sessionTimeoutMs: 10_000 });
    const values: unknown[] = [];
    const over = (async () => {
      for await (const value of conn.watchData('/value')) values.push(value?.data?.toString() ?? null);
    })();
    await clock.settle();
    await conn.create('/value', 'one');
    await clock.settle();
    server.expireSession(conn.sessionId);
    await clock.advanceUntil(() => conn.sessionEpoch === 2);
    await conn.set('/value', 'two');
    await clock.settle();
    expect(values).toEqual([null, 'one', 'two']);
    await conn.close();
    await over.catch(() => undefined);
  });

  it('rules the faults too: a lag of 200 ms each way is a round trip of 400 ms', async () => {
    const { clock, server, open } = await world();
    const conn = await open();
    const lag = server.lag(200);
    expect(await clock.advanceUntil(conn.exists('/nobody').then(() => clock.now()))).toBe(400);
    lag.end();
    server.when({ op: 'exists' }).delay(70);
    expect(await clock.advanceUntil(conn.exists('/nobody').then(() => clock.now()))).toBe(470);
    const silence = server.blackhole();
    const lost = conn.exists('/nobody').catch(() => clock.now());
    // nothing was heard for two thirds of the session timeout
    expect(await clock.advanceUntil(lost)).toBe(470 + (conn.negotiatedTimeoutMs * 2) / 3);
    silence.end();
  });

  it('rules an ensemble: a session outlives an election, and nothing is written meanwhile', async () => {
    const clock = new VirtualClock();
    const ensemble = await MiniEnsemble.start({ members: 3, clock, electionMs: 2500 });
    closers.push(() => ensemble.close());
    const { dialer } = ensemble;
    const connecting = connect(ensemble.connectString, { clock, dialer, random: () => 0.5 });
    const conn = await clock.advanceUntil(connecting);
    closers.push(() => conn.close());
    await conn.create('/me', null, { mode: 'EPHEMERAL' });
    const { sessionId } = conn;
    await clock.advance(HOUR);
    const at = clock.now();
    await ensemble.stop(ensemble.leader!);
    const written = conn.setIdempotent('/me', 'back').then(() => clock.now() - at);
    expect(await clock.advanceUntil(written)).toBeGreaterThanOrEqual(2500);
    await clock.advance(HOUR);
    expect([conn.sessionId, conn.sessionEpoch]).toEqual([sessionId, 1]);
    expect(ensemble.leader?.tree.get('/me')?.text).toBe('back');
  });

  /** A story with cuts, expiries and pauses by chance of their own seed; all that is seen of it. */
  async function story(): Promise<readonly string[]> {
    const { clock, server, open } = await world();
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const seen: string[] = [];
    const conns = [await open({ random }), await open({ random, sessionTimeoutMs: 5000 })];
    conns.forEach((conn, i) => {
      conn.on('connection', (what) =>
        seen.push(`${clock.now()} ${i} ${what} 0x${conn.sessionId.toString(16)}`),
      );
    });
    for (let round = 0; round < 40; round++) {
      const [a, b] = conns as [Conn, Conn];
      for (const conn of conns) {
        const made = conn.create('/n-', String(round), { mode: 'EPHEMERAL_SEQUENTIAL' });
        made.then(
          (path) => seen.push(`${clock.now()} ${path} ${server.lastZxid}`),
          (error: unknown) => seen.push(`${clock.now()} ${(error as { code: string }).code}`),
        );
      }
      const dice = random();
      if (dice < 0.3) server.dropConnections();
      else if (dice < 0.5) server.expireSession(a.sessionId);
      else if (dice < 0.6) {
        await server.stop();
        await clock.advance(Math.floor(random() * 20_000));
        await server.restart();
      }
      await clock.advance(Math.floor(random() * 10_000));
      seen.push(`${clock.now()} ${a.state} ${b.state} ${server.sessions.length} ${clock.fired}`);
    }
    return seen;
  }

  it('tells the same story twice in the same way', async () => {
    const first = await story();
    expect(first.length).toBeGreaterThan(120);
    expect(first.some((line) => line.includes(' LOST '))).toBe(true);
    expect(first.some((line) => line.includes(' SUSPENDED '))).toBe(true);
    expect(await story()).toEqual(first);
  });

  it('passes 10 000 seconds in some twenty thousand steps', async () => {
    const { clock, server, open } = await world();
    const conn = await open();
    await clock.advance(10_000_000);
    expect([server.sessions.length, conn.sessionEpoch]).toEqual([1, 1]);
    // the server's ticks, the pings, the looks at containers
    const steps = 20_000 + 1111 + 166;
    expect(clock.fired).toBeGreaterThanOrEqual(steps);
    expect(clock.fired).toBeLessThan(steps + 100);
  });
});
