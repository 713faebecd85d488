/** Names, addresses, connect strings and chroots. */
import type * as dns from 'node:dns';
import { lookup, type LookupAddress } from 'node:dns';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Conn,
  ConnClosedError,
  InvalidConnectStringError,
  MultiError,
  NoNodeError,
  connect,
  digestId,
  op,
  type ConnectErrorEvent,
  type WatchEvent,
} from '../../src/index.js';
import { parseConnectString } from '../../src/net/connect-string.js';
import { MiniServer } from '../../src/testing.js';
import { catchingUncaught, rejectionOf } from '../support/scripted-server.js';

vi.mock('node:dns', async (original) => {
  const real = await original<typeof dns>();
  return { ...real, lookup: vi.fn(real.lookup) };
});

type LookupCallback = (error: Error | null, addresses: LookupAddress[]) => void;

/** What each name leads to from now on; a name that is not there is unknown. */
function names(table: () => Readonly<Record<string, readonly string[]>>): void {
  vi.mocked(lookup).mockImplementation(((name: string, _options: object, callback: LookupCallback) => {
    setImmediate(() => {
      const addresses = table()[name];
      if (addresses === undefined) {
        callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), []);
        return;
      }
      callback(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
    });
  }) as unknown as typeof lookup);
}

afterEach(async () => {
  const { lookup: real } = await vi.importActual<typeof dns>('node:dns');
  vi.mocked(lookup).mockImplementation(real);
});

const FAST = { backoff: { baseMs: 1, maxMs: 5 } };

describe('a name', () => {
  it('that moves while its server is down is dialed at its new address by the next attempt [G1]', async () => {
    const before = await MiniServer.start({ host: '127.0.0.1' });
    const after = await MiniServer.start({ host: '127.0.0.2', port: before.port });
    let address = '127.0.0.1';
    names(() => ({ 'moves.example': [address] }));
    const conn = await connect(`moves.example:${before.port}`, FAST);
    expect([before.connectionCount, after.connectionCount]).toEqual([1, 0]);
    const failed = new Promise<ConnectErrorEvent>((resolve) => conn.once('connectError', resolve));
    const back = new Promise<void>((resolve) =>
      conn.on('connection', (state) => (state === 'CONNECTED' ? resolve() : undefined)),
    );
    await before.close();
    await failed;
    address = '127.0.0.2';
    await back;
    expect(after.sessions.map(({ id }) => id)).toEqual([conn.sessionId]);
    await conn.close();
    await after.close();
  });

  it('that leads nowhere does not block the others, and throws nothing [G2]', async () => {
    const server = await MiniServer.start();
    names(() => ({ 'good.example': ['127.0.0.1'] }));
    const caught = await catchingUncaught(async () => {
      for (const order of [
        'bad.example:1,good',
        'good,bad.example:1',
        'bad.example:1,worse.example:2,good',
      ]) {
        const list = order.replace('good', `good.example:${server.port}`);
        const conn = await connect(list, { ...FAST, random: () => 0.999 });
        expect(conn.server).toBe(`good.example:${server.port}`);
        await conn.close();
      }
    });
    expect(caught).toEqual([]);
    await server.close();
  });

  it('that is unknown at first is used as soon as it is known, without a restart [G2]', async () => {
    const server = await MiniServer.start();
    let known = false;
    names(() => (known ? { 'late.example': ['127.0.0.1'] } : {}));
    const told: ConnectErrorEvent[] = [];
    const caught = await catchingUncaught(async () => {
      const conn = new Conn(`late.example:${server.port}`, FAST);
      conn.on('connectError', (event) => {
        told.push(event);
        if (told.length === 5) known = true;
      });
      await conn.connect();
      expect(told).toHaveLength(5);
      for (const { server: name, error } of told) {
        expect(name).toBe(`late.example:${server.port}`);
        expect(error.cause).toMatchObject({ code: 'ENOTFOUND' });
      }
      await conn.close();
    });
    expect(caught).toEqual([]);
    await server.close();
  });
});

describe('a connect string', () => {
  const a = { host: 'a', port: 1 };
  const b = { host: 'b', port: 2 };
  const plain = { host: 'a', port: 2181 };

  it.each([
    ['a:1,b:2/chroot', [a, b], '/chroot'],
    ['a:1,b:2', [a, b], ''],
    ['a', [plain], ''],
    ['a/', [plain], ''],
    ['a:1,b:2/x/y', [a, b], '/x/y'],
    [' a:1 , b:2 ', [a, b], ''],
    ['a:1, b:2/chroot', [a, b], '/chroot'],
  ])('%j is understood [G3]', (text, servers, chroot) => {
    expect(parseConnectString(text)).toMatchObject({ servers, chroot });
  });

  it.each([
    'a:1/chroot,b:2/chroot',
    'a:1/chroot,b:2',
    'a:1,b:2,',
    'a:1,,b:2',
    'zk://a:1,b:2',
    'http://a:1',
    '',
    ' ',
    ',',
    '/chroot',
    'a:x',
    'a:0',
    'a:65536',
    'a:-1',
    'a:1.5',
    'a:',
    ':2181',
    'a:1//x',
    'a:1/x/../y',
    'a b:1',
  ])('%j is refused with a reason, by a rejection and not a throw [G3]', async (text) => {
    const connecting = connect(text);
    const error = await rejectionOf(connecting);
    expect(error).toBeInstanceOf(InvalidConnectStringError);
    expect((error as Error).message.length).toBeGreaterThan(10);
  });
});

