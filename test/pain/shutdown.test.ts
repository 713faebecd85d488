/** The end of a Conn: in whatever it is doing, and what is left of it. */
import { describe, expect, it } from 'vitest';
import { connect, op, type Conn, type Watch } from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnClosedError } from '../../src/protocol/errors.js';
import { FaultProxy, MiniServer } from '../../src/testing.js';
import { notification } from '../support/core-world.js';
import {
  ScriptedServer,
  catchingUncaught,
  rejectionOf,
  settle,
  watchOutcome,
} from '../support/scripted-server.js';

describe('close() while a new connection is being prepared', () => {
  /** A Conn with a credential and a watch whose connection has just come back. */
  async function preparing(): Promise<{ server: ScriptedServer; conn: Conn }> {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const auth = conn.addAuth('digest', 'a:b');
    const read = conn.existsW('/w');
    await settle();
    const [watch, credential] = server.link.take().sort((a, b) => b.xid - a.xid);
    await server.link.answer(credential!, {});
    await server.link.refuse(watch!, Errno.NoNode);
    await Promise.all([auth, read]);
    await server.cutAndResume();
    return { server, conn };
  }

  it.each(['auth', 'setWatches'])(
    'and %s was not answered, is one promise and ends [E5] [E6]',
    async (what) => {
      for (const answers of [true, false]) {
        const { server, conn } = await preparing();
        const [auth, setWatches] = server.link.take();
        expect([auth?.op.name, setWatches?.op.name]).toEqual(['auth', 'setWatches']);
        if (what === 'setWatches') await server.link.answer(auth!, {});
        const closing = conn.close();
        expect(conn.close()).toBe(closing);
        const outcome = watchOutcome(closing);
        await settle();
        const closeSession = server.link.takeOne();
        expect(closeSession.op.name).toBe('closeSession');
        if (answers) {
          if (what === 'auth') await server.link.answer(auth!, {});
          await server.link.answer(setWatches!, {});
          await server.link.answer(closeSession, {});
        } else {
          await server.clock.advance(999);
          expect(outcome.current).toBeUndefined();
          await server.clock.advance(1);
        }
        expect(outcome.current).toEqual({ value: { confirmed: answers } });
        expect([server.clock.timers, server.link.closed]).toEqual([0, true]);
      }
    },
  );
});

/** Every call, made on a Conn that is over. */
const CALLS: Record<string, (conn: Conn) => Promise<unknown>> = {
  connect: (c) => c.connect(),
  addAuth: (c) => c.addAuth('digest', 'a:b'),
  get: (c) => c.get('/a'),
  getW: (c) => c.getW('/a'),
  exists: (c) => c.exists('/a'),
  existsW: (c) => c.existsW('/a'),
  children: (c) => c.children('/a'),
  childrenW: (c) => c.childrenW('/a'),
  getAcl: (c) => c.getAcl('/a'),
  sync: (c) => c.sync('/a'),
  create: (c) => c.create('/a'),
  createWithStat: (c) => c.createWithStat('/a'),
  set: (c) => c.set('/a', 'x'),
  delete: (c) => c.delete('/a'),
  setAcl: (c) => c.setAcl('/a', [{ perms: 31, scheme: 'world', id: 'anyone' }]),
  commit: (c) => c.transaction().delete('/a').commit(),
  ensurePath: (c) => c.ensurePath('/a/b'),
  call: (c) => c.call('getData', { path: '/a', watch: false }),
  multiRead: (c) => c.multiRead([op.get('/a')]),
  addWatch: (c) => c.addWatch('/a', 'PERSISTENT'),
  getEphemerals: (c) => c.getEphemerals(),
  countDescendants: (c) => c.countDescendants('/a'),
  whoAmI: (c) => c.whoAmI(),
  checkWatches: (c) => c.checkWatches('/a', 'Any'),
  removeWatches: (c) => c.removeWatches('/a', 'Any'),
  getConfig: (c) => c.getConfig(),
  getConfigW: (c) => c.getConfigW(),
  reconfig: (c) => c.reconfig({ leaving: [1] }),
  setQuota: (c) => c.setQuota('/a', { count: 1 }),
  getQuota: (c) => c.getQuota('/a'),
  deleteQuota: (c) => c.deleteQuota('/a'),
  'a call of a view': (c) => c.chroot('/a').get('/b'),
};

