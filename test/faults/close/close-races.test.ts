/**
 * `close()` at any moment of any trouble, on virtual time: it is over within `closeTimeoutMs`, every promise settles, no
 * connection is made behind it, and nothing is left.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../../src/index.js';
import { ConnClosedError } from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { SEED } from '../../support/property.js';
import { ScriptedServer, settle, watchOutcome } from '../../support/scripted-server.js';
import { SCALE, checked, injected, requested } from '../../support/tally.js';
import { Ledger, MemoryWorld, type CountingDialer } from '../support/memory-world.js';
import { oneOf, randomFrom } from '../support/random.js';

const CLOSE_MS = 1000;

/** What befalls the connection before it is closed; each may be taken back. */
const TROUBLES = {
  'connection cut': (_world: MemoryWorld, dialer: CountingDialer) => void dialer.cut(),
  'connection reset by the server': ({ server }: MemoryWorld) => void server.dropConnections(),
  'session expired': ({ server }: MemoryWorld, _dialer: CountingDialer, conn: Conn) =>
    void server.expireSession(conn.sessionId),
  'server silent': ({ server }: MemoryWorld) => void server.blackhole(),
  'server silent to the client': ({ server }: MemoryWorld) => void server.blackhole('toClient'),
  'server stopped': ({ server }: MemoryWorld) => void server.pause(),
  'connections refused': ({ server }: MemoryWorld, dialer: CountingDialer) => {
    server.refuse();
    dialer.cut();
  },
  'setWatches unanswered': ({ server }: MemoryWorld, dialer: CountingDialer) => {
    server.when({ op: ['setWatches', 'setWatches2'] }).hold();
    dialer.cut();
  },
  'handshake unanswered': ({ server }: MemoryWorld, dialer: CountingDialer) => {
    server.when({ handshake: true, times: 2 }).drop();
    dialer.cut();
  },
  'credential refused': ({ server }: MemoryWorld, dialer: CountingDialer) => {
    server.when({ op: 'auth' }).reply('AuthFailed');
    dialer.cut();
  },
} as const;
const NAMES = Object.keys(TROUBLES) as (keyof typeof TROUBLES)[];

describe('close() at a random moment of', () => {
  let world: MemoryWorld;
  let timersOfServer = 0;
  beforeAll(async () => {
    world = await MemoryWorld.start();
    timersOfServer = world.clock.pending;
  });
  afterAll(() => world.close());

  async function race(name: keyof typeof TROUBLES, seed: number): Promise<void> {
    const { server, clock } = world;
    const random = randomFrom(seed);
    const dialer = world.dialer();
    const options: ConnOptions = {
      sessionTimeoutMs: 6000,
      closeTimeoutMs: CLOSE_MS,
      auth: [{ scheme: 'digest', auth: 'a:b' }],
      sessionExpiry: oneOf(random, ['renew', 'close'] as const),
      backoff: { baseMs: 1 + random(200), maxMs: 500 },
    };
    const conn = world.conn(dialer, options);
    const states: string[] = [];
    conn.on('state', ({ state }) => void states.push(state));
    const ledger = new Ledger();
    await clock.advanceUntil(conn.connect());
    const { sessionId } = conn;
    const { watch } = await clock.advanceUntil(conn.existsW('/none'));
    const stream = await clock.advanceUntil(conn.addWatch('/', 'PERSISTENT'));
    ledger.add('event', watch.event);
    ledger.add('next', stream.next());
    ledger.add('value', conn.watchData('/none').next());
    for (let i = random(20); i > 0; i--) ledger.add('get', conn.get('/'));
    for (let turns = random(10); turns > 0; turns--) await new Promise(setImmediate);

    TROUBLES[name](world, dialer, conn);
    injected(name);
    for (let i = random(5); i > 0; i--) ledger.add('set', conn.set('/', 'x'));
    ledger.add('connect', conn.connect());
    // some races are decided in turns, some in milliseconds
    if (random(2) === 0) await clock.advance(oneOf(random, [0, 1, 10, 100, 1000, 3000, 9000, 20_000]));
    for (let turns = random(30); turns > 0; turns--) await new Promise(setImmediate);

    const calledAt = clock.now();
    injected('close racing trouble');
    const closing = conn.close();
    expect(conn.close()).toBe(closing);
    ledger.add('late', conn.get('/'));
    const { confirmed } = await clock.advanceUntil(closing);
    expect(clock.now() - calledAt, 'virtual ms').toBeLessThanOrEqual(CLOSE_MS);
    if (confirmed) expect(server.sessions.some(({ id }) => id === conn.sessionId)).toBe(false);
    const { dials, writes } = dialer;
    const ended = states.length;

    server.heal();
    await clock.advance(100_000);
    expect([dialer.dials, dialer.writes, states.length], 'after close').toEqual([dials, writes, ended]);
    expect(states.filter((state) => state === 'Closed')).toHaveLength(1);
    expect(states.at(-1)).toBe('Closed');
    const isFinal = (state: string): boolean =>
      state === 'AuthFailed' || (state === 'Expired' && options.sessionExpiry === 'close');
    const ends = states.filter(isFinal);
    expect(ends.length, ends.join()).toBeLessThanOrEqual(1);
    expect((await conn.closed).state).toBe(ends[0] ?? 'Closed');
    expect(ledger.hanging()).toEqual([]);
    const leaked = dialer.open + clock.pending - timersOfServer;
    checked('leaked handles', leaked + server.connectionCount + server.watchCount());
    expect([leaked, server.connectionCount, server.watchCount()]).toEqual([0, 0, 0]);
    expect(server.sessions.map(({ id }) => id)).not.toContain(sessionId);
  }

  it.each(NAMES)('%s', { timeout: 240_000 }, async (name) => {
    for (let i = 0; i < 100 * SCALE; i++) {
      const seed = (SEED + i * 7919 + NAMES.indexOf(name)) >>> 0;
      await race(name, seed).catch((error: unknown) => {
        throw new Error(`${name}, race with seed ${seed}: ${String(error)}`, { cause: error });
      });
    }
  });
});

