/** One-shot watches through reconnects, in great numbers, and after the end of their Conn. */
import { describe, expect, it } from 'vitest';
import { Conn, op, type ConnOptions, type Watch, type WatchEvent } from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnClosedError, MarshallingError, WatchClosedError } from '../../src/protocol/errors.js';
import { operations } from '../../src/protocol/operations.js';
import { MiniServer } from '../../src/testing.js';
import { CoreWorld, STAT, dataBody, notification, replyFrame } from '../support/core-world.js';
import { CuttableDialer } from '../support/cuttable-dialer.js';
import { heapBytes } from '../support/heap.js';
import {
  ScriptedServer,
  answerFrame,
  catchingUncaught,
  rejectionOf,
  settle,
} from '../support/scripted-server.js';

interface Cuttable {
  readonly conn: Conn;
  readonly link: CuttableDialer;
  /** Cuts the connection and waits until the session goes on. */
  readonly reconnect: () => Promise<void>;
}

async function cuttable(server: MiniServer, options?: ConnOptions): Promise<Cuttable> {
  const link = new CuttableDialer();
  const conn = new Conn(server.connectString, {
    dialer: link.dial,
    backoff: { baseMs: 1, maxMs: 1 },
    ...options,
  });
  await conn.connect();
  const reconnect = async (): Promise<void> => {
    const back = new Promise<void>((resolve) => {
      const look = (state: string): void => {
        if (state !== 'RECONNECTED') return;
        conn.off('connection', look);
        resolve();
      };
      conn.on('connection', look);
    });
    link.cut();
    await back;
    // behind the watches that were armed again
    await conn.exists('/');
  };
  return { conn, link, reconnect };
}

/** Counts what each watch has to say. */
function count(watch: Watch): { readonly events: string[] } {
  const events: string[] = [];
  void (async () => {
    for await (const { type } of watch) events.push(type);
  })();
  return { events };
}

describe('watches of all kinds on the same path and on others', () => {
  it('outlive twenty reconnects, without a circle, and fire once each [C2]', async () => {
    const server = await MiniServer.start();
    const { conn, reconnect } = await cuttable(server);
    const lost: string[] = [];
    conn.on('connection', (state) => {
      if (state === 'SUSPENDED') lost.push(state);
    });
    for (const path of ['/same', '/data', '/exists', '/child']) await conn.create(path);
    const counts = [
      count((await conn.getW('/same')).watch),
      count((await conn.existsW('/same')).watch),
      count((await conn.childrenW('/same')).watch),
      count((await conn.getW('/data')).watch),
      count((await conn.existsW('/exists')).watch),
      count((await conn.existsW('/none')).watch),
      count((await conn.childrenW('/child')).watch),
    ];
    for (let i = 0; i < 20; i++) await reconnect();
    expect(lost).toHaveLength(20);
    expect(counts.flatMap(({ events }) => events)).toEqual([]);
    for (const path of ['/same', '/data', '/exists']) {
      await conn.set(path, 'new');
      await conn.set(path, 'newer');
    }
    await conn.create('/none');
    for (const path of ['/same', '/child']) {
      await conn.create(`${path}/a`);
      await conn.create(`${path}/b`);
    }
    await reconnect();
    expect(counts.map(({ events }) => events.join())).toEqual([
      'NodeDataChanged',
      'NodeDataChanged',
      'NodeChildrenChanged',
      'NodeDataChanged',
      'NodeDataChanged',
      'NodeCreated',
      'NodeChildrenChanged',
    ]);
    expect(server.watchCount()).toBe(0);
    await conn.close();
    await server.close();
  });
});

