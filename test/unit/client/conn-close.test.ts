import { describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { AuthFailedError, ConnClosedError, SessionExpiredError } from '../../../src/protocol/errors.js';
import { rejectionOf, ScriptedServer, settle, watchOutcome } from '../../support/scripted-server.js';
import { DATA, EXPIRED } from './values.js';

/** Brings a new Conn into each phase of its life. */
const PHASES: Record<string, (server: ScriptedServer, conn: Conn) => Promise<void>> = {
  idle: async () => undefined,
  dialing: async (_, conn) => {
    conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
  },
  handshaking: async (server, conn) => {
    await PHASES['dialing']!(server, conn);
    await server.link.connect();
  },
  backoff: async (server, conn) => {
    await PHASES['dialing']!(server, conn);
    for (let i = 0; i < 3; i++) await server.link.fail();
  },
  live: async (server, conn) => {
    await PHASES['dialing']!(server, conn);
    await server.link.welcome();
  },
  suspended: async (server, conn) => {
    await PHASES['live']!(server, conn);
    await server.link.fail();
  },
  resuming: async (server, conn) => {
    await PHASES['suspended']!(server, conn);
    await server.link.connect();
  },
};

describe('close, with a transport that never says that it is closed,', () => {
  const mute = (server: ScriptedServer): Conn =>
    server.conn({
      dialer: (to, events) => {
        const link = server.dialer(to, { ...events, onClose: () => undefined });
        return { write: (bytes) => link.write(bytes), destroy: () => link.destroy() };
      },
    });

  it.each(['dialing', 'handshaking', 'live'])('waits for it for a second: %s', async (phase) => {
    const server = new ScriptedServer();
    const conn = mute(server);
    await PHASES[phase]!(server, conn);
    const closing = watchOutcome(conn.close());
    await settle();
    if (phase === 'live') {
      await server.link.answer(server.link.takeOne(), {});
    }
    expect(server.link.destroyed).toBe(true);
    await server.clock.advance(999);
    expect(closing.current).toBeUndefined();
    await server.clock.advance(1);
    expect(closing.current).toMatchObject({ value: { confirmed: phase === 'live' } });
    expect(server.clock.timers).toBe(0);
  });

  it('does not wait for those that were left longer ago', async () => {
    const server = new ScriptedServer();
    const conn = mute(server);
    await PHASES['live']!(server, conn);
    await server.link.end();
    await server.clock.advance(500);
    await server.link.welcome();
    await server.clock.advance(500);
    expect(server.links.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    const closing = watchOutcome(conn.detach());
    await settle();
    await server.clock.advance(1000);
    expect(closing.current).toHaveProperty('value');
    expect(server.clock.timers).toBe(0);
  });
});

describe('close', () => {
  it.each(Object.keys(PHASES))('ends everything: %s [A10] [E5] [E6]', async (phase) => {
    const server = new ScriptedServer();
    const conn = server.conn();
    await PHASES[phase]!(server, conn);
    const waiting = rejectionOf(conn.get('/waiting'));
    if (phase === 'live') await settle();
    const closing = conn.close();
    expect(conn.close()).toBe(closing);
    // answered by nobody
    if (phase === 'live') {
      await server.clock.advance(999);
      expect(conn.state).toBe('SyncConnected');
      await server.clock.advance(1);
    }
    expect(await closing).toEqual({ confirmed: false });
    const error = await waiting;
    expect(error).toBeInstanceOf(ConnClosedError);
    expect(error).toMatchObject({
      code: 'ZK_CLOSED',
      op: 'getData',
      path: '/waiting',
      outcome: phase === 'live' ? 'unknown' : 'not-sent',
    });
    expect(await conn.closed).toEqual({ state: 'Closed' });
    expect([conn.state, conn.server]).toEqual(['Closed', undefined]);
    expect(server.clock.timers).toBe(0);
    expect(server.links.every(({ closed, destroyed }) => closed || destroyed)).toBe(true);
    expect(conn.close()).toBe(closing);
    const dials = server.links.length;
    await server.clock.advance(100_000);
    expect(server.links).toHaveLength(dials);
  });

  it('is confirmed by the server, after what was asked before', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const asked = conn.get('/a');
    const closing = conn.close();
    const late = await rejectionOf(conn.get('/b'));
    expect(late).toMatchObject({ code: 'ZK_CLOSED', outcome: 'not-sent', op: 'getData', path: '/b' });
    await settle();
    const [get, close, ...more] = server.link.take();
    expect([get?.op.name, close?.op.name, more]).toEqual(['getData', 'closeSession', []]);
    await server.link.answer(get!, DATA);
    expect(await asked).toEqual(DATA);
    await server.link.answer(close!, {});
    expect(await closing).toEqual({ confirmed: true });
  });

  it('is not confirmed when the connection is lost meanwhile', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const closing = conn.close();
    await settle();
    await server.link.end();
    expect(await closing).toEqual({ confirmed: false });
    expect(server.links).toHaveLength(1);
    expect(await conn.closed).toEqual({ state: 'Closed' });
  });

  it('gives up at once with closeTimeoutMs 0', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ closeTimeoutMs: 0 });
    const closing = conn.close();
    await server.clock.advance(0);
    expect(await closing).toEqual({ confirmed: false });
  });

  it('does not wait for a socket that takes no more [E6]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    server.link.writable = false;
    const first = rejectionOf(conn.get('/1'));
    await settle();
    const second = rejectionOf(conn.get('/2'));
    const closing = conn.close();
    await server.clock.advance(1000);
    expect(await closing).toEqual({ confirmed: false });
    expect([await first, await second]).toMatchObject([{ outcome: 'unknown' }, { outcome: 'not-sent' }]);
  });

  it('is what the end of a block does [E13]', async () => {
    const server = new ScriptedServer();
    let seen: Conn | undefined;
    {
      await using conn = server.conn();
      seen = conn;
    }
    expect(seen.state).toBe('Closed');
  });

  it('by several callers is one [E5]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const all = [conn.close(), conn.close(), conn[Symbol.asyncDispose](), conn.close()];
    await settle();
    expect(server.link.take()).toHaveLength(1);
    await server.link.end();
    expect(await Promise.all(all)).toEqual([
      { confirmed: false },
      { confirmed: false },
      undefined,
      { confirmed: false },
    ]);
  });
});

