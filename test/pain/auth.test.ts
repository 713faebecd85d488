/** Credentials: kept over reconnects and renewals, before everything else, told of, recoverable. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AuthFailedError,
  CREATOR_ALL_ACL,
  Conn,
  ConnectionLossError,
  connect,
  digestMd5,
  type ConnOptions,
  type KeeperState,
} from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { WireTap, type Cut, type Direction } from '../support/wire-tap.js';

const SASL = { users: { bob: 'secret' } };
const FAST = { backoff: { baseMs: 1, maxMs: 1 } };
const bob = () => digestMd5({ username: 'bob', password: 'secret' });

let server: MiniServer;

beforeAll(async () => {
  server = await MiniServer.start({ sasl: SASL });
});
afterAll(async () => {
  await server.close();
});

/** Resolves when the session event says that. */
function session(conn: Conn, wanted: 'resumed' | 'new'): Promise<void> {
  return new Promise((resolve) => {
    const look = ({ what }: { what: string }): void => {
      if (what !== wanted) return;
      conn.off('session', look);
      resolve();
    };
    conn.on('session', look);
  });
}

/** Ways to have the identity. */
const WAYS: [string, ConnOptions, string[]][] = [
  ['addAuth', { auth: [{ scheme: 'digest', auth: 'ada:secret' }] }, ['auth']],
  ['SASL', { sasl: bob() }, ['sasl', 'sasl']],
  ['both', { sasl: bob(), auth: [{ scheme: 'digest', auth: 'ada:secret' }] }, ['sasl', 'sasl', 'auth']],
];

describe.each(WAYS)('an identity by %s', (_way, options, first) => {
  it('opens its nodes after 20 reconnects and a renewal, and comes before whatever waited [H1] [H5]', async () => {
    const tap = new WireTap();
    await using conn = await connect(server.connectString, { ...FAST, ...options, dialer: tap.dial });
    const path = await conn.create('/h1-', 'x', { mode: 'PERSISTENT_SEQUENTIAL', acl: CREATOR_ALL_ACL });
    const read = async (): Promise<string> => String((await conn.get(path)).data);
    const lost = (): Promise<void> =>
      new Promise((resolve) => {
        conn.once('connection', () => resolve());
      });

    for (let i = 0; i < 20; i++) {
      const [suspended, resumed] = [lost(), session(conn, 'resumed')];
      tap.cut();
      await suspended;
      const waiting = [read(), read(), read()];
      await resumed;
      expect(await Promise.all(waiting)).toEqual(['x', 'x', 'x']);
      expect(tap.latest.requests).toEqual([...first, 'getData', 'getData', 'getData']);
    }
    expect(tap.connections).toHaveLength(21);

    const renewed = session(conn, 'new');
    server.expireSession(conn.sessionId);
    await renewed;
    expect(await read()).toBe('x');
    expect(conn.sessionEpoch).toBe(2);
    expect(tap.latest.requests.slice(0, first.length)).toEqual(first);
    await conn.delete(path);
  });
});

describe('the exchange of a reconnect', () => {
  /** Reconnects once with the second connection cut, and again if need be; both ends must be content. */
  async function reconnect(cut: Cut | undefined): Promise<Record<Direction, number>> {
    const tap = new WireTap((connection) => (connection === 1 ? cut : undefined));
    const { connectString } = server;
    const options = {
      ...FAST,
      sasl: bob(),
      auth: [{ scheme: 'digest', auth: 'ada:secret' }],
      dialer: tap.dial,
    };
    await using conn = await connect(connectString, options);
    const path = await conn.create('/h2-', 'x', { mode: 'EPHEMERAL_SEQUENTIAL', acl: CREATOR_ALL_ACL });
    const { watch } = await conn.getW(path);
    const { sessionId } = conn;
    const states: KeeperState[] = [];
    conn.on('state', ({ state }) => states.push(state));

    const suspended = new Promise((resolve) => conn.once('connection', resolve));
    tap.cut();
    await suspended;
    // in the middle of it all, a credential comes, and is given twice
    const added = [conn.addAuth('digest', 'eve:secret'), conn.addAuth('digest', 'eve:secret')];
    const waiting = conn.get(path).catch((error: unknown) => error);
    await Promise.all(added);
    const waited = await waiting;
    const exchanged = { ...(tap.connections[1]?.bytes as Record<Direction, number>) };
    if (waited instanceof Error) expect(waited).toBeInstanceOf(ConnectionLossError);
    expect(String((await conn.get(path)).data)).toBe('x');

    expect(conn.sessionId).toBe(sessionId);
    expect(conn.state).toBe('SyncConnected');
    expect(states).not.toContain('AuthFailed');
    const { clientInfo } = await conn.call('whoAmI', {});
    const users = clientInfo.map(({ user }) => user).sort();
    expect(users).toEqual(['127.0.0.1', 'ada', 'bob', 'eve']);
    for (const { requests } of tap.connections.slice(1)) {
      const order = ['sasl', 'sasl', 'auth', 'auth', 'setWatches'];
      expect(requests.slice(0, order.length)).toEqual(order.slice(0, requests.length));
      expect(requests.filter((name) => name === 'auth').length).toBeLessThanOrEqual(2);
    }
    await conn.set(path, 'y');
    expect((await watch.event).type).toBe('NodeDataChanged');
    return exchanged;
  }

  it.each<Direction>(['to the server', 'to the client'])(
    'may be cut %s after any byte: it recovers, and no credential is lost or doubled [H2]',
    { timeout: 300_000 },
    async (direction) => {
      const whole = await reconnect(undefined);
      for (let after = 1; after < whole[direction]; after++) {
        await reconnect({ direction, after }).catch((error: unknown) => {
          throw new Error(`cut ${direction} after ${after} bytes: ${String(error)}`, { cause: error });
        });
      }
      process.stdout.write(`${whole[direction] - 1} cuts ${direction} of an exchange with credentials\n`);
      expect(whole[direction]).toBeGreaterThan(200);
      expect(server.connectionCount).toBe(0);
    },
  );
});