describe('after close', () => {
  it.each(Object.entries(CALLS))('%s rejects at once, with no I/O [E7]', async (_name, call) => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.close(conn);
    const outcome = watchOutcome(call(conn));
    // the queue of microtasks and nothing else
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(outcome.current).toEqual({ error: expect.any(ConnClosedError) });
    expect([server.links.length, server.clock.timers]).toEqual([1, 0]);
  });

  it('a stream is over before it begins [E7]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.close(conn);
    for (const first of [
      conn.watchData('/a').next(),
      conn.watchChildren('/a').next(),
    ] as Promise<unknown>[]) {
      const outcome = watchOutcome(first);
      for (let i = 0; i < 50; i++) await Promise.resolve();
      expect(outcome.current).toEqual({ value: { value: undefined, done: true } });
    }
  });

  it('deleteRecursive and copyTree, which load a module first, reject too [E7]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.close(conn);
    expect(await rejectionOf(conn.deleteRecursive('/a'))).toBeInstanceOf(ConnClosedError);
    expect(await rejectionOf(conn.copyTree('/a', '/b'))).toBeInstanceOf(ConnClosedError);
  });
});

describe('the result of close', () => {
  it('says that the server knows, and then the ephemeral nodes are gone [E8]', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString, { closeTimeoutMs: 30_000 });
    await conn.create('/e', null, { mode: 'EPHEMERAL' });
    const { sessionId } = conn;
    expect(server.sessions.map(({ id }) => id)).toEqual([sessionId]);
    const { confirmed } = await conn.close();
    expect([confirmed, server.tree.get('/e'), server.sessions]).toEqual([true, undefined, []]);
    await server.close();
  });

  it('says that it does not, and then they stay until the session expires [E8]', async () => {
    const server = await MiniServer.start();
    const proxy = await FaultProxy.start({ target: server.connectString });
    const conn = await connect(proxy.connectString, { closeTimeoutMs: 20 });
    await conn.create('/e', null, { mode: 'EPHEMERAL' });
    proxy.pause();
    expect(await conn.close()).toEqual({ confirmed: false });
    expect(server.tree.get('/e')).toBeDefined();
    server.expireSession(conn.sessionId);
    expect(server.tree.get('/e')).toBeUndefined();
    await proxy.close();
    await server.close();
  });
});

describe('a block that is left by an exception', () => {
  it('takes its Conn, its watch and its server with it [E13]', async () => {
    const seen: { conn?: Conn; watch?: Watch; server?: MiniServer } = {};
    const boom = new Error('boom');
    const run = async (): Promise<void> => {
      await using server = await MiniServer.start();
      await using conn = await connect(server.connectString);
      const { watch: armed } = await conn.existsW('/none');
      await using watch = armed;
      Object.assign(seen, { server, conn, watch });
      throw boom;
    };
    expect(await rejectionOf(run())).toBe(boom);
    expect(await seen.watch!.next()).toEqual({ value: undefined, done: true });
    expect(await seen.conn!.closed).toEqual({ state: 'Closed' });
    expect([seen.conn!.state, seen.server!.running, seen.server!.connectionCount]).toEqual([
      'Closed',
      false,
      0,
    ]);
  });
});

describe('a Conn to which nobody listens', () => {
  const TROUBLES: Record<string, (server: ScriptedServer) => Promise<void>> = {
    'is refused': (server) => server.link.fail(new Error('ECONNREFUSED')),
    'is hung up on': (server) => server.link.end(),
    'is answered with garbage': (server) => server.link.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
    'is answered with an empty message': (server) => server.link.send(Buffer.alloc(4)),
    'is sent a negative length': (server) => server.link.send(Buffer.alloc(8, 0xff)),
    'is sent an event of no known type': (server) => server.link.send(notification(99, '/a')),
    'is sent an event that nobody waits for': (server) => server.link.send(notification(1, '/a')),
    'is left in silence': (server) => server.clock.advance(30_000),
    expires: async (server) => {
      await server.link.fail();
      await server.link.connect();
      await server.link.accept({ sessionId: 0n, timeOut: 0 });
    },
    'has its credentials refused': async (server) => {
      for (const seen of server.link.take()) {
        if (seen.op.name === 'auth') await server.link.refuse(seen, Errno.AuthFailed);
      }
    },
  };

  it.each(Object.entries(TROUBLES))('and which %s troubles nobody [E14]', async (_name, trouble) => {
    const caught = await catchingUncaught(async () => {
      for (const sessionExpiry of ['renew', 'close'] as const) {
        for (const stage of ['dialing', 'handshaking', 'live', 'again']) {
          const server = new ScriptedServer();
          const auth = [{ scheme: 'digest', auth: 'a:b' }];
          // the only promise of the user's own; closed and watch.event are nobody's
          const conn = server.conn({ sessionExpiry, auth });
          conn.connect().catch(() => undefined);
          await settle();
          if (stage !== 'dialing') await server.link.connect();
          if (stage === 'live' || stage === 'again') await server.link.accept();
          if (stage === 'again') await server.cutAndResume();
          await trouble(server);
          await server.clock.advance(60_000);
          const closing = conn.close();
          await server.clock.advance(2000);
          await closing;
        }
      }
    });
    expect(caught).toEqual([]);
  });
});
