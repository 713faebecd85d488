/** Every limit, at the limit and one beyond it: what is beyond costs that call or that connection, and nothing else. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { Conn, askServer, connect, type WatchItem } from '../../../src/index.js';
import {
  InvalidOptionError,
  QueueFullError,
  RequestTooLargeError,
  ResponseTooLargeError,
  type ZkError,
} from '../../../src/protocol/errors.js';
import { FaultProxy, ImportError, MiniServer, importTree } from '../../../src/testing.js';
import { STAT, notification } from '../../support/core-world.js';
import {
  ScriptedServer,
  answerFrame,
  handshakeFrame,
  rejectionOf,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';
import { injected } from '../../support/tally.js';

/** Both sides of a limit. */
const SIDES = [
  ['at the limit', 0],
  ['one beyond', 1],
] as const;

describe.each(SIDES)('%s', (_side, over) => {
  beforeEach(() => {
    if (over === 1) injected('limit exceeded');
  });

  it.each([64, 1000, 0xfffff])('a request with maxRequestBytes %i', async (maxRequestBytes) => {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxRequestBytes });
    // header, path, length of the data, version
    const data = Buffer.alloc(maxRequestBytes - (8 + 4 + 2 + 4 + 4) + over);
    const call = watchOutcome(conn.set('/a', data));
    await settle();
    if (over === 1) {
      expect(call.current).toEqual({ error: expect.any(RequestTooLargeError) });
      expect(call.current).toMatchObject({ error: { outcome: 'not-sent' } });
    } else {
      expect(server.link.written.at(-1)).toHaveLength(4 + maxRequestBytes);
      await server.link.answer(server.link.takeOne(), { stat: STAT });
      expect(call.current).toHaveProperty('value');
    }
    // and the next one is as good as ever
    const next = watchOutcome(conn.sync('/a'));
    await settle();
    await server.link.answer(server.link.takeOne(), { path: '/a' });
    expect(next.current).toEqual({ value: '/a' });
    await server.close(conn);
  });

  it.each([1024, 100_000])('a reply with maxResponseBytes %i', async (maxResponseBytes) => {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxResponseBytes });
    const reading = watchOutcome(conn.get('/a'));
    await settle();
    // header, length of the data, Stat
    const data = Buffer.alloc(maxResponseBytes - (16 + 4 + 68) + over, 1);
    const frame = answerFrame(server.link.takeOne(), { data, stat: STAT });
    expect(frame.readInt32BE(0)).toBe(maxResponseBytes + over);
    await server.link.send(frame);
    if (over === 1) expect(reading.current).toEqual({ error: expect.any(ResponseTooLargeError) });
    else expect(reading.current).toMatchObject({ value: { data } });
    const next = watchOutcome(conn.sync('/a'));
    await settle();
    await server.link.answer(server.link.takeOne(), { path: '/a' });
    expect([next.current, server.links.length]).toEqual([{ value: '/a' }, 1]);
    await server.close(conn);
  });

  it('an answer to the handshake of 1024 bytes', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({}, 'a:1');
    const errors: ZkError[] = [];
    conn.on('connectError', ({ error }) => void errors.push(error));
    conn.connect().catch(() => undefined);
    await settle();
    await server.link.connect();
    const whole = handshakeFrame({});
    const long = Buffer.alloc(4 + 1024 + over);
    whole.copy(long);
    long.writeInt32BE(1024 + over);
    await server.link.send(long);
    await settle();
    expect([conn.state, errors.length]).toEqual(over === 1 ? ['Connecting', 1] : ['SyncConnected', 0]);
    const closing = conn.close();
    await server.clock.advance(2000);
    await closing;
  });

  it.each([
    ['requests', { maxRequests: 3 }, 3],
    // a sync of /x: length, header, path
    ['bytes', { maxBytes: 3 * (4 + 8 + 4 + 2) }, 3],
  ] as const)('an offline queue that is bounded in %s', async (_what, offlineQueue, fits) => {
    const server = new ScriptedServer();
    const conn = server.conn({ offlineQueue });
    const calls = Array.from({ length: fits }, () => watchOutcome(conn.sync('/x')));
    const last = over === 1 ? watchOutcome(conn.sync('/x')) : undefined;
    await settle();
    expect(calls.map(({ current }) => current)).toEqual(calls.map(() => undefined));
    if (last !== undefined) expect(last.current).toEqual({ error: expect.any(QueueFullError) });
    await conn.close();
  });

  it.each([1, 2, 1024])('a stream with a buffer of %i items', async (bufferSize) => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = conn.addWatch('/a', 'PERSISTENT', bufferSize === 1024 ? {} : { bufferSize });
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    await server.link.send(...Array.from({ length: bufferSize + over }, () => notification(3, '/a')));
    const items: WatchItem[] = [];
    for (let i = 0; i < bufferSize; i++) items.push((await stream.next()).value as WatchItem);
    expect(items.every(({ type }) => type === 'NodeDataChanged')).toBe(true);
    const next = watchOutcome(stream.next());
    await settle();
    expect(next.current).toEqual(
      over === 1 ? { value: { done: false, value: { type: 'overflow', dropped: 1 } } } : undefined,
    );
    await server.close(conn);
  });

  it('a four-letter word’s answer with maxReplyBytes', async () => {
    const text = 'This ZooKeeper instance is not currently serving requests\n';
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(text));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const error = (await rejectionOf(
      askServer(address, 'ruok', { maxReplyBytes: text.length - over, timeoutMs: 60_000 }),
    )) as ZkError;
    // it was read to its end, or given up
    expect(error.name).toBe(over === 1 ? 'DecodeError' : 'NotServingError');
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  });

  it('a request to the mini-server with juteMaxBufferBytes', async () => {
    await using server = await MiniServer.start({ juteMaxBufferBytes: 5000 });
    await using conn = await connect(server.connectString, { maxRequestBytes: 100_000 });
    await conn.create('/a');
    const { sessionId } = conn;
    const write = conn.set('/a', Buffer.alloc(5000 - (8 + 4 + 2 + 4 + 4) + over)).then(
      () => 'done',
      (error: unknown) => (error as ZkError).outcome,
    );
    expect(await write).toBe(over === 1 ? 'unknown' : 'done');
    expect([await conn.exists('/a').then((stat) => stat?.version), conn.sessionId]).toEqual([
      1 - over,
      sessionId,
    ]);
  });

  it('connections to the mini-server with maxClientCnxns', async () => {
    await using server = await MiniServer.start({ maxClientCnxns: 2 });
    const open = () => connect(server.connectString, { closeTimeoutMs: 60_000 });
    const conns = await Promise.all([open(), open()]);
    if (over === 1) {
      await using more = new Conn(server.connectString);
      const refused = new Promise((resolve) => more.once('connectError', resolve));
      more.connect().catch(() => undefined);
      await refused;
    }
    expect(server.connectionCount).toBe(2);
    await Promise.all(conns.map((conn) => conn.exists('/')));
    for (const conn of conns) expect(await conn.close()).toEqual({ confirmed: true });
  });

  it('an import with maxNodes and maxBytes', async () => {
    await using server = await MiniServer.start();
    await using conn = await connect(server.connectString);
    await conn.create('/a', '12345');
    await conn.create('/a/b', '12345');
    for (const limits of [{ maxNodes: 2 - over }, { maxBytes: 10 - over }]) {
      const result = await importTree(conn, '/a', limits).catch((error: unknown) => error);
      if (over === 1) expect(result).toBeInstanceOf(ImportError);
      else expect(result).toMatchObject({ format: 'zk-conn-snapshot' });
    }
  });

  it('a log with logCapacity', async () => {
    await using server = await MiniServer.start();
    await using proxy = await FaultProxy.start({ target: server.connectString, logCapacity: 4 });
    const conn = await connect(proxy.connectString);
    // two frames of the handshake, two of the request
    await conn.exists('/');
    if (over === 1) await conn.exists('/');
    expect([proxy.log.frames().length, proxy.log.forgotten]).toEqual([4, 2 * over]);
    await conn.close();
  });
});

