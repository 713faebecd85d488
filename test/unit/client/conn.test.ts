import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../../src/client/conn.js';
import { op } from '../../../src/client/transaction.js';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  AuthFailedError,
  ConnClosedError,
  ConnectionLossError,
  InvalidArgumentError,
  InvalidConnectStringError,
  NoNodeError,
  NoServerError,
  SessionExpiredError,
  ZkError,
} from '../../../src/protocol/errors.js';
import { STAT, dataBody, notification, replyFrame } from '../../support/core-world.js';
import { checkAsync } from '../../support/property.js';
import {
  ScriptedServer,
  catchingUncaught,
  rejectionOf,
  settle,
  watchOutcome,
  type Link,
  type Session,
} from '../../support/scripted-server.js';

const T = 9000;
const DATA = { data: Buffer.from('data'), stat: STAT };
const EXPIRED = { sessionId: 0n, timeOut: 0 };

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

describe('connect', () => {
  it('resolves with the Conn when there is a session, and leaves no timer of its own', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    expect(server.clock.timers).toBe(2);
    await server.link.connect();
    expect(outcome.current).toBeUndefined();
    await server.link.accept();
    expect(await connecting).toBe(conn);
    expect(server.clock.timers).toBe(1);
    await server.close(conn);
  });

  it('asks for the session timeout, and nothing is done before it is called', async () => {
    const server = new ScriptedServer();
    const auth = [{ scheme: 'digest', auth: 'u:p' }];
    const idle = server.conn({ auth, requestTimeoutMs: 100 });
    const conn = server.conn({ sessionTimeoutMs: 12_345 });
    await settle();
    expect([server.links, server.clock.timers, idle.state]).toEqual([[], 0, 'Disconnected']);
    await idle.close();
    void conn.connect();
    await settle();
    await server.link.connect();
    expect(server.link.handshake).toMatchObject({ timeOut: 12_345, sessionId: 0n });
    await server.link.accept();
    await server.close(conn);
  });

  it('rejects after the session timeout with the failure of each server, and goes on trying', async () => {
    const server = new ScriptedServer();
    server.onDial = (link) => (link.name === 'c:1' ? undefined : link.fail(new Error(`no ${link.name}`)));
    const conn = server.conn();
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    await server.clock.advance(T - 1);
    expect(outcome.current).toBeUndefined();
    await server.clock.advance(1);
    const error = (await rejectionOf(connecting)) as NoServerError;
    expect(error).toBeInstanceOf(NoServerError);
    expect(error).toMatchObject({ code: 'ZK_NO_SERVER', outcome: 'not-sent', retryable: true });
    const { errors } = error.cause as AggregateError;
    expect(error.cause).toBeInstanceOf(AggregateError);
    expect(errors.map(({ code }: { code: string }) => code)).toEqual([
      'ZK_LINK',
      'ZK_LINK',
      'ZK_CONNECT_TIMEOUT',
    ]);
    for (const text of [`${T} ms`, 'a:1', 'no a:1', 'b:1', 'no b:1', 'c:1'])
      expect(error.message).toContain(text);
    expect(conn.state).toBe('Connecting');
    // a later attempt succeeds all the same
    server.onDial = () => undefined;
    const again = conn.connect();
    await server.link.fail();
    await server.clock.advance(1000);
    await server.link.welcome();
    expect(await again).toBe(conn);
    await server.close(conn);
  });

  it('names a server once in the text of its error', async () => {
    const server = new ScriptedServer();
    server.onDial = (link) => link.fail(new Error('refused'));
    const conn = server.conn({}, 'a:1');
    const rejected = rejectionOf(conn.connect({ timeoutMs: 10 }));
    await settle();
    await server.clock.advance(10);
    expect(((await rejected) as Error).message.split('a:1')).toHaveLength(2);
    await conn.close();
  });

  it('rejects when no server has answered at all', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const rejected = rejectionOf(conn.connect({ timeoutMs: 5 }));
    await server.clock.advance(5);
    expect(await rejected).toMatchObject({ code: 'ZK_NO_SERVER', cause: { errors: [] } });
    await conn.close();
  });

  it('says what is wrong with the host provider', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({
      hostProvider: { size: 1, next: () => Promise.reject(new Error('no list')), connected: () => undefined },
    });
    const rejected = rejectionOf(conn.connect({ timeoutMs: 5 }));
    await settle();
    await server.clock.advance(5);
    const { cause } = (await rejected) as Error;
    expect((cause as AggregateError).errors).toEqual([
      expect.objectContaining({ cause: new Error('no list') }),
    ]);
    await conn.close();
  });

  it('waits for ever with timeoutMs 0', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const outcome = watchOutcome(conn.connect({ timeoutMs: 0 }));
    await server.clock.advance(1_000_000);
    expect(outcome.current).toBeUndefined();
    server.onDial = (link) => link.welcome();
    await server.clock.advance(T);
    expect(outcome.current).toEqual({ value: conn });
    await server.close(conn);
  });

  it('may be called several times: each has its own patience', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const patient = conn.connect();
    const impatient = rejectionOf(conn.connect({ timeoutMs: 10 }));
    await server.clock.advance(10);
    expect(await impatient).toBeInstanceOf(NoServerError);
    expect(server.links).toHaveLength(1);
    await server.link.welcome();
    expect(await patient).toBe(conn);
    expect(await conn.connect()).toBe(conn);
    expect(server.links).toHaveLength(1);
    expect(server.clock.timers).toBe(1);
    await server.close(conn);
  });

  it('waits for the session to go on when it is called while suspended', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.link.fail();
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    expect(outcome.current).toBeUndefined();
    await server.link.welcome();
    expect(await connecting).toBe(conn);
    await server.close(conn);
  });

  it('rejects after close, and when it is closed meanwhile', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const connecting = rejectionOf(conn.connect());
    await settle();
    await conn.close();
    expect(await connecting).toBeInstanceOf(ConnClosedError);
    expect(await rejectionOf(conn.connect())).toBeInstanceOf(ConnClosedError);
    expect(await rejectionOf(conn.connect({ timeoutMs: 0 }))).toBeInstanceOf(ConnClosedError);
    expect(server.clock.timers).toBe(0);
    expect(server.links).toHaveLength(1);
  });

  it('rejects while the Conn is closing, which is not connected any more', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const closing = conn.close();
    const outcome = watchOutcome(conn.connect());
    await settle();
    await server.link.answer(server.link.takeOne(), {});
    await closing;
    expect(outcome.current).toEqual({ error: expect.any(ConnClosedError) });
  });

  it('waits for the word on the credentials of the options', async () => {
    const server = new ScriptedServer();
    const auth = [
      { scheme: 'digest', auth: 'u:p' },
      { scheme: 'digest', auth: 'v:p' },
    ];
    const conn = server.conn({ auth });
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    await server.link.welcome();
    const [first, second] = server.link.take();
    expect(outcome.current).toBeUndefined();
    await server.link.answer(first!, {});
    expect(outcome.current).toBeUndefined();
    await server.link.answer(second!, {});
    expect(await connecting).toBe(conn);
    expect(server.clock.timers).toBe(1);
    await server.close(conn);
  });

  it('waits for that word however late it was called', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'u:p' }], requestTimeoutMs: 100 });
    await server.clock.advance(T);
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    await server.link.welcome();
    expect(outcome.current).toBeUndefined();
    await server.link.answer(server.link.takeOne(), {});
    expect(await connecting).toBe(conn);
    await server.close(conn);
  });

  it('waits for that word on the next connection, where the first one is lost before it', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'u:p' }] });
    const connecting = conn.connect();
    const outcome = watchOutcome(connecting);
    await settle();
    await server.link.welcome();
    await server.cutAndResume();
    expect(outcome.current).toBeUndefined();
    await server.link.answer(server.link.takeOne(), {});
    expect(await connecting).toBe(conn);
    await server.close(conn);
  });

  it('rejects when the credentials are refused', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'u:p' }] });
    const rejected = rejectionOf(conn.connect());
    await settle();
    await server.link.welcome();
    await server.link.refuse(server.link.takeOne(), Errno.AuthFailed);
    expect(await rejected).toBeInstanceOf(AuthFailedError);
    expect(await rejectionOf(conn.connect())).toBeInstanceOf(AuthFailedError);
    expect(server.clock.timers).toBe(0);
  });

  it('rejects when the session has expired for good', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ sessionExpiry: 'close' });
    await server.link.fail();
    const connecting = rejectionOf(conn.connect());
    await server.link.welcome(EXPIRED);
    expect(await connecting).toBeInstanceOf(SessionExpiredError);
    expect(await rejectionOf(conn.connect())).toBeInstanceOf(SessionExpiredError);
    expect(server.clock.timers).toBe(0);
  });
});

