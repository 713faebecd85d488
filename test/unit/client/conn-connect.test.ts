import { describe, expect, it, vi } from 'vitest';
import { connect } from '../../../src/client/conn.js';
import { EventSource } from '../../../src/client/events.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  AuthFailedError,
  ConnClosedError,
  InvalidConnectStringError,
  NoServerError,
  SessionExpiredError,
} from '../../../src/protocol/errors.js';
import { rejectionOf, ScriptedServer, settle, watchOutcome } from '../../support/scripted-server.js';
import { EXPIRED, T } from './values.js';

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

  it('leaves no listener of its own, however it ends', async () => {
    const on = vi.spyOn(EventSource.prototype, 'on');
    const off = vi.spyOn(EventSource.prototype, 'off');
    const left = (): number => {
      const gone = new Set<unknown>(off.mock.calls.map(([, listener]) => listener));
      return on.mock.calls.filter(([, listener]) => !gone.has(listener)).length;
    };
    try {
      const server = new ScriptedServer();
      const conn = server.conn();
      const controller = new AbortController();
      const aborted = rejectionOf(conn.connect({ signal: controller.signal }));
      const late = rejectionOf(conn.connect({ timeoutMs: 10 }));
      const connecting = conn.connect();
      await settle();
      expect(left()).toBe(3);
      controller.abort(new Error('enough'));
      await aborted;
      await server.clock.advance(10);
      await late;
      expect(left()).toBe(1);
      await server.link.welcome();
      await connecting;
      expect(left()).toBe(0);
      await server.close(conn);
    } finally {
      on.mockRestore();
      off.mockRestore();
    }
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
