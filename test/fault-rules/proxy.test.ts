/** What is the proxy's own: its target, what it cannot read, connections that end on one side. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  Conn,
  ConnectionLossError,
  InvalidOptionError,
  NoNodeError,
  connect,
  fourLetterWord,
} from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { FaultProxy, MiniServer, type FaultProxyOptions } from '../../src/testing.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { Scribe, createFrame, frameOf } from './fault-world.js';

let server: MiniServer;
let proxy: FaultProxy;

beforeEach(async () => {
  server = await MiniServer.start();
  proxy = await FaultProxy.start({ target: server.connectString });
});
afterEach(async () => {
  await proxy.close();
  await server.close();
});

describe('a Conn through a proxy', () => {
  it('works as without one', async () => {
    await using conn = await connect(proxy.connectString);
    await conn.create('/a', 'x');
    const { watch } = await conn.getW('/a');
    await conn.set('/a', 'y');
    expect((await watch.event).type).toBe('NodeDataChanged');
    expect(proxy.log.frames({ kind: 'notification' })).toMatchObject([
      { path: '/a', event: 'NodeDataChanged' },
    ]);
    expect(proxy.connections).toEqual([{ connection: 1, session: conn.sessionId, opaque: null }]);
  });

  it('loses a create that was done, and its session goes on', async () => {
    await using conn = await connect(proxy.connectString);
    const { sessionId } = conn;
    proxy.when({ op: 'create' }).cut('beforeAnswered');
    await expect(conn.create('/a')).rejects.toMatchObject({ outcome: 'unknown' });
    expect(server.tree.get('/a')).toBeDefined();
    expect(await conn.exists('/a')).not.toBeNull();
    expect(conn.sessionId).toBe(sessionId);
    proxy.when({ op: 'create' }).cut('beforeApplied');
    await expect(conn.create('/b')).rejects.toBeInstanceOf(ConnectionLossError);
    expect(await conn.exists('/b')).toBeNull();
    proxy.when({ op: 'getData' }).reply('NoNode');
    await expect(conn.get('/a')).rejects.toBeInstanceOf(NoNodeError);
    expect(proxy.injected).toEqual({ cut: 2, reply: 1 });
  });
});

describe('its server', () => {
  it('may be away: then connections are reset', async () => {
    await server.stop();
    const client = await Scribe.connect(proxy.port);
    client.greet();
    expect(await client.untilEnd()).toEqual(['reset']);
    await server.restart();
    (await Scribe.open(proxy.port)).destroy();
    expect(proxy.connections.length).toBeLessThanOrEqual(1);
  });

  it('may close: its last words arrive', async () => {
    const client = await Scribe.open(proxy.port);
    expect(await client.call('closeSession', {})).toBe('ok');
    expect((await client.untilEnd()).at(-1)).toBe('fin');
    while (proxy.connections.length > 0) await fourLetterWord(server.connectString, 'ruok');
  });

  it('hears of clients that go', async () => {
    const client = await Scribe.open(proxy.port);
    expect(server.connectionCount).toBe(1);
    client.destroy();
    while (server.connectionCount > 0) await fourLetterWord(server.connectString, 'ruok').catch(() => null);
    expect(server.sessions).toHaveLength(1);
  });
});

describe('what is no frame', () => {
  it('four-letter words go through, also from a client that ends its side at once', async () => {
    expect(await fourLetterWord(proxy.connectString, 'ruok')).toBe('imok');
    const client = await Scribe.connect(proxy.port);
    client.socket.end('srvr');
    await client.untilEnd();
    expect(client.chunks.length).toBeGreaterThan(0);
    const kinds = proxy.log.frames().map(({ kind, direction }) => `${kind} ${direction}`);
    expect(new Set(kinds)).toEqual(new Set(['opaque toServer', 'opaque toClient']));
  });

  describe('TLS', () => {
    let certificates: Certificates;
    beforeAll(() => {
      certificates = makeCertificates();
    });
    afterAll(() => certificates[Symbol.dispose]());

    it('passes unseen and says so; conditions act, rules do not', async () => {
      const { key, cert } = certificates.server;
      await using secure = await MiniServer.start({ tls: { key, cert } });
      await using before = await FaultProxy.start({ target: secure.connectString });
      const rule = before.when({ op: 'create', times: Infinity }).drop();
      await using conn = new Conn(before.connectString, { tls: { ca: certificates.ca } });
      await conn.connect();
      await conn.create('/a');
      expect(rule.count).toBe(0);
      expect(before.connections.map(({ opaque }) => opaque)).toContain('tls');
      expect(before.log.frames({ op: 'create' })).toEqual([]);
      const pause = before.pause('toClient');
      const created = conn.create('/b');
      while (pause.count === 0) await new Promise(setImmediate);
      pause.end();
      expect(await created).toBe('/b');
      // a mini-server, where TLS ends, sees all
      const seen = secure.when({ op: 'create' }).reply('NoAuth');
      await expect(conn.create('/c')).rejects.toMatchObject({ errno: -102 });
      expect(seen.count).toBe(1);
    });
  });

  it('garbage goes through as it is', async () => {
    const got: Buffer[] = [];
    const listener = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => got.push(chunk));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    await using before = await FaultProxy.start({
      target: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    });
    const client = await Scribe.connect(before.port);
    const garbage = Buffer.from('ffffffff00112233445566778899', 'hex');
    client.socket.write(garbage);
    while (Buffer.concat(got).length < garbage.length) await new Promise(setImmediate);
    expect(Buffer.concat(got)).toEqual(garbage);
    expect(before.connections[0]!.opaque).toBe('unknown');
    client.destroy();
    listener.close();
  });
});

describe('requests and replies', () => {
  /** A server that answers when it is told to. */
  async function slowServer() {
    const sockets: Socket[] = [];
    const got: Buffer[] = [];
    const listener = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => got.push(chunk));
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const through = await FaultProxy.start({
      target: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    });
    const client = await Scribe.connect(through.port);
    client.greet();
    const arrived = async (bytes: number): Promise<void> => {
      while (Buffer.concat(got).length < bytes) await new Promise(setImmediate);
      got.length = 0;
    };
    await arrived(49);
    const send = (body: Buffer): void => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(body.length);
      sockets[0]!.write(Buffer.concat([length, body]));
    };
    const welcome = Buffer.alloc(37);
    welcome.writeInt32BE(9000, 4);
    welcome.writeBigInt64BE(77n, 8);
    welcome.writeInt32BE(16, 16);
    send(welcome);
    await client.until((seen) => seen.length === 1);
    const reply = (xid: number): void => {
      const body = Buffer.alloc(16);
      body.writeInt32BE(xid, 0);
      body.writeBigInt64BE(500n + BigInt(xid), 4);
      send(body);
    };
    return {
      client,
      through,
      reply,
      arrived,
      [Symbol.asyncDispose]: async () => {
        client.destroy();
        await through.close();
        for (const socket of sockets) socket.destroy();
        listener.close();
      },
    };
  }

  it('an answer in the place of the server waits for those before it, and has a zxid that fits', async () => {
    await using world = await slowServer();
    const { client, through, reply, arrived } = world;
    const rule = through.when({ path: '/t/2' }).reply('NoAuth');
    client.socket.write(Buffer.concat([1, 2, 3].map(createFrame)));
    await arrived(createFrame(1).length * 2);
    expect(rule.count).toBe(1);
    expect(client.seen).toEqual(['welcome']);
    reply(1);
    await client.until((seen) => seen.length === 3);
    expect(client.seen).toEqual(['welcome', '1 ok', '2 NoAuth']);
    expect(through.log.frames({ xid: 2, kind: 'reply' })).toMatchObject([
      { zxid: 501n, errno: -102, op: 'create' },
    ]);
    reply(3);
    await client.until((seen) => seen.length === 4);
    expect(client.seen.at(-1)).toBe('3 ok');
  });

  it('an answer in the place of the server does not wait for that to a ping, which comes when it likes', async () => {
    await using world = await slowServer();
    const { client, through, reply, arrived } = world;
    through.when({ path: '/t/2' }).reply('NoAuth');
    const odd = frameOf('ping', {}, 77);
    client.socket.write(Buffer.concat([odd, createFrame(2)]));
    await arrived(odd.length);
    expect(await client.until((seen) => seen.length === 2)).toEqual(['welcome', '2 NoAuth']);
    // whatever xid it had
    reply(-2);
    await client.until((seen) => seen.length === 3);
    expect(through.log.frames({ op: 'ping' }).map(({ xid }) => xid)).toEqual([77, -2]);
  });

  it('a cut before a request lets the answers to those before it come', async () => {
    await using world = await slowServer();
    const { client, through, reply, arrived } = world;
    const rule = through.when({ path: '/t/2' }).cut('beforeApplied');
    client.socket.write(Buffer.concat([1, 2, 3].map(createFrame)));
    await arrived(createFrame(1).length);
    expect(rule.count).toBe(0);
    reply(1);
    expect(await client.untilEnd()).toEqual(['welcome', '1 ok', 'reset']);
    expect(rule.count).toBe(1);
  });

  it('are brought together by their xids, also when the server answers out of order', async () => {
    await using world = await slowServer();
    const { client, through, reply, arrived } = world;
    client.socket.write(Buffer.concat([createFrame(1), createFrame(2)]));
    await arrived(createFrame(1).length * 2);
    reply(2);
    reply(1);
    reply(7);
    await client.until((seen) => seen.length === 4);
    const replies = through.log.frames({ kind: 'reply' }).map(({ xid, path }) => [xid, path]);
    expect(replies).toEqual([
      [2, '/t/2'],
      [1, '/t/1'],
      [7, null],
    ]);
  });
});