describe('a credential', () => {
  it('that is given again while it is on its way is sent once, and both callers hear of it [H2]', async () => {
    const tap = new WireTap();
    const auth = [{ scheme: 'digest', auth: 'ada:secret' }];
    await using conn = await connect(server.connectString, { ...FAST, auth, dialer: tap.dial });
    const added = new Promise((resolve) => {
      // the reconnect has just sent it, and its answer cannot be here
      conn.once('session', () => {
        resolve(Promise.all([conn.addAuth('digest', 'ada:secret'), conn.addAuth('digest', 'ada:secret')]));
      });
    });
    tap.cut();
    await added;
    expect(tap.latest.requests).toEqual(['auth']);
  });
});

describe('the verdict on a credential', () => {
  it('is heard: addAuth resolves, or rejects with AuthFailed; the state says so, and close() works [H3]', async () => {
    const states: KeeperState[] = [];
    const conn = await connect(server.connectString);
    conn.on('state', ({ state }) => states.push(state));
    await conn.addAuth('digest', 'ada:secret');
    const refused = conn.addAuth('nope', 'canary');
    const behind = conn.get('/');
    await expect(refused).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED', op: 'auth', outcome: 'rejected' });
    await expect(behind).rejects.toBeInstanceOf(AuthFailedError);
    expect(conn.state).toBe('AuthFailed');
    expect(states).toEqual(['AuthFailed']);
    await expect(conn.get('/')).rejects.toBeInstanceOf(AuthFailedError);
    expect(await conn.closed).toMatchObject({ state: 'AuthFailed', error: { code: 'ZK_AUTH_FAILED' } });
    expect(await conn.close()).toEqual({ confirmed: false });
  });

  it('on a SASL password is heard by connect(), and no further attempt is made [H3] [H5]', async () => {
    const tap = new WireTap();
    const conn = new Conn(server.connectString, {
      ...FAST,
      sasl: digestMd5({ username: 'bob', password: 'wrong' }),
      dialer: tap.dial,
    });
    const waiting = conn.get('/');
    await expect(conn.connect()).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED', op: 'sasl' });
    await expect(waiting).rejects.toMatchObject({ code: 'ZK_AUTH_FAILED', outcome: 'not-sent' });
    expect(conn.state).toBe('AuthFailed');
    expect(tap.connections.map(({ requests }) => requests)).toEqual([['sasl', 'sasl']]);
    expect(await conn.close()).toEqual({ confirmed: false });
    expect(tap.connections).toHaveLength(1);
  });

  it('that changes while the client is connected is met at the next reconnect, once [H3]', async () => {
    const users = new Map([['bob', 'secret']]);
    await using own = await MiniServer.start({ sasl: { users: (name) => users.get(name) } });
    const tap = new WireTap();
    await using conn = await connect(own.connectString, { ...FAST, sasl: bob(), dialer: tap.dial });
    users.set('bob', 'changed');
    tap.cut();
    expect(await conn.closed).toMatchObject({ state: 'AuthFailed' });
    expect(tap.connections).toHaveLength(2);
  });
});
