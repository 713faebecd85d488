/** Connections that are reset: idle ones, and a hundred in a row under load. Virtual time, and servers without sockets. */
import { describe, expect, it } from 'vitest';
import { Conn, ZkError, op, type ConnOptions, type Dialer } from '../../src/index.js';
import { MiniServer, VirtualClock, type MiniServerOptions } from '../../src/testing.js';
import { SEED } from '../support/property.js';
import { ScriptedServer, settle } from '../support/scripted-server.js';
import { SCALE, checked, injected, requested } from '../support/tally.js';
import { Noise } from './hostile/noise.js';
import { Wire, type Cut } from './cut/wire.js';

const T = 6000;

async function world(options: MiniServerOptions = {}) {
  const clock = new VirtualClock();
  const server = await MiniServer.start({ clock, log: true, ...options });
  const conns: Conn[] = [];
  const open = async (own: ConnOptions = {}): Promise<Conn> => {
    const conn = new Conn(server.connectString, {
      clock,
      dialer: server.dialer,
      random: () => 0.5,
      sessionTimeoutMs: T,
      backoff: { baseMs: 10, maxMs: 100 },
      ...own,
    });
    conns.push(conn);
    await clock.advanceUntil(conn.connect());
    return conn;
  };
  const close = async (): Promise<void> => {
    await clock.advanceUntil(Promise.all(conns.map((conn) => conn.close())));
    checked('leaked handles', server.connectionCount);
    expect(server.connectionCount).toBe(0);
    await server.close();
  };
  return { clock, server, open, [Symbol.asyncDispose]: close };
}

/** Connections that are reset after so many bytes from the server, while there are resets left. */
function resetting(inner: Dialer, noise: Noise, budget: { left: number }): Dialer {
  return (server, events) => {
    let left = 40 + noise.below(3000);
    let isOver = false;
    const transport = inner(server, {
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => {
        if (!isOver) events.onEnd();
      },
      onData: (chunk) => {
        if (isOver) return;
        const part = budget.left > 0 ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (part.length > 0) events.onData(part);
        if (budget.left === 0 || left > 0) return;
        budget.left--;
        injected('reset under load');
        isOver = true;
        transport.destroy();
        events.onClose(new Error('read ECONNRESET'));
      },
      onClose: (error) => {
        if (!isOver) events.onClose(error);
        isOver = true;
      },
    });
    return transport;
  };
}

describe('an idle connection that is reset', () => {
  it('is replaced at once by one to another server, with all its watches', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const reading = Promise.all([conn.getW('/d'), conn.existsW('/e'), conn.childrenW('/c')]);
    await settle();
    for (const request of server.link.take()) {
      const stat = { czxid: 1n, mzxid: 1n, ctime: 1, mtime: 1, version: 0, cversion: 0, aversion: 0 };
      const whole = { ...stat, ephemeralOwner: 0n, dataLength: 0, numChildren: 0, pzxid: 1n };
      await server.link.answer(request, { data: null, children: [], stat: whole });
    }
    await reading;
    const before = server.clock.now();
    await server.link.fail(new Error('read ECONNRESET'));
    injected('cut by rst');
    expect(server.dialed).toEqual(['a:1', 'b:1']);
    expect(server.clock.now()).toBe(before);
    await server.link.welcome();
    const { request } = server.link.takeOne();
    // the node of the second is there, so that its watch is one of data
    const lost = 3 - [request['dataWatches'], request['childWatches']].flat().length;
    checked('watches lost or doubled', lost);
    expect(request).toMatchObject({ dataWatches: ['/d', '/e'], existWatches: [], childWatches: ['/c'] });
    await server.close(conn);
  });
});

