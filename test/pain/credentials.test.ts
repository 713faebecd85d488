/** Credentials that outlive connections and sessions, and the server's word on them. */
import { describe, expect, it } from 'vitest';
import {
  AuthFailedError,
  NoAuthError,
  connect,
  tcpDialer,
  type Dialer,
  type ZkError,
} from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { MiniServer } from '../../src/testing.js';
import { cuttableConn, nextState } from '../support/cuttable-conn.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../support/scripted-server.js';

const MINE = { acl: [{ perms: 31, scheme: 'auth', id: '' }] };

describe('credentials', () => {
  it('open a protected node after each of twenty reconnects and in a new session, also to calls that waited [H1]', async () => {
    const server = await MiniServer.start();
    const { conn, link } = await cuttableConn(server);
    await conn.addAuth('digest', 'ann:secret');
    await conn.addAuth('digest', 'bob:secret');
    await conn.create('/mine', 'x', MINE);
    const stranger = await connect(server.connectString);
    expect(await rejectionOf(stranger.get('/mine'))).toBeInstanceOf(NoAuthError);
    for (let i = 0; i < 21; i++) {
      const suspended = nextState(conn, 'SUSPENDED');
      link.hold();
      if (i === 10) server.expireSession(conn.sessionId);
      else link.cut();
      await suspended;
      // while the connection is away; a call of the session that is over would go with it
      const waiting = i === 10 ? null : Array.from({ length: 5 }, () => conn.get('/mine'));
      const back = nextState(conn, i === 10 ? 'CONNECTED' : 'RECONNECTED');
      link.release();
      await back;
      for (const { data } of await Promise.all(waiting ?? [])) expect(String(data)).toBe('x');
      expect(String((await conn.get('/mine')).data)).toBe('x');
    }
    expect(conn.sessionEpoch).toBe(2);
    await Promise.all([conn.close(), stranger.close()]);
    await server.close();
  });

  it(
    'presented again over a connection that breaks after any byte never make the client hang [H2]',
    { timeout: 60_000 },
    async () => {
      const server = await MiniServer.start();
      const owner = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'ann:secret' }] });
      await owner.create('/mine', 'x', MINE);
      let broken = 0;
      for (const direction of ['out', 'in'] as const) {
        for (let from = 1, more = true; more; from += 16) {
          const limits = Array.from({ length: 16 }, (_, i) => from + i);
          const all = await Promise.all(limits.map((limit) => reconnectOver(server, direction, limit)));
          broken += all.filter(Boolean).length;
          more = all.every(Boolean);
        }
      }
      // two handshakes, two credentials, two SetWatches and two reads
      expect(broken).toBeGreaterThan(150);
      await owner.close();
      await server.close();
    },
  );

  it('given while the connection comes back are neither lost nor sent twice [H2]', async () => {
    for (const when of ['dialing', 'handshaking', 'again'] as const) {
      const server = new ScriptedServer();
      const conn = await server.connected();
      await server.link.fail();
      if (when === 'handshaking') await server.link.connect();
      const adding = conn.addAuth('digest', 'ann:1');
      const waiting = rejectionOf(conn.get('/a'));
      await settle();
      if (when !== 'handshaking') await server.link.connect();
      await server.link.accept();
      await settle();
      expect(server.link.take().map(({ op }) => op.name)).toEqual(['auth', 'getData']);
      if (when === 'again') {
        // lost before the answer: presented once more, and the promise goes on
        await server.link.fail();
        await server.link.welcome();
        expect(server.link.take().map(({ op }) => op.name)).toEqual(['auth']);
      }
      const auth = server.link.requests.find(({ op }) => op.name === 'auth')!;
      // the same one, given once more while it is on its way
      const outcomes = [adding, conn.addAuth('digest', 'ann:1')].map((promise) => watchOutcome(promise));
      await settle();
      expect([server.link.take(), outcomes.map(({ current }) => current)]).toEqual([
        [],
        [undefined, undefined],
      ]);
      await server.link.answer(auth, {});
      expect(outcomes.map(({ current }) => current)).toEqual([{ value: undefined }, { value: undefined }]);
      await server.close(conn);
      await waiting;
    }
  });
});