describe('the function connect', () => {
  const optionsOf = (server: ScriptedServer) => ({
    dialer: server.dialer,
    clock: server.clock,
    sessionTimeoutMs: T,
  });

  it('gives a Conn that is connected', async () => {
    const server = new ScriptedServer();
    server.onDial = (link) => link.welcome();
    const conn = await connect('a:1', optionsOf(server));
    expect(conn.state).toBe('SyncConnected');
    await server.close(conn);
  });

  it('closes the Conn when it fails', async () => {
    const server = new ScriptedServer();
    const rejected = rejectionOf(connect('a:1', optionsOf(server)));
    await settle();
    await server.clock.advance(T);
    expect(await rejected).toBeInstanceOf(NoServerError);
    expect(server.clock.timers).toBe(0);
    expect(server.links.every(({ closed }) => closed)).toBe(true);
  });

  it('rejects, and does not throw, for a bad connect string', async () => {
    expect(await rejectionOf(connect('a:x'))).toBeInstanceOf(InvalidConnectStringError);
  });
});

describe('close', () => {
  it.each(Object.keys(PHASES))('ends everything: %s', async (phase) => {
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

  it('does not wait for a socket that takes no more', async () => {
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

  it('is what the end of a block does', async () => {
    const server = new ScriptedServer();
    let seen: Conn | undefined;
    {
      await using conn = server.conn();
      seen = conn;
    }
    expect(seen.state).toBe('Closed');
  });

  it('by several callers is one', async () => {
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

describe('calls', () => {
  it('made before connect wait for it, in order', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const results = [conn.exists('/1'), conn.exists('/2')];
    void conn.connect();
    results.push(conn.exists('/3'));
    await settle();
    await server.link.welcome();
    const seen = server.link.take();
    expect(seen.map(({ request }) => request['path'])).toEqual(['/1', '/2', '/3']);
    for (const one of seen) await server.link.refuse(one, Errno.NoNode);
    expect(await Promise.all(results)).toEqual([null, null, null]);
    await server.close(conn);
  });

  it('made without a connection reject at once with offlineQueue false', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ offlineQueue: false });
    expect(await rejectionOf(conn.get('/a'))).toMatchObject({
      code: 'ZK_CONNECTION_LOSS',
      outcome: 'not-sent',
    });
    const connecting = conn.connect();
    await settle();
    await server.link.welcome();
    await connecting;
    const asked = rejectionOf(conn.get('/a'));
    await server.link.fail();
    expect(await asked).toBeInstanceOf(ConnectionLossError);
    expect(await rejectionOf(conn.get('/a'))).toMatchObject({ outcome: 'not-sent' });
    await conn.close();
  });

  it('give what the server says, in the shape of their method', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ chroot: '/app' });
    const ask = async (call: Promise<unknown>, response: unknown): Promise<[string, unknown, unknown]> => {
      await settle();
      const seen = server.link.takeOne();
      await server.link.answer(seen, response);
      return [seen.op.name, seen.request['path'], await call];
    };
    const acl = [...OPEN_ACL_UNSAFE];
    expect(await ask(conn.get('/a'), DATA)).toEqual(['getData', '/app/a', DATA]);
    expect(await ask(conn.get('/'), { data: null, stat: STAT })).toEqual([
      'getData',
      '/app',
      { data: null, stat: STAT },
    ]);
    expect(await ask(conn.exists('/a'), { stat: STAT })).toEqual(['exists', '/app/a', STAT]);
    const children = { children: ['x', 'y'], stat: STAT };
    expect(await ask(conn.children('/a'), children)).toEqual(['getChildren2', '/app/a', children]);
    expect(await ask(conn.getAcl('/a'), { acl, stat: STAT })).toEqual([
      'getACL',
      '/app/a',
      { acl, stat: STAT },
    ]);
    expect(await ask(conn.sync('/a'), { path: '/app/a' })).toEqual(['sync', '/app/a', '/a']);
    expect(await ask(conn.create('/a'), { path: '/app/a' })).toEqual(['create', '/app/a', '/a']);
    expect(await ask(conn.create('/a', 'x', { mode: 'CONTAINER' }), { path: '/app/a', stat: STAT })).toEqual([
      'createContainer',
      '/app/a',
      '/a',
    ]);
    expect(
      await ask(conn.createWithStat('/', null, { mode: 'PERSISTENT_SEQUENTIAL' }), {
        path: '/app/0000000001',
        stat: STAT,
      }),
    ).toEqual(['create2', '/app/', { path: '/0000000001', stat: STAT }]);
    expect(await ask(conn.set('/a', 'x', 3), { stat: STAT })).toEqual(['setData', '/app/a', STAT]);
    expect(await ask(conn.setAcl('/a', acl), { stat: STAT })).toEqual(['setACL', '/app/a', STAT]);
    expect(await ask(conn.delete('/a'), {})).toEqual(['delete', '/app/a', undefined]);
    await server.close(conn);
  });

  it('send the defaults, and what they were given', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const acl = [{ perms: 1, scheme: 'ip', id: '10.0.0.1' }];
    const all = [
      conn.create('/a'),
      conn.create('/a', 'ä', { mode: 'PERSISTENT_WITH_TTL', ttlMs: 2 ** 33, acl }),
      conn.set('/a', null),
      conn.delete('/a'),
      conn.setAcl('/a', acl),
    ].map((call) => call.catch(() => undefined));
    await settle();
    expect(server.link.take().map(({ request }) => request)).toEqual([
      { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 },
      { path: '/a', data: Buffer.from('ä'), acl, flags: 5, ttl: 2 ** 33 },
      { path: '/a', data: null, version: -1 },
      { path: '/a', version: -1 },
      { path: '/a', acl, version: -1 },
    ]);
    const closing = conn.close();
    await settle();
    await server.link.end();
    await closing;
    await Promise.all(all);
  });

  it('reject with what the server says', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const asked = rejectionOf(conn.get('/a'));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    const error = await asked;
    expect(error).toBeInstanceOf(NoNodeError);
    expect(error).toMatchObject({ op: 'getData', path: '/a', outcome: 'rejected' });
    await server.close(conn);
  });

  it('with the path as the caller gave it in the error, under a chroot', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ chroot: '/app' });
    const asked = rejectionOf(conn.get('/a'));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    expect(await asked).toMatchObject({ path: '/a' });
    await server.close(conn);
  });

  it('an answer that makes no sense costs the connection, and not the session', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const asked = rejectionOf(conn.get('/a'));
    const behind = rejectionOf(conn.get('/b'));
    await settle();
    const [first] = server.link.take();
    await server.link.send(replyFrame(first!.xid, { body: (w) => w.int(99) }));
    expect(await asked).toMatchObject({ code: 'ZK_DECODE', op: 'getData', path: '/a' });
    expect(await behind).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', path: '/b' });
    await server.link.connect();
    expect(server.link.handshake.sessionId).toBe(0xabcn);
    await server.link.accept();
    await server.close(conn);
  });
});

