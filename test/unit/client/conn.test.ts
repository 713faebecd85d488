import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  ConnClosedError,
  ConnectionLossError,
  InvalidArgumentError,
  NoNodeError,
  SessionExpiredError,
} from '../../../src/protocol/errors.js';
import { dataBody, replyFrame, STAT } from '../../support/core-world.js';
import {
  catchingUncaught,
  rejectionOf,
  ScriptedServer,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';
import { DATA, EXPIRED, T } from './values.js';

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