describe('closed', () => {
  it('says that the session has expired', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ sessionExpiry: 'close' });
    await server.cutAndResume(EXPIRED);
    const reason = await conn.closed;
    expect(reason).toEqual({ state: 'Expired', error: expect.any(SessionExpiredError) });
    expect(await rejectionOf(conn.get('/a'))).toMatchObject({
      code: 'ZK_SESSION_EXPIRED',
      op: 'getData',
      path: '/a',
    });
    expect(await conn.close()).toEqual({ confirmed: false });
    expect(await conn.closed).toBe(reason);
    expect(conn.state).toBe('Closed');
    expect(await rejectionOf(conn.get('/a'))).toBeInstanceOf(ConnClosedError);
  });

  it('says that the credentials were refused', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = rejectionOf(conn.addAuth('digest', 'u:p'));
    const asked = rejectionOf(conn.get('/a'));
    await settle();
    await server.link.refuse(server.link.take()[0]!, Errno.AuthFailed);
    expect(await conn.closed).toEqual({ state: 'AuthFailed', error: expect.any(AuthFailedError) });
    expect(await adding).toMatchObject({ code: 'ZK_AUTH_FAILED', op: 'auth', outcome: 'rejected' });
    expect(await asked).toMatchObject({ code: 'ZK_AUTH_FAILED', op: 'getData', outcome: 'unknown' });
    expect(await rejectionOf(conn.get('/a'))).toBeInstanceOf(AuthFailedError);
    expect(await rejectionOf(conn.addAuth('digest', 'u:p'))).toBeInstanceOf(AuthFailedError);
    await conn.close();
    expect(await rejectionOf(conn.addAuth('digest', 'u:p'))).toBeInstanceOf(ConnClosedError);
  });

  it('is open as long as the Conn lives, whatever befalls it', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const outcome = watchOutcome(conn.closed);
    await server.cutAndResume();
    await server.link.fail();
    await server.clock.advance(1000);
    await server.link.welcome(EXPIRED);
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 5n });
    expect(outcome.current).toBeUndefined();
    await server.close(conn);
    expect(outcome.current).toEqual({ value: { state: 'Closed' } });
  });
});