describe('call', () => {
  it('takes a record and gives a record, with the chroot in between', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ chroot: '/app' });
    const creating = conn.call('create', {
      path: '/a',
      data: Buffer.from('x'),
      acl: OPEN_ACL_UNSAFE,
      flags: 2,
    });
    await settle();
    const seen = server.link.takeOne();
    expect(seen.request['path']).toBe('/app/a');
    await server.link.answer(seen, { path: '/app/a0000000001' });
    expect(await creating).toEqual({ path: '/a0000000001' });
    const reading = conn.call('getChildren', { path: '/', watch: false });
    await settle();
    const second = server.link.takeOne();
    expect(second.request['path']).toBe('/app');
    await server.link.answer(second, { children: ['x'] });
    expect(await reading).toEqual({ children: ['x'] });
    await server.close(conn);
  });

  it('without a chroot gives the response as it is, and leaves the request alone', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const request = Object.freeze({ path: '/a' });
    const syncing = conn.call('sync', request);
    await settle();
    await server.link.answer(server.link.takeOne(), { path: '/a' });
    expect(await syncing).toEqual({ path: '/a' });
    await server.close(conn);
  });

  it('takes no node that is not there for a result', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const asked = rejectionOf(conn.call('exists', { path: '/a', watch: false }));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    expect(await asked).toMatchObject({ code: 'ZK_NO_NODE', op: 'exists', path: '/a' });
    await server.close(conn);
  });

  it.each(['ping', 'auth', 'setWatches', 'closeSession', 'check', 'multi', 'nope', '__proto__', ''])(
    'knows no %j',
    async (name) => {
      const conn = new ScriptedServer().conn();
      const error = await rejectionOf(conn.call(name as 'sync', { path: '/' }));
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error).toMatchObject({ outcome: 'not-sent' });
    },
  );
});

