/** Streams of a persistent watch, on a mini-server. */
import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Conn, type ConnOptions } from '../../../src/index.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  SessionExpiredError,
} from '../../../src/protocol/errors.js';
import type { WatchItem, WatchStream } from '../../../src/client/watch-stream.js';
import { MiniServer } from '../../../src/testing.js';
import { CuttableDialer } from '../../support/cuttable-dialer.js';
import { rejectionOf } from '../../support/scripted-server.js';

let server: MiniServer;
const conns: Conn[] = [];

beforeEach(async () => {
  server = await MiniServer.start();
});

afterEach(async () => {
  await Promise.all(conns.splice(0).map((conn) => conn.close()));
  expect(server.watchCount()).toBe(0);
  await server.close();
});

async function client(options: ConnOptions = {}, chroot = ''): Promise<Conn> {
  const conn = await connect(server.connectString + chroot, options);
  conns.push(conn);
  return conn;
}

/** `type path`, or what it is instead. */
function word(item: WatchItem): string {
  if (item.type === 'overflow') return `overflow ${String(item.dropped)}`;
  return 'path' in item ? `${item.type} ${item.path}` : item.type;
}

/** The next `count` items. */
async function take(stream: WatchStream, count: number): Promise<string[]> {
  const words: string[] = [];
  while (words.length < count) {
    const { value, done } = await stream.next();
    if (done === true) return [...words, 'done'];
    words.push(word(value));
  }
  return words;
}

async function reconnected(conn: Conn, link: CuttableDialer): Promise<void> {
  const again = new Promise<void>((resolve) => {
    conn.on('connection', (state) => {
      if (state === 'RECONNECTED') resolve();
    });
  });
  link.cut();
  await again;
}