describe('a hundred resets at random moments under load', () => {
  it('cost no session, no acknowledged write and no promise', { timeout: 300_000 }, async () => {
    for (let run = 0; run < Math.max(1, Math.round(2 * SCALE)); run++) {
      await using here = await world();
      const { clock, server } = here;
      const budget = { left: 0 };
      const noise = new Noise(SEED + run);
      const conn = await here.open({ dialer: resetting(server.dialer, noise, budget) });
      const { sessionId } = conn;
      await clock.advanceUntil(conn.create('/mine', null, { mode: 'EPHEMERAL' }));
      await clock.advanceUntil(conn.create('/n', '0'));
      budget.left = 100;
      const counts = { ok: 0, unknown: 0 };
      for (let round = 0; round < 5000 && budget.left > 0; round++) {
        const calls = Array.from({ length: 1 + noise.below(20) }, (_, i) =>
          (i % 3 === 0 ? conn.get('/n') : conn.set('/n', `${round}.${i}`)).then(
            () => ({ end: 'ok', isWrite: i % 3 !== 0 }),
            (error: unknown) => ({
              end: ZkError.is(error) ? error.outcome : String(error),
              isWrite: i % 3 !== 0,
            }),
          ),
        );
        requested(calls.length);
        for (const { end, isWrite } of await clock.advanceUntil(Promise.all(calls))) {
          expect(['ok', 'unknown']).toContain(end);
          if (isWrite) counts[end as 'ok' | 'unknown']++;
        }
        checked('promises hanging', 0);
      }
      expect(budget.left).toBe(0);
      const version = server.tree.get('/n')?.stat.version ?? -1;
      const lost = Math.max(0, counts.ok - version);
      checked('acknowledged writes lost', lost);
      expect(lost, `ZK_SEED=${SEED}, run ${run}`).toBe(0);
      // none ran twice
      expect(version).toBeLessThanOrEqual(counts.ok + counts.unknown);
      expect(counts.unknown).toBeGreaterThan(50);
      expect([conn.sessionId, conn.sessionEpoch]).toEqual([sessionId, 1]);
      expect(server.tree.get('/mine')?.stat.ephemeralOwner).toBe(sessionId);
    }
  });
});

describe('what the server never saw', () => {
  it('is called not-sent, where calls are not to wait for a connection', async () => {
    await using here = await world();
    const { clock, server } = here;
    const cut: Cut = { direction: 'to the client', how: 'rst', after: 42 };
    const wire = new Wire(clock, server.dialer, cut);
    const conn = await here.open({ dialer: wire.dialer, offlineQueue: false });
    const sent = conn.create('/sent').catch((error: unknown) => error);
    await clock.settle();
    expect(wire.broken).toBe(true);
    expect(conn.state).toBe('Disconnected');
    const early = conn.create('/early').catch((error: unknown) => error);
    expect(await clock.advanceUntil(sent)).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    expect(await clock.advanceUntil(early)).toMatchObject({
      code: 'ZK_CONNECTION_LOSS',
      outcome: 'not-sent',
    });
    injected('cut by rst');
    requested(2);
    await clock.advanceUntil(() => conn.state === 'SyncConnected');
    await clock.advanceUntil(conn.exists('/'));
    expect(server.log.frames({ path: '/early' })).toEqual([]);
    expect(server.log.frames({ path: '/sent', direction: 'toServer' })).toHaveLength(1);
  });

  it('is not sent in the session that comes next', async () => {
    await using here = await world();
    const { clock, server } = here;
    const conn = await here.open();
    const { sessionId } = conn;
    const refusing = server.refuse();
    const pausing = server.blackhole();
    await clock.advanceUntil(() => conn.state !== 'SyncConnected');
    const queued = conn.create('/queued').catch((error: unknown) => error);
    server.expireSession(sessionId);
    pausing.end();
    refusing.end();
    injected('session expired');
    requested();
    expect(await clock.advanceUntil(queued)).toMatchObject({
      code: 'ZK_SESSION_EXPIRED',
      outcome: 'not-sent',
    });
    await clock.advanceUntil(() => conn.sessionEpoch === 2 && conn.state === 'SyncConnected');
    await clock.advanceUntil(conn.exists('/'));
    const crossed = server.log.frames({ path: '/queued' }).length;
    checked('requests that crossed sessions', crossed);
    expect(crossed).toBe(0);
  });
});

describe('an answer to the handshake that is lost', () => {
  it('leaves one session that is used, and one that owns nothing and ends', async () => {
    await using here = await world();
    const { clock, server } = here;
    const wire = new Wire(clock, server.dialer, { direction: 'to the client', how: 'rst', after: 20 });
    const conn = await here.open({ dialer: wire.dialer });
    injected('cut by rst');
    await clock.advanceUntil(conn.create('/mine', null, { mode: 'EPHEMERAL' }));
    expect(server.sessions).toHaveLength(2);
    expect(server.tree.get('/mine')?.stat.ephemeralOwner).toBe(conn.sessionId);
    await clock.advance(2 * T);
    expect(server.sessions.map(({ id }) => id)).toEqual([conn.sessionId]);
    expect(conn.sessionEpoch).toBe(1);
  });
});