describe('the word of the server', () => {
  it('is the outcome of addAuth; a refusal is a state of its own, and close works in it [H3]', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    await conn.addAuth('digest', 'ann:1');
    const said: string[] = [];
    conn.on('state', ({ state }) => void said.push(state));
    const waiting = rejectionOf(conn.getW('/none'));
    expect(await rejectionOf(conn.addAuth('no-such-scheme', 'x'))).toBeInstanceOf(AuthFailedError);
    await waiting;
    expect([conn.state, said]).toEqual(['AuthFailed', ['AuthFailed']]);
    expect(await conn.closed).toMatchObject({
      state: 'AuthFailed',
      error: expect.any(AuthFailedError) as unknown,
    });
    expect(await rejectionOf(conn.get('/'))).toBeInstanceOf(AuthFailedError);
    await conn.close();
    expect(server.connectionCount).toBe(0);
    await server.close();
  });

  it('that comes while the Conn is closed, or not at all, does not keep close waiting [H3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = rejectionOf(conn.addAuth('digest', 'ann:1'));
    await settle();
    const auth = server.link.takeOne();
    const closing = conn.close();
    await settle();
    await server.link.refuse(auth, Errno.AuthFailed);
    expect(await adding).toBeInstanceOf(AuthFailedError);
    expect(await closing).toEqual({ confirmed: false });
    expect(server.clock.timers).toBe(0);
  });
});

/** @returns false if there was nothing left to break: all of the preparation and three reads went over it */
async function reconnectOver(server: MiniServer, direction: 'out' | 'in', limit: number): Promise<boolean> {
  const { dialer, cutFirst, bytes } = breaking(direction, limit);
  const conn = await connect(server.connectString, {
    dialer,
    auth: [{ scheme: 'digest', auth: 'ann:secret' }],
    backoff: { baseMs: 1, maxMs: 1 },
  });
  await conn.existsW('/none');
  const back = nextState(conn, 'SUSPENDED');
  cutFirst();
  await back;
  // the first waits for the connection that breaks, or for the one behind it; one of them may be lost with it
  const outcomes: string[] = [];
  for (let i = 0; i < 3; i++) {
    const read = conn.get('/mine').then(
      ({ data }) => String(data),
      (error: unknown) => `${(error as ZkError).code} ${(error as ZkError).outcome}`,
    );
    outcomes.push(await read);
  }
  const lost = outcomes.filter((outcome) => outcome !== 'x');
  expect([[], ['ZK_CONNECTION_LOSS unknown']]).toContainEqual(lost);
  const whole = bytes() < limit;
  expect(conn.sessionEpoch).toBe(1);
  await conn.close();
  return !whole;
}

/** Its first connection is whole until it is cut; the second one breaks after so many bytes; all others are whole. */
function breaking(direction: 'out' | 'in', limit: number) {
  let seen = 0;
  let count = 0;
  let cut: () => void = () => undefined;
  const dialer: Dialer = (server, events) => {
    count++;
    if (count !== 2) {
      const whole = tcpDialer(server, events);
      if (count === 1) cut = () => whole.destroy();
      return whole;
    }
    const pass = (bytes: Uint8Array): Uint8Array => {
      const part = bytes.subarray(0, Math.max(0, limit - seen));
      seen += bytes.length;
      return part;
    };
    const inner = tcpDialer(server, {
      ...events,
      onData: (chunk) => {
        if (direction === 'in') {
          const part = pass(chunk);
          if (part.length > 0) events.onData(Buffer.from(part));
          if (seen >= limit) inner.destroy();
        } else events.onData(chunk);
      },
    });
    return {
      destroy: () => inner.destroy(),
      write: (bytes) => {
        if (direction === 'in') return inner.write(bytes);
        const part = pass(bytes);
        const more = part.length > 0 ? inner.write(part) : true;
        // what was handed over must get out before the end
        if (seen >= limit) setImmediate(() => inner.destroy());
        return more;
      },
    };
  };
  return { dialer, cutFirst: () => cut(), bytes: () => seen };
}