it('holds no more in memory than a side that reads slowly makes it', async () => {
  const conn = await Scribe.open(proxy.port);
  const data = Buffer.alloc(900_000, 1);
  await conn.call('create', { path: '/big', data, acl: OPEN_ACL_UNSAFE, flags: 0 });
  const hold = proxy.pause('toClient');
  conn.socket.pause();
  for (let xid = 1; xid <= 100; xid++) conn.send('getData', { path: '/big', watch: false }, xid);
  while (hold.count < 2) await new Promise(setImmediate);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  // the proxy has stopped to read, so most replies are still the server's
  expect(hold.count).toBeLessThan(20);
  hold.end();
  conn.socket.resume();
  await conn.until((seen) => seen.filter((line) => line.endsWith('ok')).length === 101);
  conn.destroy();
});

it('lets go of a connection whose client is gone with much on its way', async () => {
  const client = await Scribe.open(proxy.port);
  const data = Buffer.alloc(900_000, 1);
  await client.call('create', { path: '/big', data, acl: OPEN_ACL_UNSAFE, flags: 0 });
  client.socket.pause();
  for (let xid = 1; xid <= 60; xid++) client.send('getData', { path: '/big', watch: false }, xid);
  let before = -1;
  // until nothing moves any more
  for (let now = 0; now > before; now = proxy.log.frames({ op: 'getData' }).length) {
    before = now;
    for (let i = 0; i < 20; i++) await fourLetterWord(server.connectString, 'ruok');
  }
  client.destroy();
  while (proxy.connections.length > 0) await fourLetterWord(server.connectString, 'ruok');
  expect(server.connectionCount).toBe(0);
});

it('close ends all connections, and is harmless twice', async () => {
  const client = await Scribe.open(proxy.port);
  proxy.when({ op: 'exists' }).hold();
  client.send('exists', { path: '/', watch: false });
  await proxy.rules[0]!.reached;
  await proxy.close();
  await proxy.close();
  expect((await client.untilEnd()).at(-1)).toBe('reset');
  await expect(Scribe.connect(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it.each([
  { clock: {} },
  { clock: null },
  { host: '' },
  { host: '*' },
  { target: '127.0.0.1:0' },
  { target: '127.0.0.1' },
  { port: 65_536 },
])('refuses %o before anything is opened', async (wrong) => {
  const options = { target: '127.0.0.1:2181', ...wrong } as unknown as FaultProxyOptions;
  await expect(FaultProxy.start(options)).rejects.toBeInstanceOf(InvalidOptionError);
});