describe('a change while the connection was away', () => {
  it('is told once, by a server that was told what we have seen [C1]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const read = conn.getW('/a');
    await settle();
    await server.link.answer(server.link.takeOne(), { data: null, stat: STAT }, 0x77n);
    const { events } = count((await read).watch);
    await server.link.fail();
    await server.link.welcome();
    expect(server.dialed).toEqual(['a:1', 'b:1']);
    const again = server.link.takeOne();
    expect(again.request).toEqual({
      relativeZxid: 0x77n,
      dataWatches: ['/a'],
      existWatches: [],
      childWatches: [],
    });
    const missed = notification(3, '/a', -1n);
    await server.link.send(missed, answerFrame(again, {}));
    await server.link.send(missed);
    expect(events).toEqual(['NodeDataChanged']);
    await server.cutAndResume();
    expect(server.link.requests).toEqual([]);
    await server.close(conn);
  });
});

describe('watches that the server refuses to arm again', () => {
  it('end with its error, each of them, and are nowhere any more [C3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ maxRequestBytes: 200 });
    const paths = Array.from({ length: 10 }, (_, i) => `/${'p'.repeat(50)}${i}`);
    const reads = paths.map((path) => conn.existsW(path));
    await settle();
    for (const seen of server.link.take()) await server.link.refuse(seen, Errno.NoNode);
    const watches = (await Promise.all(reads)).map(({ watch }) => watch);
    const ends = watches.map((watch, i) => rejectionOf(i % 2 === 0 ? watch.event : watch.next()));
    await server.cutAndResume();
    const batches = server.link.take();
    const refused = new Set<string>();
    for (const [i, batch] of batches.entries()) {
      if (i % 2 === 1) {
        await server.link.answer(batch, {});
        continue;
      }
      for (const path of batch.request['existWatches'] as string[]) refused.add(path);
      await server.link.refuse(batch, Errno.Marshalling);
    }
    expect(refused.size).toBeGreaterThan(2);
    for (const [i, path] of paths.entries()) {
      if (refused.has(path)) expect(await ends[i]).toBeInstanceOf(MarshallingError);
    }
    // what is registered here is exactly what is armed there
    await server.cutAndResume();
    const armed = server.link.take().flatMap(({ request }) => request['existWatches'] as string[]);
    expect(armed).toEqual(paths.filter((path) => !refused.has(path)));
    await server.close(conn);
  });
});

describe('fifty thousand watches on long paths', () => {
  it(
    'are armed again in pieces of at most 128 KiB, and all of them fire [C4]',
    { timeout: 300_000 },
    async () => {
      const server = await MiniServer.start({ juteMaxBufferBytes: 0xfffff });
      /** Longest SetWatches that went out. */
      let longest = 0;
      let pieces = 0;
      const link = new CuttableDialer();
      const conn = new Conn(server.connectString, {
        backoff: { baseMs: 1, maxMs: 1 },
        sessionTimeoutMs: 60_000,
        dialer: (address, events) => {
          const inner = link.dial(address, events);
          return {
            destroy: () => inner.destroy(),
            write: (bytes) => {
              // a batch is a chunk, or begins one
              for (const length of framesOf(bytes, operations.setWatches.code)) {
                pieces++;
                longest = Math.max(longest, length);
              }
              return inner.write(bytes);
            },
          };
        },
      });
      await conn.connect();
      const paths = Array.from(
        { length: 50_000 },
        (_, i) => `/${'w'.repeat(193)}${String(i).padStart(6, '0')}`,
      );
      expect(paths[0]).toHaveLength(200);
      const heard = new Set<string>();
      const armed = await Promise.all(paths.map((path) => conn.existsW(path)));
      expect(server.watchCount()).toBe(50_000);
      const back = new Promise<void>((resolve) =>
        conn.on('connection', (state) => (state === 'RECONNECTED' ? resolve() : undefined)),
      );
      link.cut();
      await back;
      await conn.exists('/');
      expect(server.watchCount()).toBe(50_000);
      expect([conn.sessionEpoch, longest <= 128 * 1024]).toEqual([1, true]);
      expect(pieces).toBeGreaterThan((50_000 * 200) / (128 * 1024));
      for (const { watch } of armed) void watch.event.then(({ path }) => heard.add(path));
      for (let i = 0; i < paths.length; i += 1000) {
        await conn.multi(paths.slice(i, i + 1000).map((path) => op.create(path)));
      }
      await conn.exists('/');
      expect(heard.size).toBe(50_000);
      expect(server.watchCount()).toBe(0);
      await conn.close();
      await server.close();
    },
  );
});