const MAX_INT = 0x7fffffff;
/** Options that are numbers, with what they may be at least and at most. */
const NUMBERS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  sessionTimeoutMs: [1, MAX_INT],
  connectTimeoutMs: [1, MAX_INT],
  requestTimeoutMs: [0, MAX_INT],
  closeTimeoutMs: [0, MAX_INT],
  maxRequestBytes: [64, MAX_INT],
  maxResponseBytes: [1024, MAX_INT],
  slowHandlerMs: [0, MAX_INT],
  loopLagMs: [0, MAX_INT],
};
const PARTS: Readonly<Record<string, readonly [outer: string, min: number, max: number]>> = {
  maxRequests: ['offlineQueue', 1, 10_000_000],
  maxBytes: ['offlineQueue', 1, Number.MAX_SAFE_INTEGER],
  baseMs: ['backoff', 1, MAX_INT],
  maxMs: ['backoff', 1, MAX_INT],
};

describe('an option that is a number', () => {
  const all = [
    ...Object.entries(NUMBERS).map(
      ([name, [min, max]]) => [name, min, max, (n: number) => ({ [name]: n })] as const,
    ),
    ...Object.entries(PARTS).map(
      ([name, [outer, min, max]]) =>
        [
          name,
          min,
          max,
          (n: number) => ({
            [outer]:
              name === 'maxMs'
                ? { baseMs: 1, maxMs: n }
                : name === 'baseMs'
                  ? { baseMs: n, maxMs: MAX_INT }
                  : { [name]: n },
          }),
        ] as const,
    ),
  ];
  it.each(all)('%s may be from %d to %d, and nothing beyond', (_name, min, max, make) => {
    const take = (n: number): Conn => new Conn('h:1', make(n));
    for (const good of [min, max]) expect(() => take(good)).not.toThrow();
    for (const bad of [min - 1, max + 1, max * 2, -max, min + 0.5, NaN, Infinity, -Infinity])
      expect(() => take(bad), String(bad)).toThrow(InvalidOptionError);
  });
});
