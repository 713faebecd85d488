import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { CREATE_FLAGS, EventTypeCode } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { InvalidOptionError } from '../../../src/protocol/errors.js';
import { ListenError } from '../../../src/testing/errors.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../../src/testing/options.js';
import { fourLetterWord, RawClient } from '../../support/raw-client.js';
import { ManualClock } from './manual-clock.js';

const servers: MiniServer[] = [];
const clients: RawClient[] = [];

async function start(options?: MiniServerOptions): Promise<MiniServer> {
  const server = await MiniServer.start(options);
  servers.push(server);
  return server;
}

async function open(server: MiniServer, request = {}): Promise<RawClient> {
  const client = await RawClient.open(server, request);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) await server.close();
});

const create = (client: RawClient, path: string, flags = 0, data: Buffer | null = null) =>
  client.call('create', { path, data, acl: OPEN_ACL_UNSAFE, flags });

describe('start', () => {
  it('takes a free port and says where it is', async () => {
    const server = await start();
    expect(server.port).toBeGreaterThan(0);
    expect(server.connectString).toBe(`127.0.0.1:${server.port}`);
    expect(server.running).toBe(true);
    expect([server.connectionCount, server.sessions, server.lastZxid]).toEqual([0, [], 0n]);
  });

  it('fails with an error that says why if the port is in use', async () => {
    const server = await start();
    const error: unknown = await MiniServer.start({ port: server.port }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({ code: 'ZK_LISTEN', reason: 'EADDRINUSE' });
  });

  it('refuses options that it does not know', async () => {
    await expect(MiniServer.start({ prot: 1 } as MiniServerOptions)).rejects.toThrow(InvalidOptionError);
  });

  it('listens on every address for *', async () => {
    const server = await start({ host: '*' });
    expect(server.connectString).toBe(`127.0.0.1:${server.port}`);
    expect(await fourLetterWord({ port: server.port }, 'ruok')).toBe('imok');
  });
});

describe('stop and restart', () => {
  it('keep port, nodes, sessions and zxid, and forget connections and watches', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/a', CREATE_FLAGS.EPHEMERAL, Buffer.from('x'));
    await client.call('getData', { path: '/a', watch: true });
    expect(server.watchCount('/a')).toBe(1);
    const before = { port: server.port, zxid: server.lastZxid, a: server.tree.get('/a') };
    await server.stop();
    await client.hungUp();
    expect(server.running).toBe(false);
    await expect(RawClient.connect(server)).rejects.toThrow();
    await server.restart();
    expect({ port: server.port, zxid: server.lastZxid, a: server.tree.get('/a') }).toEqual(before);
    expect([server.watchCount(), server.connectionCount]).toEqual([0, 0]);
    expect(server.sessions).toMatchObject([{ connected: false, ephemerals: ['/a'] }]);
    const again = await RawClient.reattach(server, client);
    clients.push(again);
    expect(again.session?.sessionId).toBe(client.session?.sessionId);
  });

  it('are harmless twice, and one waits for the other', async () => {
    const server = await start();
    await Promise.all([server.stop(), server.stop(), server.restart(), server.stop(), server.restart()]);
    await server.restart();
    expect(await fourLetterWord(server, 'ruok')).toBe('imok');
  });

  it('end also with half a frame in the air, and with sockets that are being closed', async () => {
    const server = await start();
    const idle = await RawClient.connect(server);
    idle.sendBytes(Buffer.from([0, 0]));
    const half = await open(server);
    half.sendBytes(Buffer.from([0, 0, 1, 0, 7]));
    const closing = await open(server);
    await closing.call('closeSession', {});
    await server.stop();
    await Promise.all([idle.hungUp(), half.hungUp(), closing.hungUp()]);
    expect(server.connectionCount).toBe(0);
  });

  it('fails to restart while somebody else has the port', async () => {
    const server = await start();
    await server.stop();
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(server.port, '127.0.0.1', resolve));
    expect((thief.address() as AddressInfo).port).toBe(server.port);
    await expect(server.restart()).rejects.toThrow(ListenError);
    await new Promise((resolve) => thief.close(resolve));
    await server.restart();
    expect(server.running).toBe(true);
  });
});

describe('close', () => {
  it('leaves no timer behind and cannot be taken back', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    await open(server);
    await RawClient.connect(server);
    await server.close();
    await server[Symbol.asyncDispose]();
    expect(clock.pendingTimers).toBe(0);
    await expect(server.restart()).rejects.toThrow(ListenError);
  });
});