describe('credentials', () => {
  it('of the options are presented before the calls that wait, on every connection', async () => {
    const server = new ScriptedServer();
    const auth = [
      { scheme: 'digest', auth: 'u:p' },
      { scheme: 'x509', auth: Buffer.from([1]) },
    ];
    const conn = server.conn({ auth });
    const asked = conn.get('/a');
    void conn.connect();
    await settle();
    await server.link.welcome();
    const [first, second, get] = server.link.take();
    expect([first?.op.name, second?.op.name, get?.op.name]).toEqual(['auth', 'auth', 'getData']);
    expect([first?.xid, first?.request]).toEqual([
      -4,
      { type: 0, scheme: 'digest', auth: Buffer.from('u:p') },
    ]);
    expect(second?.request).toMatchObject({ scheme: 'x509', auth: Buffer.from([1]) });
    await server.link.answer(first!, {});
    await server.link.answer(second!, {});
    await server.link.send(replyFrame(get!.xid, { body: dataBody }));
    expect(await asked).toMatchObject({ data: Buffer.from('data') });
    await server.cutAndResume();
    expect(server.link.take().map(({ op }) => op.name)).toEqual(['auth', 'auth']);
    await server.close(conn);
  });

  it('given later are presented at once, behind what was asked before', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const before = conn.exists('/1');
    const adding = conn.addAuth('digest', 'u:p');
    const after = conn.exists('/2');
    await settle();
    const [one, auth, two] = server.link.take();
    expect([one?.request['path'], auth?.op.name, two?.request['path']]).toEqual(['/1', 'auth', '/2']);
    await server.link.answer(auth!, {});
    await expect(adding).resolves.toBeUndefined();
    await server.link.refuse(one!, Errno.NoNode);
    await server.link.refuse(two!, Errno.NoNode);
    expect([await before, await after]).toEqual([null, null]);
    await server.close(conn);
  });

  it('that were not answered are presented again, and their promise goes on', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = conn.addAuth('digest', 'u:p');
    await server.cutAndResume();
    await server.link.answer(server.link.takeOne(), {});
    await expect(adding).resolves.toBeUndefined();
    await server.close(conn);
  });

  it('that nobody will answer any more are told so: closed', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const adding = rejectionOf(conn.addAuth('digest', 'u:p'));
    await conn.close();
    expect(await adding).toBeInstanceOf(ConnClosedError);
  });

  it('that nobody will answer any more are told so: expired', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ sessionExpiry: 'close' });
    await server.link.fail();
    const outcome = watchOutcome(conn.addAuth('digest', 'u:p'));
    await server.link.welcome(EXPIRED);
    await conn.closed;
    await settle();
    expect(outcome.current).toEqual({ error: expect.any(SessionExpiredError) });
  });

  it('are seen by nobody who looks at a Conn, or logs it', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'user:s3cret' }] });
    void conn.addAuth('digest', 'other:s3cret').catch(() => undefined);
    expect(inspect(conn, { depth: 20 })).not.toContain('s3cret');
    await conn.close();
  });
});

