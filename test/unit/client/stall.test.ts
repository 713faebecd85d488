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
