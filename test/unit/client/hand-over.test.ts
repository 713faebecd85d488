/** A session that goes from one Conn to another, and a Conn that comes back from a refusal. */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, exponentialBackoff, type Conn, type ConnOptions, type Dialer } from '../../../src/index.js';
import {
  AuthFailedError,
  ConnClosedError,
  ConnectionLossError,
  InvalidOptionError,
  SessionExpiredError,
} from '../../../src/protocol/errors.js';
import { MiniServer } from '../../../src/testing.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

let server: MiniServer;
const conns: Conn[] = [];

beforeEach(async () => {
  server = await MiniServer.start();
});

afterEach(async () => {
  await Promise.all(conns.splice(0).map((conn) => conn.close()));
  await server.close();
});

async function client(options: ConnOptions = {}): Promise<Conn> {
  const conn = await connect(server.connectString, { closeTimeoutMs: 30_000, ...options });
  conns.push(conn);
  return conn;
}

describe('detach', () => {
  it('leaves the session and its ephemeral nodes, and another Conn goes on with them', async () => {
    const first = await client();
    await first.create('/mine', 'x', { mode: 'EPHEMERAL' });
    const session = await first.detach();
    expect(await first.closed).toEqual({ state: 'Closed' });
    expect(await rejectionOf(first.get('/mine'))).toBeInstanceOf(ConnClosedError);
    expect(server.sessions).toHaveLength(1);
    const second = await client({ session });
    expect(second.sessionId).toBe(session.id);
    expect((await second.exists('/mine'))?.ephemeralOwner).toBe(session.id);
    await second.close();
    expect(server.tree.get('/mine')).toBeUndefined();
  });

  it('has nothing to give where there is no session', async () => {
    const conn = await client();
    await conn.close();
    expect(conn.session).toBeNull();
    expect(await rejectionOf(conn.detach())).toBeInstanceOf(ConnClosedError);
  });

  it('has nothing to give where a server in read-only mode has made the session by itself', async () => {
    const scripted = new ScriptedServer();
    const conn = scripted.conn({ readOnly: true });
    void conn.connect();
    await settle();
    await scripted.link.welcome({ readOnly: true });
    expect(conn.state).toBe('ConnectedReadOnly');
    expect(conn.sessionId).not.toBe(0n);
    expect(conn.session).toBeNull();
    const error = await rejectionOf(conn.detach());
    expect(error).toBeInstanceOf(SessionExpiredError);
    expect(error).toHaveProperty('message', 'detach: there is no session that another Conn could go on with');
    void conn.reconnect();
    await settle();
    await scripted.link.welcome({ sessionId: 0xdefn });
    expect(conn.session?.id).toBe(0xdefn);
    void conn.detach();
  });

  it('keeps the password out of all that is printed', async () => {
    const conn = await client();
    const { session } = conn;
    const { password } = session!;
    const printed = [
      inspect(session, { depth: 9, showHidden: true }),
      JSON.stringify(session),
      inspect(conn),
    ].join();
    for (const secret of [password.toString('hex'), password.toString('base64')]) {
      expect(printed).not.toContain(secret);
    }
    for (const byte of password.toJSON().data.slice(0, 4)) expect(typeof byte).toBe('number');
    expect(JSON.stringify(session)).toContain(conn.sessionId.toString(16));
  });

  it('hands over nothing that the server does not know any more', async () => {
    const first = await client();
    const session = await first.detach();
    server.expireSession(session.id);
    const second = await client({ session });
    expect(second.sessionId).not.toBe(session.id);
    const end = await rejectionOf(connect(server.connectString, { session, sessionExpiry: 'close' }));
    expect(end).toBeInstanceOf(SessionExpiredError);
  });

  it.each([
    ['another one', Buffer.alloc(16, 9)],
    ['that is too short', Buffer.alloc(15)],
  ])('a session with a password %s is over at once, and is asked for once', async (_name, password) => {
    const owner = await client();
    await owner.create('/mine', 'x', { mode: 'EPHEMERAL' });
    const { sessionId } = owner;
    let dials = 0;
    const dialer: Dialer = (to, events) => {
      dials++;
      return server.dialer(to, events);
    };
    const session = { id: sessionId, password };
    const end = await rejectionOf(connect(server.connectString, { session, sessionExpiry: 'close', dialer }));
    expect(end).toBeInstanceOf(SessionExpiredError);
    expect(dials).toBe(1);
    // a Conn that may go on does so in a session of its own
    const thief = await client({ session, dialer });
    expect(thief.sessionId).not.toBe(sessionId);
    expect(dials).toBe(3);
    // and the owner goes on with his
    await owner.sync('/');
    expect(owner.sessionId).toBe(sessionId);
    expect((await thief.exists('/mine'))?.ephemeralOwner).toBe(sessionId);
  });
});

describe('reconnect', () => {
  it('[H3] comes back from a refusal with other credentials, on the same Conn', async () => {
    const conn = await client();
    await conn.create('/secret', 'x', { acl: [{ perms: 31, scheme: 'digest', id: 'u:x' }] });
    const refused = await rejectionOf(conn.addAuth('no-such-scheme', 'x'));
    expect(refused).toBeInstanceOf(AuthFailedError);
    expect(conn.state).toBe('AuthFailed');
    expect((await conn.closed).state).toBe('AuthFailed');
    expect(await rejectionOf(conn.get('/'))).toBeInstanceOf(AuthFailedError);
    const { sessionId } = conn;
    expect(await conn.reconnect({ auth: [{ scheme: 'digest', auth: 'u:p' }] })).toBe(conn);
    expect(conn.state).toBe('SyncConnected');
    expect(conn.sessionId).toBe(sessionId);
    expect((await conn.exists('/'))?.numChildren).toBeGreaterThan(0);
    let over = false;
    void conn.closed.then(() => (over = true));
    await conn.exists('/');
    expect(over).toBe(false);
    expect((await conn.close()).confirmed).toBe(true);
    expect((await conn.closed).state).toBe('Closed');
  });

  it('lets attempts be made again after a refusal', async () => {
    const conn = await client();
    await rejectionOf(conn.addAuth('no-such-scheme', 'x'));
    const policy = exponentialBackoff({ baseMs: 0, maxMs: 0 });
    const work = (attempt: number): Promise<unknown> =>
      attempt < 3 ? Promise.reject(new ConnectionLossError({ outcome: 'not-sent' })) : conn.exists('/');
    expect(await rejectionOf(conn.retry(policy, work))).toBeInstanceOf(AuthFailedError);
    await conn.reconnect();
    expect(await conn.retry(policy, work)).not.toBeNull();
    await conn.close();
    expect(await rejectionOf(conn.retry(policy, work))).toBeInstanceOf(ConnClosedError);
  });

  it('leaves a good connection for another one, in the same session', async () => {
    const conn = await client();
    const states: string[] = [];
    conn.on('connection', (state) => states.push(state));
    const { sessionId } = conn;
    await conn.reconnect();
    expect(conn.sessionId).toBe(sessionId);
    expect(states).toEqual(['SUSPENDED', 'RECONNECTED']);
  });

  it('refuses options that are none, and a Conn that is closed', async () => {
    const conn = await client();
    const bad = conn.reconnect.bind(conn) as (options: unknown) => Promise<unknown>;
    expect(await rejectionOf(bad({ auth: 'u:p' }))).toBeInstanceOf(InvalidOptionError);
    expect(await rejectionOf(bad({ password: 'p' }))).toBeInstanceOf(InvalidOptionError);
    await conn.close();
    expect(await rejectionOf(conn.reconnect())).toBeInstanceOf(ConnClosedError);
  });
});