describe('a port where no ZooKeeper listens', () => {
  /** What others say first, or answer. */
  const STRANGERS: Record<string, () => Server> = {
    'speaks HTTP': () => createHttpServer((_request, response) => response.end('hello')),
    'says its name, as mail servers do': () =>
      strangerThat((socket) => socket.write('220 mail.example ESMTP\r\n')),
    'says a name in lines that look long': () =>
      strangerThat((socket) => socket.write(Buffer.alloc(100, 'x'))),
    'sends back what it gets': () => strangerThat((socket) => socket.pipe(socket)),
    'sends zeros': () => strangerThat((socket) => socket.write(Buffer.alloc(1000))),
    'hangs up': () => strangerThat((socket) => socket.end()),
    'says nothing': () => strangerThat(() => undefined),
    resets: () => strangerThat((socket) => socket.resetAndDestroy()),
  };

  function strangerThat(acts: (socket: Socket) => unknown): Server {
    return createServer((socket) => {
      socket.on('error', () => undefined);
      acts(socket);
    });
  }

  it.each(Object.entries(STRANGERS))(
    'and somebody %s is never called connected [G3]',
    async (_what, make) => {
      const stranger = make();
      const sockets = new Set<Socket>();
      stranger.on('connection', (socket: Socket) => sockets.add(socket));
      await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
      const { port } = stranger.address() as AddressInfo;
      const conn = new Conn(`127.0.0.1:${port}`, { ...FAST, connectTimeoutMs: 20 });
      const said: string[] = [];
      conn.on('state', ({ state }) => void said.push(state));
      let failures = 0;
      const several = new Promise<void>((resolve) =>
        conn.on('connectError', () => (++failures === 3 ? resolve() : undefined)),
      );
      const connecting = rejectionOf(conn.connect({ timeoutMs: 0 }));
      await several;
      await conn.close();
      expect(await connecting).toBeInstanceOf(ConnClosedError);
      expect(said).toEqual(['Connecting', 'Closed']);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => stranger.close(resolve));
    },
  );
});

describe.each(['/zoo', '/zookeeper', '/a', '/a/b'])('the chroot %s', (chroot) => {
  it('is put before and taken off by whole names: events, results, children, multi, errors, streams, configuration [G4]', async () => {
    const server = await MiniServer.start({ superDigest: digestId('super:pw') });
    const admin = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'super:pw' }] });
    await admin.ensurePath(chroot);
    // names that begin alike
    for (const near of ['/zookeepers', '/zoo2', '/ab', '/a/bc']) await admin.ensurePath(near);
    const conn = await connect(`${server.connectString}${chroot}`);
    const events: WatchEvent[] = [];
    conn.on('watch', (event) => void events.push(event));

    const { watch: onRoot } = await conn.childrenW('/');
    const { watch: onData } = await conn.getW('/');
    expect(await conn.create('/n-', null, { mode: 'PERSISTENT_SEQUENTIAL' })).toMatch(/^\/n-\d{10}$/);
    expect(await onRoot.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/' });
    await conn.set('/', 'x');
    expect(await onData.event).toMatchObject({ type: 'NodeDataChanged', path: '/' });
    // a child whose name is that of the chroot, or begins like it
    for (const name of [chroot.split('/').at(-1)!, 'zookeepers', 'config']) {
      if ((await conn.exists(`/${name}`)) !== null) continue;
      const { watch } = await conn.existsW(`/${name}`);
      expect(await conn.create(`/${name}`)).toBe(`/${name}`);
      expect(await watch.event).toMatchObject({ type: 'NodeCreated', path: `/${name}` });
      expect(server.tree.get(`${chroot}/${name}`)).toBeDefined();
      expect((await conn.children('/')).children).toContain(name);
      expect(await conn.sync(`/${name}`)).toBe(`/${name}`);
    }
    expect(
      await conn.multi([op.create('/m'), op.create('/m/q-', null, { mode: 'PERSISTENT_SEQUENTIAL' })]),
    ).toEqual(['/m', expect.stringMatching(/^\/m\/q-\d{10}$/)]);
    const failed = await rejectionOf(conn.multi([op.check('/m'), op.delete('/none')]));
    expect(failed).toBeInstanceOf(MultiError);
    expect((failed as MultiError).results.map(({ path }) => path)).toEqual(['/m', '/none']);
    const stream = await conn.addWatch('/', 'PERSISTENT_RECURSIVE');
    const deep = `/deep/${chroot.split('/').at(-1)!}`;
    for (const path of ['/deep', deep]) {
      await conn.create(path);
      expect((await stream.next()).value).toMatchObject({ type: 'NodeCreated', path });
    }
    stream.close();
    // the node of the configuration lies outside, and is itself everywhere
    const { watch: onConfig } = await conn.getConfigW();
    await admin.set('/zookeeper/config', 'version=1');
    expect(await onConfig.event).toMatchObject({ type: 'NodeDataChanged', path: '/zookeeper/config' });
    const missing = await rejectionOf(conn.get(`${chroot}/none`));
    expect(missing).toBeInstanceOf(NoNodeError);
    expect(missing).toMatchObject({ path: `${chroot}/none` });
    expect(events.every(({ path }) => path === '/' || !path.startsWith(`${chroot}/`))).toBe(true);
    await conn.close();
    await admin.close();
    await server.close();
  });
});