describe('what can be asked of a Conn', () => {
  it('follows its phases', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const look = (): unknown[] => [
      conn.state,
      conn.server,
      conn.sessionId,
      conn.sessionEpoch,
      conn.negotiatedTimeoutMs,
      conn.lastZxid,
    ];
    expect(look()).toEqual(['Disconnected', undefined, 0n, 0, T, 0n]);
    void conn.connect();
    await settle();
    expect(look()).toEqual(['Connecting', undefined, 0n, 0, T, 0n]);
    await server.link.connect();
    expect(look()).toEqual(['Connecting', undefined, 0n, 0, T, 0n]);
    await server.link.accept({ sessionId: 5n, timeOut: 4000 });
    expect(look()).toEqual(['SyncConnected', 'a:1', 5n, 1, 4000, 0n]);
    const asked = conn.get('/a');
    await settle();
    await server.link.answer(server.link.takeOne(), DATA, 77n);
    await asked;
    expect(look()).toEqual(['SyncConnected', 'a:1', 5n, 1, 4000, 77n]);
    await server.link.fail();
    expect(look()).toEqual(['Disconnected', undefined, 5n, 1, 4000, 77n]);
    await server.link.connect();
    expect(server.link.handshake).toMatchObject({
      sessionId: 5n,
      lastZxidSeen: 77n,
      passwd: Buffer.alloc(16, 7),
    });
    await server.link.accept({ sessionId: 5n, timeOut: 5000 });
    expect(look()).toEqual(['SyncConnected', 'b:1', 5n, 1, 5000, 77n]);
    await server.cutAndResume(EXPIRED);
    expect(look()).toEqual(['Expired', undefined, 0n, 1, T, 0n]);
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 6n });
    expect(look()).toEqual(['SyncConnected', expect.any(String), 6n, 2, 9000, 0n]);
    const closing = conn.close();
    expect(conn.server).toEqual(expect.any(String));
    await settle();
    await server.link.answer(server.link.takeOne(), {});
    await closing;
    expect(look()).toEqual(['Closed', undefined, 6n, 2, 9000, 1n]);
  });

  it("does nothing behind one's back: no event is unhandled in a life without calls", async () => {
    const caught = await catchingUncaught(async () => {
      const server = new ScriptedServer();
      const conn = await server.connected();
      await server.cutAndResume();
      await server.link.fail();
      await server.clock.advance(100_000);
      await conn.close();
    });
    expect(caught).toEqual([]);
  });
});