/** Lengths of the frames of one operation in a chunk that begins with a frame. */
function* framesOf(bytes: Uint8Array, code: number): Generator<number> {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 12 <= chunk.length; at += 4 + chunk.readInt32BE(at)) {
    if (chunk.readInt32BE(at + 8) === code) yield 4 + chunk.readInt32BE(at);
  }
}

describe('a handler that is used again and again', () => {
  it(
    'hears of a change once, after fifty restarts and fifty failed reads [C7]',
    { timeout: 300_000 },
    async () => {
      const server = await MiniServer.start();
      const { conn, reconnect } = await cuttable(server, { sessionTimeoutMs: 20_000 });
      await conn.create('/there');
      const heard: WatchEvent[] = [];
      const handler = (event: WatchEvent): void => void heard.push(event);
      (await conn.getW('/there')).watch.event.then(handler, () => undefined);
      for (let i = 0; i < 50; i++) {
        await rejectionOf(conn.getW('/none'));
        await reconnect();
      }
      expect(server.watchCount()).toBe(1);
      await conn.create('/none');
      await conn.set('/there', 'x');
      await conn.set('/there', 'y');
      await conn.exists('/');
      expect(heard.map(({ type, path }) => `${type} ${path}`)).toEqual(['NodeDataChanged /there']);
      await conn.close();
      await server.close();
    },
  );
});

describe('watches of a Conn that is closed', () => {
  it('end: loops are over, events reject, and nothing is thrown at nobody [C16]', async () => {
    const caught = await catchingUncaught(async () => {
      const server = await MiniServer.start();
      const { conn } = await cuttable(server);
      const watches = (await Promise.all([1, 2, 3, 4].map((i) => conn.existsW(`/none${i}`)))).map(
        ({ watch }) => watch,
      );
      const [loop, waits, closed, ignored] = watches as [Watch, Watch, Watch, Watch];
      const iterated = (async () => {
        for await (const event of loop) return event;
        return 'over';
      })();
      const next = loop.next();
      const event = rejectionOf(waits.event);
      closed.close();
      void ignored.event;
      await conn.close();
      expect(await iterated).toBe('over');
      expect(await next).toEqual({ value: undefined, done: true });
      expect(await event).toBeInstanceOf(ConnClosedError);
      expect(await rejectionOf(closed.event)).toBeInstanceOf(WatchClosedError);
      for (const watch of watches) expect(await watch.next()).toEqual({ value: undefined, done: true });
      await server.close();
    });
    expect(caught).toEqual([]);
  });
});