describe('sessions', () => {
  it('expire when nothing was heard for the timeout, and watchers are told', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, tickTimeMs: 500 });
    const dying = await open(server, { timeOut: 2000 });
    const other = await open(server, { timeOut: 60_000 });
    await create(dying, '/e', CREATE_FLAGS.EPHEMERAL);
    await other.call('exists', { path: '/e', watch: true });
    clock.advance(2000);
    expect(server.sessions).toHaveLength(2);
    const before = server.lastZxid;
    clock.advance(500);
    expect(server.sessions.map(({ id }) => id)).toEqual([other.session?.sessionId]);
    expect(await other.event()).toEqual({ zxid: before + 1n, type: EventTypeCode.NodeDeleted, path: '/e' });
    await dying.hungUp();
    const late = await RawClient.connect(server);
    clients.push(late);
    const { sessionId, passwd } = dying.session!;
    expect(await late.handshake({ sessionId, passwd })).toMatchObject({ timeOut: 0, sessionId: 0n });
  });

  it('live on while they ping', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const client = await open(server, { timeOut: 2000 });
    for (let i = 0; i < 5; i++) {
      clock.advance(1500);
      await client.call('ping', {});
    }
    expect(server.sessions).toHaveLength(1);
  });

  it('are not judged before their pings were read if the process was busy', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const client = await open(server, { timeOut: 2000 });
    clock.jump(10_000);
    clock.advance(0);
    expect(server.sessions).toHaveLength(1);
    await client.call('ping', {});
    clock.advance(1);
    expect(server.sessions).toHaveLength(1);
    clock.advance(10_000);
    expect(server.sessions).toHaveLength(0);
  });

  it('can be expired by hand', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/e', CREATE_FLAGS.EPHEMERAL);
    expect(server.expireSession(client.session!.sessionId)).toBe(true);
    expect(server.tree.get('/e')).toBeUndefined();
    expect(await client.frame()).toBeNull();
    expect(server.expireSession(client.session!.sessionId)).toBe(false);
    expect([server.sessions, server.connectionCount]).toEqual([[], 0]);
  });

  it('hear nothing of their own watches when they expire', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/e', CREATE_FLAGS.EPHEMERAL);
    await client.call('exists', { path: '/e', watch: true });
    server.expireSession(client.session!.sessionId);
    expect(await client.frame()).toBeNull();
    expect(server.watchCount()).toBe(0);
  });

  it('survive when their connections are dropped', async () => {
    const server = await start();
    const client = await open(server);
    await open(server);
    expect(server.dropConnections()).toBe(2);
    await client.hungUp();
    expect(server.connectionCount).toBe(0);
    expect(server.sessions.map(({ connected }) => connected)).toEqual([false, false]);
  });
});

describe('connections', () => {
  it('are limited per address', async () => {
    const server = await start({ maxClientCnxns: 1 });
    const first = await open(server);
    const second = await RawClient.connect(server);
    await second.hungUp();
    expect(server.connectionCount).toBe(1);
    expect((await first.call('ping', {})).errno).toBe(0);
  });

  it('that say nothing are dropped', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const silent = await RawClient.connect(server);
    const client = await open(server);
    clock.advance(10_000);
    await silent.hungUp();
    expect((await client.call('ping', {})).errno).toBe(0);
  });

  it('that send nonsense end alone', async () => {
    const server = await start({ juteMaxBufferBytes: 1000 });
    const good = await open(server);
    let seed = 12345;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 16;
    for (let i = 0; i < 50; i++) {
      const bytes = Buffer.from(Array.from({ length: random() % 200 }, () => random() & 0xff));
      const stranger = await RawClient.connect(server);
      stranger.sendBytes(bytes);
      const client = await open(server);
      client.sendFrame(bytes);
      clients.push(stranger);
    }
    expect((await good.call('exists', { path: '/', watch: false })).errno).toBe(0);
  });
});

describe('containers and TTL nodes', () => {
  it('go when they are over', async () => {
    const clock = new ManualClock();
    const server = await start({ clock, containerCheckIntervalMs: 1000, maxSessionTimeoutMs: 600_000 });
    const client = await open(server, { timeOut: 600_000 });
    const acl = OPEN_ACL_UNSAFE;
    for (const path of ['/used', '/fresh', '/full']) {
      await client.call('createContainer', { path, data: null, acl, flags: CREATE_FLAGS.CONTAINER });
    }
    await create(client, '/used/x');
    await create(client, '/full/x');
    await client.call('delete', { path: '/used/x', version: -1 });
    await client.call('createTTL', { path: '/ttl', data: null, acl, flags: 5, ttl: 2500 });
    const zxid = server.lastZxid;
    clock.advance(1000);
    expect(server.tree.paths().filter((path) => !path.startsWith('/zookeeper'))).toEqual([
      '/',
      '/fresh',
      '/full',
      '/full/x',
      '/ttl',
    ]);
    expect(server.lastZxid).toBe(zxid + 1n);
    clock.advance(1000);
    expect(server.tree.get('/ttl')).toBeDefined();
    clock.advance(1000);
    expect(server.tree.get('/ttl')).toBeUndefined();
  });

  it('go at once when a test asks for it', async () => {
    const clock = new ManualClock();
    const server = await start({ clock });
    const client = await open(server);
    await client.call('createTTL', { path: '/ttl', data: null, acl: OPEN_ACL_UNSAFE, flags: 5, ttl: 5 });
    server.reap();
    expect(server.tree.get('/ttl')).toBeDefined();
    clock.advance(6);
    server.reap();
    expect(server.tree.get('/ttl')).toBeUndefined();
  });

  it('need extended types for a TTL', async () => {
    const server = await start({ extendedTypesEnabled: false });
    const client = await open(server);
    const q = { path: '/ttl', data: null, acl: OPEN_ACL_UNSAFE, flags: 5, ttl: 5 };
    expect((await client.call('createTTL', q)).errno).toBe(Errno.Unimplemented);
    expect((await client.call('ping', {})).errno).toBe(0);
  });
});