describe('close() with a hundred calls in flight', () => {
  it.each([0, 1, 50, 99, 100])(
    'of which the server answers %i: those are answered, the others know [E6]',
    async (answered) => {
      const server = new ScriptedServer();
      const conn = await server.connected({ closeTimeoutMs: CLOSE_MS });
      const calls = Array.from({ length: 100 }, (_, i) => watchOutcome(conn.sync(`/n${i}`)));
      requested(100);
      await settle();
      const closing = watchOutcome(conn.close());
      injected('close with calls in flight');
      await settle();
      const seen = server.link.take();
      expect(seen).toHaveLength(101);
      for (const request of seen.slice(0, answered)) await server.link.answer(request, { path: '/' });
      await server.clock.advance(CLOSE_MS);
      expect(closing.current).toEqual({ value: { confirmed: false } });
      checked('promises hanging', calls.filter(({ current }) => current === undefined).length);
      const outcomes = calls.map(({ current }) => current);
      expect(outcomes.slice(0, answered).every((each) => each !== undefined && 'value' in each)).toBe(true);
      for (const each of outcomes.slice(answered)) {
        expect(each).toEqual({ error: expect.any(ConnClosedError) });
        expect(each).toMatchObject({ error: { outcome: 'unknown' } });
      }
      expect([server.links.length, server.clock.timers, server.link.closed]).toEqual([1, 0, true]);
    },
  );
});

describe('thirty Conns that are opened and closed at once', () => {
  it('leave as many handles as there were before', async () => {
    await using server = await MiniServer.start();
    const sockets = (): number =>
      (process.report.getReport() as unknown as { libuv: { type: string }[] }).libuv.filter(
        ({ type }) => type === 'tcp',
      ).length;
    const before = sockets();
    for (let round = 0; round < 3; round++) {
      const conns = await Promise.all(
        Array.from({ length: 30 }, () => connect(server.connectString, { closeTimeoutMs: 60_000 })),
      );
      expect(server.connectionCount).toBe(30);
      const closed = await Promise.all(conns.map((conn) => conn.close()));
      expect(closed.every(({ confirmed }) => confirmed)).toBe(true);
      expect([server.connectionCount, server.sessions]).toEqual([0, []]);
    }
    // a closed handle is listed for a turn or two more
    for (let turns = 0; turns < 20 && sockets() > before; turns++) await settle();
    checked('leaked handles', sockets() - before);
    expect(sockets()).toBe(before);
  });
});
