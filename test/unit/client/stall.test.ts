import { describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/index.js';
import { STAT } from '../../support/core-world.js';
import {
  ScriptedServer,
  answerFrame,
  rejectionOf,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';

const T = 9000;

/** What a Conn says of itself, in order, with the warnings. */
function listen(conn: Conn): string[] {
  const heard: string[] = [];
  conn.on('connection', (state) => void heard.push(state));
  conn.on('warning', ({ kind, durationMs }) => void heard.push(`${kind} ${durationMs > T ? '> T' : '< T'}`));
  return heard;
}

describe('[A17] an event loop that stood still for 0.9 T', () => {
  it.each([
    ['the timers', async (server: ScriptedServer) => server.clock.advance(0)],
    ['the socket', () => Promise.resolve()],
  ])(
    'and then turns to %s first: the session survives, and what lay in the socket counts',
    async (_what, first) => {
      const server = new ScriptedServer();
      const conn = await server.connected();
      const heard = listen(conn);
      const reply = conn.create('/lock', '', { mode: 'EPHEMERAL_SEQUENTIAL' });
      await settle();
      const seen = server.link.takeOne();
      server.clock.jump(0.9 * T);
      await first(server);
      await server.link.send(answerFrame(seen, { path: '/lock0000000001', stat: STAT }));
      await server.clock.advance(0);
      expect(await reply).toBe('/lock0000000001');
      expect(server.link.takeOne().op.name).toBe('ping');
      expect(conn.state).toBe('SyncConnected');
      expect(heard).toEqual(['loop-lag < T']);
      await server.close(conn);
    },
  );

  it('sends a ping before anything else', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    server.clock.jump(0.9 * T);
    await server.clock.advance(0);
    expect(server.link.take().map(({ op }) => op.name)).toEqual(['ping']);
    await server.close(conn);
  });
});

describe('[A17] an event loop that stood still for 2 T', () => {
  it.each([
    ['the timers', async (server: ScriptedServer) => server.clock.advance(0)],
    ['the socket', () => Promise.resolve()],
  ])(
    'and then turns to %s first: the loss is told, and nothing that lay in the socket is',
    async (_what, first) => {
      const server = new ScriptedServer();
      const conn = await server.connected();
      const heard = listen(conn);
      const reply = rejectionOf(conn.create('/lock', '', { mode: 'EPHEMERAL_SEQUENTIAL' }));
      await settle();
      const seen = server.link.takeOne();
      const old = server.link;
      server.clock.jump(2 * T);
      await first(server);
      // the answer came before the server gave the session up
      if (!old.destroyed) await old.send(answerFrame(seen, { path: '/lock0000000001', stat: STAT }));
      expect(await reply).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
      await server.clock.advance(0);
      expect(heard).toEqual(['SUSPENDED', 'loop-lag > T', 'LOST']);
      await server.clock.advance(1000);
      await server.link.connect();
      expect(server.link.handshake.sessionId).toBe(0n);
      await conn.close();
    },
  );

  it('is in the state at the first look, before anything is heard of it, and in what is heard then', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const looks = (): unknown[] => [conn.state, conn.session?.id ?? null, conn.sessionId, conn.server];
    const before = looks();
    expect(before).toEqual(['SyncConnected', conn.sessionId, conn.sessionId, 'a:1']);
    const heard = listen(conn);
    const seen: unknown[] = [];
    conn.on('state', ({ state }) => void seen.push([state, ...looks()]));
    server.clock.jump((4 / 3) * T - 1);
    expect(looks()).toEqual(before);
    server.clock.jump(1);
    const behind = ['Disconnected', null, 0n, undefined];
    expect(looks()).toEqual(behind);
    expect(conn.stats()).toMatchObject({ state: 'Disconnected', server: undefined, sessionId: 0n });
    expect(heard).toEqual([]);
    await server.clock.advance(0);
    await server.clock.advance(0);
    expect(heard).toEqual(['SUSPENDED', 'loop-lag > T', 'LOST']);
    expect(seen).toEqual([
      ['Disconnected', ...behind],
      ['Expired', 'Expired', null, 0n, undefined],
    ]);
    expect(conn.sessionEpoch).toBe(1);
    await conn.close();
  });

  it('between two servers there is no session at the first look, whatever the next one says', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.link.fail();
    await server.clock.advance(1000);
    await server.link.connect();
    expect(conn.session).not.toBeNull();
    server.clock.jump(2 * T);
    expect([conn.state, conn.session]).toEqual(['Disconnected', null]);
    const heard = listen(conn);
    await server.link.accept();
    expect([conn.state, conn.session]).toEqual(['Expired', null]);
    await server.clock.advance(0);
    expect(heard).toEqual(['LOST']);
    await conn.close();
  });

  it.each([
    [
      'a call of more bytes than wait for the end of the turn',
      (conn: Conn) => conn.create('/a', 'x'.repeat(70_000)),
    ],
    ['a credential', (conn: Conn) => Promise.all([conn.create('/a', ''), conn.addAuth('digest', 'a:b')])],
    ['the end of the session', (conn: Conn) => Promise.all([conn.create('/a', ''), conn.close()])],
  ])('%s does not go out before the clock was heard', async (_what, ask) => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const old = server.link;
    server.clock.jump(2 * T);
    const asked = rejectionOf(ask(conn));
    await settle();
    expect(old.take()).toEqual([]);
    await server.clock.advance(0);
    expect(await asked).toMatchObject({ outcome: 'not-sent' });
    await conn.close();
  });

  it('more calls than may wait do not go out either', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ offlineQueue: { maxRequests: 2 } });
    const old = server.link;
    server.clock.jump(2 * T);
    const asked = ['/a', '/b', '/c'].map((path) => rejectionOf(conn.create(path, '')));
    await settle();
    expect(old.take()).toEqual([]);
    await server.clock.advance(0);
    expect((await Promise.all(asked)).map((error) => (error as { code?: string }).code)).toEqual([
      'ZK_SESSION_EXPIRED',
      'ZK_SESSION_EXPIRED',
      'ZK_QUEUE_FULL',
    ]);
    await conn.close();
  });

  it('a call that is made at once runs in no session that is over', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const heard = listen(conn);
    const old = server.link;
    server.clock.jump(2 * T);
    const reply = watchOutcome(conn.create('/lock', ''));
    await settle();
    expect(old.take()).toEqual([]);
    expect(heard).toEqual(['SUSPENDED', 'loop-lag > T']);
    await server.clock.advance(0);
    expect(heard).toContain('LOST');
    expect(reply.current).toMatchObject({ error: { code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' } });
    await conn.close();
  });
});