describe('the tree view', () => {
  it('shows copies', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/b', 0, Buffer.from('data'));
    await create(client, '/b/2');
    await create(client, '/b/1');
    const view = server.tree.get('/b')!;
    expect(view).toMatchObject({
      children: ['1', '2'],
      acl: OPEN_ACL_UNSAFE,
      stat: { numChildren: 2, cversion: 2 },
    });
    view.data!.fill(0);
    await client.call('delete', { path: '/b/1', version: -1 });
    expect(view.stat.numChildren).toBe(2);
    expect(server.tree.get('/b')?.data?.toString()).toBe('data');
    expect(server.tree.get('/none')).toBeUndefined();
  });
});

describe('four-letter words', () => {
  it('answer', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/e', CREATE_FLAGS.EPHEMERAL);
    await client.call('getData', { path: '/e', watch: true });
    const word = (w: string) => fourLetterWord(server, w);
    expect(await word('ruok')).toBe('imok');
    expect(await word('isro')).toBe('rw');
    expect(await word('srvr')).toMatch(
      /^Zookeeper version: 3\.9\.3-[\w.-]+, built on \d\d\/\d\d\/\d{4} \d\d:\d\d GMT\nLatency min\/avg\/max: \d+\/\d+\.\d+\/\d+\nReceived: \d+\nSent: \d+\nConnections: 2\nOutstanding: 0\nZxid: 0x2\nMode: standalone\nNode count: 6\n$/,
    );
    expect(await word('envi')).toMatch(/^Environment:\nzookeeper\.version=3\.9\.3-/);
    expect(await word('wchs')).toBe('1 connections watching 1 paths\nTotal watches:1\n');
    expect(await word('mntr')).toContain('zk_ephemerals_count\t1\n');
    expect(await word('conf')).toContain(`clientPort=${server.port}\n`);
    expect(await word('cons')).toContain(`sid=0x${client.session!.sessionId.toString(16)}`);
    expect(await word('stat')).toContain('Clients:\n /127.0.0.1:');
    expect(await word('dump')).toContain('\t/e\n');
    expect(await word('wchp')).toMatch(/^\/e\n\t0x[0-9a-f]+\n\n$/);
    expect(await word('wchc')).toMatch(/^0x[0-9a-f]+\n\t\/e\n\n$/);
    expect(await word('stmk')).toBe('');
  });

  it('are refused when they are not in the whitelist', async () => {
    const server = await start({ fourLetterWords: ['srvr'] });
    expect(await fourLetterWord(server, 'srvr')).toContain('Mode: standalone');
    expect(await fourLetterWord(server, 'ruok')).toBe(
      'ruok is not executed because it is not in the whitelist.\n',
    );
  });

  it('may come byte by byte', async () => {
    const server = await start();
    const socket = connect({ port: server.port, host: server.host, noDelay: true });
    for (const letter of 'ruok') await new Promise((resolve) => socket.write(letter, resolve));
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toBe('imok');
  });
});

describe('a client that does not read', () => {
  it('gets all of its replies once it does, in order', async () => {
    const server = await start();
    const client = await open(server);
    await create(client, '/big', 0, Buffer.alloc(1_000_000));
    const count = 40;
    for (let i = 0; i < count; i++) client.send('getData', { path: '/big', watch: false }, i + 10);
    client.send('closeSession', {}, 9);
    for (let i = 0; i < count; i++) {
      const reply = await client.reply();
      expect([reply?.xid, reply?.errno, reply?.body.length]).toEqual([i + 10, 0, 1_000_072]);
    }
    expect((await client.reply())?.xid).toBe(9);
    expect(await client.frame()).toBeNull();
  });
});