describe('any story', () => {
  const LEGAL: Record<string, readonly string[]> = {
    none: ['CONNECTED'],
    CONNECTED: ['SUSPENDED', 'LOST'],
    RECONNECTED: ['SUSPENDED', 'LOST'],
    SUSPENDED: ['RECONNECTED', 'LOST'],
    LOST: ['CONNECTED'],
  };

  /** One thing that the test, a server or the clock may do at any time. Whatever makes no sense then is left out. */
  const STEPS = {
    read: (w) => w.call(() => w.conn.get('/a')),
    write: (w) => w.call(() => w.conn.set('/a', 'x')),
    watch: (w) =>
      w.call(async () => {
        const { watch } = await w.conn.existsW('/a');
        w.call(() => watch.event);
      }),
    multi: (w) => w.call(() => w.conn.multi([op.check('/a'), op.delete('/a')])),
    auth: (w) => w.call(() => w.conn.addAuth('digest', `u:${String(w.calls)}`)),
    wrong: (w) => w.call(() => w.conn.get('a')),
    connect: (w) => w.call(() => w.conn.connect({ timeoutMs: 500 })),
    accept: (w) => w.link?.connect(),
    welcome: (w) => w.greet({ sessionId: 7n }),
    other: (w) => w.greet({ sessionId: 8n }),
    expire: (w) => w.greet({ sessionId: 0n, timeOut: 0 }),
    answer: async (w) => {
      for (const seen of w.link?.take() ?? []) {
        if (seen.op.name === 'auth' || seen.op.name === 'ping') await w.link?.answer(seen, {});
        else await w.link?.refuse(seen, Errno.NoNode);
      }
    },
    notify: (w) => (w.isUp ? w.link?.send(notification(1, '/a')) : undefined),
    garbage: (w) => w.link?.send(Buffer.from('no frame of ours, this is')),
    refuseAuth: async (w) => {
      const seen = w.isUp ? w.link?.take().find(({ op: row }) => row.name === 'auth') : undefined;
      if (seen !== undefined) await w.link?.refuse(seen, Errno.AuthFailed);
    },
    fail: (w) => w.link?.fail(),
    end: (w) => w.link?.end(),
    block: (w) => {
      if (w.link !== undefined) w.link.writable = false;
    },
    drain: (w) => w.link?.drain(),
    wait: (w) => w.server.clock.advance(300),
    waitLong: (w) => w.server.clock.advance(5000),
    standStill: (w) => {
      w.server.clock.jump(4000);
    },
    close: (w) => {
      void w.conn.close();
    },
  } as const satisfies Record<string, (w: Story) => unknown>;

  class Story {
    readonly server = new ScriptedServer();
    readonly conn: Conn;
    calls = 0;
    settled = 0;
    /** Rejections that are no ZkError. */
    readonly strange: unknown[] = [];
    readonly heard: string[] = [];
    readonly states: string[] = [];

    constructor(sessionExpiry: 'renew' | 'close', requestTimeoutMs: number) {
      this.conn = this.server.conn({ sessionExpiry, requestTimeoutMs });
      this.conn.on('connection', (state) => void this.heard.push(state));
      this.conn.on('state', ({ state }) => void this.states.push(state));
    }

    get link(): Link | undefined {
      return this.server.links.at(-1);
    }

    /** Was the handshake answered? Only then does a server say anything else. */
    get isUp(): boolean {
      return this.conn.state === 'SyncConnected';
    }

    async greet(session: Session): Promise<void> {
      if (this.isUp) return;
      // a pause between two rounds
      for (let i = 0; i < 3 && this.link?.closed === true; i++) await this.server.clock.advance(400);
      if (this.link?.written.length === 0) await this.link.connect();
      await this.link?.accept(session);
    }

    call(run: () => Promise<unknown>): void {
      this.calls++;
      run().then(
        () => this.settled++,
        (error: unknown) => {
          this.settled++;
          if (!ZkError.is(error)) this.strange.push(error);
        },
      );
    }
  }

  it('ends well: every call is settled, nothing is left, and what was said made sense', async () => {
    const some = fc.constantFrom(
      ...(Object.keys(STEPS) as (keyof typeof STEPS)[]).filter((name) => name !== 'close'),
    );
    const step = fc.oneof(
      { weight: 60, arbitrary: some },
      { weight: 15, arbitrary: fc.constant('welcome' as const) },
      { weight: 1, arbitrary: fc.constant('close' as const) },
    );
    const options = fc.record({
      sessionExpiry: fc.constantFrom('renew' as const, 'close' as const),
      requestTimeoutMs: fc.constantFrom(0, 400),
    });
    const caught = await catchingUncaught(() =>
      checkAsync(
        fc.asyncProperty(options, fc.array(step, { maxLength: 40, size: 'max' }), async (given, steps) => {
          const w = new Story(given.sessionExpiry, given.requestTimeoutMs);
          for (const name of ['connect' as const, ...steps]) {
            await STEPS[name](w);
            await settle();
            // one of the driver's, and one for each call of connect
            expect(w.server.clock.timers).toBeLessThanOrEqual(1 + w.calls);
            expect(
              w.server.links.filter(({ destroyed, closed }) => !destroyed && !closed).length,
            ).toBeLessThan(2);
          }
          const closing = w.conn.close();
          await w.server.clock.advance(1000);
          await closing;
          await settle();
          expect(w.conn.state).toBe('Closed');
          expect(w.states.at(-1)).toBe('Closed');
          expect(w.server.clock.timers).toBe(0);
          expect(w.server.links.every(({ closed }) => closed)).toBe(true);
          expect([w.calls - w.settled, w.strange]).toEqual([0, []]);
          expect(w.states.every((state, i) => state !== w.states[i - 1])).toBe(true);
          ['none', ...w.heard].forEach((state, i, all) => {
            const next = all[i + 1];
            if (next !== undefined) expect(LEGAL[state]).toContain(next);
          });
          const { state } = await w.conn.closed;
          expect(['Closed', 'Expired', 'AuthFailed']).toContain(state);
        }),
        150,
      ),
    );
    expect(caught).toEqual([]);
  });
});
