/** Readers of streams that leave in every way, are slow, or throw: nothing is left of them, nothing piles up, others go on. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conn, WatchItem, WatchStream } from '../../../src/index.js';
import { notification, STAT } from '../../support/core-world.js';
import { heapBytes } from '../../support/heap.js';
import { ScriptedServer, catchingUncaught, settle } from '../../support/scripted-server.js';
import { checked, injected } from '../../support/tally.js';
import { MemoryWorld } from '../support/memory-world.js';

const MILLION = 1_000_000;

/** A loop over something, in the ways in which people leave one. */
const EXITS: Record<
  string,
  (source: AsyncIterableIterator<unknown>, stop: AbortController) => Promise<unknown>
> = {
  break: async (source) => {
    for await (const _ of source) break;
  },
  'an exception in the body': async (source) => {
    for await (const _ of source) throw new Error('body');
  },
  'return from the function': async (source) => {
    for await (const item of source) return item;
    return undefined;
  },
  'return()': async (source) => {
    await source.next();
    await source.return?.();
  },
  'return() while it waits': async (source) => {
    await source.next();
    const waiting = source.next();
    await source.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  },
  'return() before the first item': async (source) => {
    await source.return?.();
  },
  'the end of a block': async (source) => {
    await using stream = source as AsyncIterableIterator<unknown> & AsyncDisposable;
    await stream.next();
  },
  abort: async (source, stop) => {
    for await (const _ of source) stop.abort(new Error('enough'));
  },
};

type Source = (conn: Conn, signal: AbortSignal) => Promise<AsyncIterableIterator<unknown>>;
const SOURCES: Record<string, Source> = {
  'a persistent watch': (conn, signal) => conn.addWatch('/a', 'PERSISTENT', { signal }),
  'a recursive watch': (conn, signal) => conn.addWatch('/a', 'PERSISTENT_RECURSIVE', { signal }),
  watchData: (conn, signal) => Promise.resolve(conn.watchData('/a', { signal })),
  watchChildren: (conn, signal) => Promise.resolve(conn.watchChildren('/a', { signal })),
  'a watch that fires once': async (conn) => (await conn.getW('/a')).watch,
};

/** Those whose watch is taken off the server when nobody wants it any more. */
const STAYING: ReadonlySet<string> = new Set(['a persistent watch', 'a recursive watch']);

describe.each(Object.entries(SOURCES))('a loop over %s', (kind, make) => {
  let world: MemoryWorld;
  beforeEach(async () => {
    world = await MemoryWorld.start();
  });
  afterEach(() => world.close());

  it.each(Object.entries(EXITS))('that is left by %s leaves nothing', async (how, leave) => {
    const { clock, server } = world;
    const dialer = world.dialer();
    const conn = world.conn(dialer);
    await clock.advanceUntil(conn.connect());
    await clock.advanceUntil(conn.create('/a', 'x'));
    // an abort cannot reach what has no signal
    if (kind === 'a watch that fires once' && how === 'abort') return;
    for (let round = 0; round < 5; round++) {
      const stop = new AbortController();
      const source = await clock.advanceUntil(make(conn, stop.signal));
      const leaving = leave(source, stop).catch((error: unknown) => (error as Error).message);
      await clock.advanceUntil(conn.set('/a', `new ${round}`));
      await clock.advanceUntil(conn.create(`/a/${round}`));
      const left = await clock.advanceUntil(leaving);
      injected(`reader leaves by ${how}`);
      if (how === 'an exception in the body') expect(left).toBe('body');
      if (how === 'abort') expect(left).toBe('enough');
      expect(await source.next()).toEqual({ done: true, value: undefined });
      checked('leaked handles', getEventListeners(stop.signal, 'abort').length);
      expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
    }
    await clock.advanceUntil(conn.sync('/'));
    // one-shot watches that nobody waits for stay on the server until they fire; those that stay are gone at once
    if (STAYING.has(kind)) {
      checked('leaked handles', server.watchCount());
      expect(server.watchCount()).toBe(0);
    }
    // nothing is armed again for those who left: what this connection has is what is left of them, and nothing has fired
    dialer.cut();
    await clock.advanceUntil(conn.sync('/').catch(() => conn.sync('/')));
    checked('leaked handles', server.watchCount());
    expect(server.watchCount()).toBe(0);
    await clock.advanceUntil(conn.close());
  });
});