describe('addWatch', () => {
  it('[C11] yields every event of a node and its children, again and again', async () => {
    const conn = await client();
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    for (let i = 0; i < 2; i++) {
      await conn.create('/a');
      await conn.set('/a', 'x');
      await conn.create('/a/b');
      await conn.set('/a/b', 'not a child of /a itself');
      await conn.delete('/a/b');
      await conn.delete('/a');
    }
    const round = [
      'NodeCreated /a',
      'NodeDataChanged /a',
      'NodeChildrenChanged /a',
      'NodeChildrenChanged /a',
      'NodeDeleted /a',
    ];
    expect(await take(stream, 10)).toEqual([...round, ...round]);
  });

  it('[C10] recursively yields all below, but never NodeChildrenChanged', async () => {
    const conn = await client();
    await conn.create('/a');
    await conn.create('/a/b');
    const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
    const { watch } = await conn.childrenW('/a/b');
    await conn.create('/a/b/c');
    await conn.set('/a/b/c', 'x');
    await conn.delete('/a/b/c');
    await conn.create('/ab');
    await conn.set('/a', 'x');
    expect(await take(stream, 4)).toEqual([
      'NodeCreated /a/b/c',
      'NodeDataChanged /a/b/c',
      'NodeDeleted /a/b/c',
      'NodeDataChanged /a',
    ]);
    expect(await watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/a/b' });
  });

  it('shows its path and its state where it is printed, as a stream of values does', async () => {
    const conn = await client();
    const streams = [await conn.addWatch('/a', 'PERSISTENT'), conn.watchData('/a'), conn.watchChildren('/a')];
    for (const [i, stream] of streams.entries()) {
      const name = i === 0 ? 'WatchStream' : 'ValueStream';
      const shown = (): string => inspect(stream, { depth: Infinity });
      expect(shown()).toBe(`{ ${name}: { path: '/a', state: 'open' } }`);
      stream.close();
      expect(shown()).toBe(`{ ${name}: { path: '/a', state: 'closed' } }`);
      expect(JSON.stringify(stream)).toBe('{"path":"/a","state":"closed"}');
    }
  });

  it('is heard before the reply that shows the change', async () => {
    const conn = await client();
    await conn.create('/a');
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    const order: string[] = [];
    const heard = stream.next().then(() => order.push('event'));
    await Promise.all([heard, conn.set('/a', 'x').then(() => order.push('reply'))]);
    expect(order).toEqual(['event', 'reply']);
  });

  it('works under a chroot', async () => {
    await (await client()).create('/in');
    const conn = await client({}, '/in');
    const stream = await conn.addWatch('/', 'PERSISTENT_RECURSIVE');
    await conn.create('/a');
    expect(await take(stream, 1)).toEqual(['NodeCreated /a']);
  });

  it('refuses a mode, a buffer and options that are none', async () => {
    const conn = await client();
    const add = conn.addWatch.bind(conn) as (...args: unknown[]) => Promise<unknown>;
    expect(await rejectionOf(add('/a', 'persistent'))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(add('/a', 'PERSISTENT', { bufferSize: 0 }))).toBeInstanceOf(InvalidOptionError);
    expect(await rejectionOf(add('/a', 'PERSISTENT', { suspensions: 1 }))).toBeInstanceOf(InvalidOptionError);
    expect(await rejectionOf(add('/a', 'PERSISTENT', { buffer: 1 }))).toBeInstanceOf(InvalidOptionError);
  });
});

describe('a reader', () => {
  it('[E12] who does not read costs a bounded buffer, and hears how much was dropped', async () => {
    const conn = await client();
    await conn.create('/a');
    const stream = await conn.addWatch('/a', 'PERSISTENT', { bufferSize: 3 });
    for (let i = 0; i < 10; i++) await conn.set('/a', String(i));
    const event = 'NodeDataChanged /a';
    expect(await take(stream, 2)).toEqual([event, event]);
    await conn.set('/a', 'after');
    expect(await take(stream, 3)).toEqual([event, 'overflow 7', event]);
    for (let i = 0; i < 5; i++) await conn.set('/a', String(i));
    expect(await take(stream, 4)).toEqual([event, event, event, 'overflow 2']);
  });

  it.each([false, true])(
    'whose buffer is full hears of a gap as of a gap, suspensions %s',
    async (suspensions) => {
      const link = new CuttableDialer();
      const conn = await client({ dialer: link.dial, backoff: { baseMs: 1, maxMs: 1 } });
      await conn.create('/a');
      const event = 'NodeDataChanged /a';
      const stream = await conn.addWatch('/a', 'PERSISTENT', { bufferSize: 1, suspensions });
      await conn.set('/a', '1');
      await reconnected(conn, link);
      await reconnected(conn, link);
      expect(await take(stream, 2)).toEqual([event, 'gap']);
      // events that were dropped with it are counted, and it is told by that
      await conn.set('/a', '2');
      await reconnected(conn, link);
      await conn.set('/a', '3');
      expect(await take(stream, 2)).toEqual([event, 'overflow 1']);
      // and it stands where it belongs
      await conn.set('/a', '4');
      await reconnected(conn, link);
      expect(await take(stream, 1)).toEqual([event]);
      await conn.set('/a', '5');
      expect(await take(stream, 2)).toEqual(['gap', event]);
    },
  );

  it.each([[null], [0], ['enough']])('whose signal aborts with %j is told just that', async (reason) => {
    const conn = await client();
    await conn.create('/a');
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await conn.addWatch('/a', 'PERSISTENT', { signal });
    const value = conn.watchData('/a', { signal });
    await value.next();
    const ends = [stream, value].map((each) =>
      each.next().then(
        () => 'done',
        (error: unknown) => ({ rejected: error }),
      ),
    );
    controller.abort(reason);
    expect(await Promise.all(ends)).toEqual([{ rejected: reason }, { rejected: reason }]);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
  });

  it('[E11] whose signal aborts while he waits is told in the same turn, and no listener stays', async () => {
    const conn = await client();
    const controller = new AbortController();
    const stream = await conn.addWatch('/a', 'PERSISTENT', { signal: controller.signal });
    const reason = new Error('enough');
    const waiting = rejectionOf(stream.next());
    let settled = false;
    void waiting.then(() => (settled = true));
    controller.abort(reason);
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(settled).toBe(true);
    expect(await waiting).toBe(reason);
    expect(await stream.next()).toEqual({ value: undefined, done: true });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  it('who gives up before the watch is armed leaves none behind', async () => {
    const conn = await client();
    const controller = new AbortController();
    await conn.addWatch('/a', 'PERSISTENT', { signal: controller.signal });
    const late = rejectionOf(conn.addWatch('/b', 'PERSISTENT', { signal: controller.signal }));
    const sent = new Promise<void>((resolve) => process.nextTick(resolve));
    await sent;
    controller.abort(new Error('enough'));
    expect(await late).toMatchObject({ message: 'enough' });
    // the reply that armed the second one is behind us, and so is what took it away; a close would take all away
    await conn.sync('/');
    await conn.sync('/');
    expect(server.watchCount()).toBe(0);
  });

  it('[C8] who breaks out of the loop takes the watch off the server', async () => {
    const conn = await client();
    for (const leave of ['break', 'throw', 'close', 'dispose'] as const) {
      const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
      expect(server.watchCount()).toBe(1);
      await conn.create('/a');
      if (leave === 'close') stream.close();
      else if (leave === 'dispose') await stream[Symbol.asyncDispose]();
      else {
        const loop = async (): Promise<void> => {
          for await (const _ of stream) {
            if (leave === 'break') break;
            throw new Error('out');
          }
        };
        await loop().catch(() => undefined);
      }
      await conn.delete('/a');
      expect(await stream.next()).toEqual({ value: undefined, done: true });
      expect([leave, server.watchCount()]).toEqual([leave, 0]);
    }
  });

  it('[C9] who leaves does not take away the watch of another', async () => {
    const conn = await client();
    await conn.create('/a');
    const streams = [
      await conn.addWatch('/a', 'PERSISTENT'),
      await conn.addWatch('/a', 'PERSISTENT'),
      await conn.addWatch('/a', 'PERSISTENT_RECURSIVE'),
    ];
    const { watch } = await conn.getW('/a');
    streams[0]!.close();
    await conn.set('/a', '1');
    expect(await take(streams[1]!, 1)).toEqual(['NodeDataChanged /a']);
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged' });
    const { watch: next } = await conn.getW('/a');
    streams[1]!.close();
    streams[2]!.close();
    await conn.exists('/a');
    await conn.set('/a', '2');
    expect(await next.event).toMatchObject({ type: 'NodeDataChanged' });
    expect(server.watchCount()).toBe(0);
  });
});

describe('a reconnect', () => {
  it('[C12] yields a gap before any new event', async () => {
    const link = new CuttableDialer();
    const conn = await client({ dialer: link.dial });
    const other = await client();
    await other.create('/a');
    const streams = [
      await conn.addWatch('/a', 'PERSISTENT'),
      await conn.addWatch('/', 'PERSISTENT_RECURSIVE'),
    ];
    link.hold();
    const suspended = new Promise<void>((resolve) => conn.once('connection', () => resolve()));
    link.cut();
    await suspended;
    await other.set('/a', 'missed');
    const again = new Promise<void>((resolve) => conn.once('connection', () => resolve()));
    link.release();
    await again;
    await conn.sync('/');
    await other.set('/a', 'seen');
    for (const stream of streams) expect(await take(stream, 2)).toEqual(['gap', 'NodeDataChanged /a']);
  });

  it('is told once to a reader who did not read, and as a suspension only to one who asked', async () => {
    const link = new CuttableDialer();
    const conn = await client({ dialer: link.dial });
    const plain = await conn.addWatch('/a', 'PERSISTENT');
    const told = await conn.addWatch('/a', 'PERSISTENT', { suspensions: true });
    for (let i = 0; i < 3; i++) await reconnected(conn, link);
    await conn.create('/a');
    expect(await take(plain, 2)).toEqual(['gap', 'NodeCreated /a']);
    expect(await take(told, 7)).toEqual([
      'suspended',
      'gap',
      'suspended',
      'gap',
      'suspended',
      'gap',
      'NodeCreated /a',
    ]);
  });

  it('arms nothing anew that was closed meanwhile', async () => {
    const link = new CuttableDialer();
    const conn = await client({ dialer: link.dial });
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    link.hold();
    const suspended = new Promise<void>((resolve) => conn.once('connection', () => resolve()));
    link.cut();
    await suspended;
    stream.close();
    link.release();
    await conn.exists('/');
    expect(server.watchCount()).toBe(0);
  });
});

describe('the end', () => {
  it('[C16] of the Conn is the end of the stream; of the session it is an error', async () => {
    const conn = await client();
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    const waiting = stream.next();
    await conn.close();
    expect(await waiting).toEqual({ value: undefined, done: true });

    const expiring = await client();
    const lost = await expiring.addWatch('/a', 'PERSISTENT');
    const ended = rejectionOf(lost.next());
    server.expireSession(expiring.sessionId);
    expect(await ended).toBeInstanceOf(SessionExpiredError);
    expect(await lost.next()).toEqual({ value: undefined, done: true });
  });
});