describe('the order of events and data', () => {
  it('is that the event comes first, to promises and loops alike, in one chunk and across two [C17]', async () => {
    for (const together of [true, false]) {
      const server = new ScriptedServer();
      const conn = await server.connected();
      const order: string[] = [];
      const reads = [conn.getW('/a'), conn.getW('/a')];
      await settle();
      const [one, two] = server.link.take();
      await server.link.send(...[one, two].map((seen) => answerFrame(seen!, { data: null, stat: STAT })));
      const [first, second] = (await Promise.all(reads)).map(({ watch }) => watch);
      void first!.event.then(() => order.push('promise'));
      void (async () => {
        for await (const event of second!) order.push(`loop ${event.type}`);
      })();
      const newer = conn.get('/a').then(() => order.push('data'));
      await settle();
      const event = notification(3, '/a', 9n);
      const reply = answerFrame(server.link.takeOne(), { data: Buffer.from('new'), stat: STAT }, 9n);
      if (together) await server.link.send(event, reply);
      else {
        await server.link.send(event);
        await server.link.send(reply);
      }
      await newer;
      expect(order.indexOf('data'), order.join()).toBe(2);
      expect(order.sort()).toEqual(['data', 'loop NodeDataChanged', 'promise']);
      await server.close(conn);
    }
  });

  it('bears handlers that watch again from within the event: one call for each event, no circle [C17]', async () => {
    const server = await MiniServer.start();
    const { conn } = await cuttable(server);
    await conn.create('/a');
    let calls = 0;
    const again = async (): Promise<void> => {
      const { watch } = await conn.getW('/a');
      void watch.event.then(
        () => {
          calls++;
          return again();
        },
        () => undefined,
      );
    };
    await again();
    // synchronously from within the dispatch, too
    conn.on('watch', () => void conn.existsW('/b'));
    for (let i = 1; i <= 20; i++) {
      await conn.set('/a', String(i));
      await conn.exists('/');
      await conn.exists('/');
      expect(calls).toBe(i);
    }
    expect(server.watchCount('/a')).toBe(1);
    expect(server.watchCount('/b')).toBe(1);
    await conn.close();
    await server.close();
  });
});

/** A core that keeps no notes of what it did. */
class SilentWorld extends CoreWorld {
  override write(): boolean {
    return true;
  }
  override emit(): void {
    this.settled.length = 0;
  }
}

describe('watches that were armed and have fired', () => {
  it(
    'leave nothing in the tables and nothing on the heap: a million rounds [D1]',
    { timeout: 300_000 },
    async () => {
      const w = new SilentWorld();
      w.goLive();
      let fired = 0;
      const nothing = (): void => undefined;
      const watcher = {
        armed: nothing,
        fired: () => void (fired += 1),
        ended: nothing,
        suspended: nothing,
        missed: nothing,
      };
      // what the server says is made once for each of ten thousand paths; only the xid is another one each time
      const answers = Array.from({ length: 10_000 }, (_, i) => {
        const missing = i % 2 === 0;
        const reply = missing ? replyFrame(0, { err: Errno.NoNode }) : replyFrame(0, { body: dataBody });
        return Buffer.concat([reply, notification(missing ? 1 : 2, `/n${i}`)]);
      });
      const rounds = (from: number, to: number): void => {
        for (let i = from; i < to; i++) {
          const n = i % answers.length;
          const request = { path: `/n${n}`, watch: true };
          if (n % 2 === 0) w.submit(operations.exists, request, { ...watcher }, Errno.NoNode);
          else w.submit(operations.getData, request, { ...watcher });
          w.flush();
          const answer = answers[n]!;
          answer.writeInt32BE(i + 1, 4);
          w.receive(answer);
        }
      };
      rounds(0, 10_000);
      const before = await heapBytes();
      rounds(10_000, 1_000_000);
      expect(fired).toBe(1_000_000);
      expect(w.core.watches.size).toBe(0);
      expect((await heapBytes()) - before).toBeLessThan(500_000);
    },
  );

  it(
    'are gone on both sides: create, watch, delete, five thousand times [D1]',
    { timeout: 300_000 },
    async () => {
      const server = await MiniServer.start();
      const { conn, reconnect } = await cuttable(server);
      let deleted = 0;
      for (let i = 0; i < 5000; i++) {
        await conn.create(`/n${i}`);
        const { watch } = await conn.existsW(`/n${i}`);
        await conn.delete(`/n${i}`);
        if ((await watch.event).type === 'NodeDeleted') deleted++;
      }
      expect(deleted).toBe(5000);
      expect(server.watchCount()).toBe(0);
      // whatever were left here would be armed again, and told at once that its node is gone
      const told: WatchEvent[] = [];
      conn.on('watch', (event) => void told.push(event));
      await reconnect();
      expect([told.length, server.watchCount()]).toEqual([0, 0]);
      await conn.close();
      await server.close();
    },
  );
});