describe('a million events', () => {
  const CHUNK = 10_000;

  async function streaming(bufferSize?: number): Promise<{
    server: ScriptedServer;
    conn: Conn;
    stream: WatchStream;
    /** Sends ten thousand of them. */
    send: () => Promise<void>;
  }> {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxResponseBytes: 1 << 26 });
    const adding = conn.addWatch('/a', 'PERSISTENT_RECURSIVE', { bufferSize });
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const chunk = Buffer.concat(Array.from({ length: CHUNK }, () => notification(3, '/a')));
    const frameBytes = chunk.length / CHUNK;
    let serial = 0;
    const send = (): Promise<void> => {
      // behind the length and the xid stands the zxid
      for (let i = 0; i < CHUNK; i++) chunk.writeBigInt64BE(BigInt(++serial), i * frameBytes + 8);
      return server.link.send(chunk);
    };
    return { server, conn, stream: await adding, send };
  }

  it(
    'and a reader who takes one in a thousand: each is given or counted, in order, and the heap is flat',
    { timeout: 180_000 },
    async () => {
      const { server, conn, stream, send } = await streaming(100);
      let told = 0;
      let last = 0n;
      const see = (item: WatchItem): void => {
        if (item.type === 'overflow') {
          told += item.dropped;
        } else {
          told++;
          const zxid = 'zxid' in item ? item.zxid! : 0n;
          expect(zxid > last).toBe(true);
          // what was left out is exactly what was counted
          expect(zxid).toBe(BigInt(told));
          last = zxid;
        }
      };
      await send();
      const before = await heapBytes();
      for (let i = 1; i < MILLION / CHUNK; i++) {
        await send();
        for (let taken = 0; taken < CHUNK / 1000; taken++) see((await stream.next()).value as WatchItem);
      }
      injected('reader slower than a million events');
      const grown = (await heapBytes()) - before;
      expect(grown).toBeLessThan(1_000_000);
      while (told < MILLION) see((await stream.next()).value as WatchItem);
      checked('unmarked gaps', MILLION - told);
      expect(told).toBe(MILLION);
      await server.close(conn);
    },
  );

  // by moving all that is left for each one that is taken this would take minutes
  it(
    'and a buffer for all of them: each comes, and it is emptied in a moment',
    { timeout: 180_000 },
    async () => {
      const { server, conn, stream, send } = await streaming(MILLION);
      for (let i = 0; i < MILLION / CHUNK; i++) await send();
      injected('reader slower than a million events');
      let told = 0;
      for await (const item of stream) {
        if (item.type !== 'NodeDataChanged' || item.zxid !== BigInt(told + 1)) break;
        if (++told === MILLION) break;
      }
      checked('unmarked gaps', MILLION - told);
      expect(told).toBe(MILLION);
      // whoever has left takes his watch along
      expect(await stream.next()).toEqual({ done: true, value: undefined });
      await settle();
      const left = server.link.takeOne();
      expect(left.op.name).toBe('removeWatches');
      await server.link.answer(left, { err: 0 });
      await server.close(conn);
    },
  );

  it('and a reader of values who is slow: no read but for him', { timeout: 180_000 }, async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const stream = conn.watchData('/a');
    let reads = 0;
    for (let i = 0; i < 1000; i++) {
      const next = stream.next();
      await settle();
      for (const seen of server.link.take()) {
        reads++;
        await server.link.answer(seen, { data: null, stat: { ...STAT, mzxid: BigInt(i + 1) } });
      }
      expect((await next).value?.stat.mzxid).toBe(BigInt(i + 1));
      // a thousand changes before he looks again; only the first one finds a watch
      if (i % 100 === 0) await server.link.send(...Array.from({ length: 1000 }, () => notification(3, '/a')));
      else await server.link.send(notification(3, '/a'));
    }
    expect(reads).toBe(1000);
    stream.close();
    await server.close(conn);
  });
});

describe('a reader who throws', () => {
  it('is alone in that: listeners, loops and calls of others go on', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = [conn.addWatch('/a', 'PERSISTENT'), conn.addWatch('/a', 'PERSISTENT')];
    await settle();
    for (const seen of server.link.take()) await server.link.answer(seen, { err: 0 });
    const [bad, good] = await Promise.all(adding);
    let heard = 0;
    const uncaught = await catchingUncaught(async () => {
      conn.on('watch', () => {
        throw new Error('listener');
      });
      conn.on('watch', () => {
        heard++;
      });
      const thrown = (async () => {
        for await (const _ of bad!) throw new Error('body');
      })().catch((error: unknown) => (error as Error).message);
      for (let i = 1; i <= 100; i++) {
        await server.link.send(notification(3, '/a', BigInt(i)));
        injected('listener throws');
        expect((await good!.next()).value).toMatchObject({ zxid: BigInt(i) });
      }
      expect(await thrown).toBe('body');
      expect(heard).toBe(100);
      const read = conn.sync('/a');
      await settle();
      await server.link.answer(server.link.takeOne(), { path: '/a' });
      expect(await read).toBe('/a');
    });
    // each is the process's own to hear of, and none is lost
    expect(uncaught.map((error) => (error as Error).message)).toEqual(
      Array.from({ length: 100 }, () => 'listener'),
    );
    await server.close(conn);
  });
});