describe('a cut right behind the first event of a multi', () => {
  it('loses none of the others, and tells none twice', async () => {
    await using here = await world();
    const { clock, server } = here;
    const other = await here.open();
    const paths = ['/a', '/b', '/c'];
    for (const path of paths) await clock.advanceUntil(other.create(path));
    const probe = new Wire(clock, server.dialer, null);
    const arm = async (wire: Wire): Promise<{ conn: Conn; events: string[] }> => {
      const conn = await here.open({ dialer: wire.dialer });
      const events: string[] = [];
      const armed = await clock.advanceUntil(Promise.all(paths.map((path) => conn.getW(path))));
      for (const { watch } of armed) void watch.event.then(({ path }) => events.push(path));
      return { conn, events };
    };
    await arm(probe);
    // header of 4 + 16 bytes, type, state, and a path of two letters
    const after = (probe.lines[0]?.bytesIn ?? 0) + 4 + 16 + 4 + 4 + 4 + 2;
    const wire = new Wire(clock, server.dialer, { direction: 'to the client', how: 'rst', after });
    const { conn, events } = await arm(wire);
    await clock.advanceUntil(other.multi(paths.map((path) => op.set(path, 'x'))));
    expect(wire.broken).toBe(true);
    injected('cut by rst');
    await clock.advanceUntil(conn.exists('/'));
    checked('watches lost or doubled', Math.abs(3 - events.length));
    expect(events).toEqual(paths);
  });
});

describe('a server that lets in no more connections', () => {
  it('is asked again after pauses that grow, without a change of state, until there is room', async () => {
    await using here = await world({ maxClientCnxns: 1 });
    const { clock, server } = here;
    const first = await here.open();
    const states: string[] = [];
    let attempts = 0;
    const late = new Conn(server.connectString, {
      clock,
      dialer: server.dialer,
      random: () => 0.999,
      sessionTimeoutMs: 60_000,
      backoff: { baseMs: 100, maxMs: 5000 },
    });
    late.on('state', ({ state }) => void states.push(state));
    late.on('connectError', () => {
      attempts++;
    });
    const connecting = late.connect({ timeoutMs: 0 });
    await clock.advance(60_000);
    expect(states).toEqual(['Connecting']);
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(30);
    expect(first.state).toBe('SyncConnected');
    await clock.advanceUntil(first.close());
    await clock.advanceUntil(connecting);
    expect(states).toEqual(['Connecting', 'SyncConnected']);
    await clock.advanceUntil(late.close());
  });
});

describe('a watch that is removed while its event comes', () => {
  it('ends by one of both, whoever is first, and nothing hangs', async () => {
    await using here = await world();
    const { clock, server } = here;
    const [conn, other] = [await here.open(), await here.open()];
    await clock.advanceUntil(conn.create('/w'));
    const ends = new Set<string>();
    const noise = new Noise(SEED);
    for (let i = 0; i < 200; i++) {
      const { watch } = await clock.advanceUntil(conn.getW('/w'));
      let heard = 0;
      const ended = watch.event.then(
        ({ type }) => (heard++, type as string),
        (error: unknown) => (heard++, ZkError.is(error) ? error.code : String(error)),
      );
      const steps: (() => Promise<unknown>)[] = [
        () => other.set('/w', String(i)),
        () => conn.removeWatches('/w', 'Data').catch((error: unknown) => (error as ZkError).code),
      ];
      if (noise.coin()) steps.reverse();
      const under = steps.map((step) => step());
      if (noise.coin()) watch.close();
      requested(2);
      const results = await clock.advanceUntil(Promise.all(under));
      const end = await clock.advanceUntil(ended);
      await clock.settle();
      ends.add(end);
      expect(['NodeDataChanged', 'ZK_WATCH_CLOSED']).toContain(end);
      expect(heard).toBe(1);
      // what was asked for is answered: done, or there was none any more
      for (const result of results) if (typeof result === 'string') expect(result).toBe('ZK_NO_WATCHER');
      checked('watches lost or doubled', heard - 1);
      expect(server.watchCount()).toBe(0);
    }
    expect(ends).toEqual(new Set(['NodeDataChanged', 'ZK_WATCH_CLOSED']));
  });
});
