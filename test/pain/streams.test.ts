/** Streams of values and events through every kind of trouble, and what is left of them on both sides. */
import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  SessionExpiredError,
  UnsupportedError,
  connect,
  type Conn,
  type GetResult,
  type Watch,
  type WatchItem,
  type WatchStream,
} from '../../src/index.js';
import { operations } from '../../src/protocol/operations.js';
import { MiniServer } from '../../src/testing.js';
import { STAT, notification } from '../support/core-world.js';
import { cuttableConn, nextState } from '../support/cuttable-conn.js';
import { heapBytes } from '../support/heap.js';
import { ScriptedServer, rejectionOf, settle } from '../support/scripted-server.js';

let server: MiniServer;
let admin: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  admin = await connect(server.connectString);
});

afterEach(async () => {
  await admin.close();
  await server.close();
});

/** The answer to addWatch. */
const ARMED = { err: 0 };

/** `type path`, or the type alone. */
const word = (item: WatchItem): string => ('path' in item ? `${item.type} ${item.path}` : item.type);

async function take(stream: WatchStream, count: number): Promise<string[]> {
  const words: string[] = [];
  while (words.length < count) {
    const { value, done } = await stream.next();
    if (done === true) break;
    words.push(word(value));
  }
  return words;
}

describe('a node that is followed through random trouble', () => {
  it(
    'is seen in its final state, never goes back in time, and is never taken for gone [C6] [C13]',
    { timeout: 300_000 },
    async () => {
      const { conn, link } = await cuttableConn(server, { sessionTimeoutMs: 20_000 });
      let state = 1;
      const random = (below: number): number => (state = (state * 48_271) % 0x7fffffff) % below;
      await admin.create('/a', '0');
      const seen: (GetResult | null)[] = [];
      let last = '';
      let caughtUp: () => void = () => undefined;
      let wanted = '';
      const following = (async () => {
        for await (const value of conn.watchData('/a')) {
          seen.push(value);
          last = value === null ? 'gone' : String(value.data);
          if (last === wanted) caughtUp();
          if (last === 'end') break;
        }
      })();
      const node = { there: true };
      const write = async (data: string): Promise<void> => {
        await (node.there ? admin.set('/a', data) : admin.create('/a', data));
        node.there = true;
      };
      for (let i = 1; i <= 400; i++) {
        const what = random(10);
        if (what < 5) await write(String(i));
        else if (what < 7 && node.there) await admin.delete('/a').then(() => (node.there = false));
        else if (what < 9) link.cut();
        for (let turns = random(8); turns > 0; turns--) await admin.exists('/');
        if (i % 10 > 0) continue;
        // whatever has happened, the newest state is seen, and then the session may go too
        wanted = `mark ${i}`;
        const seenMark = new Promise<void>((resolve) => (caughtUp = resolve));
        await write(wanted);
        await seenMark;
        if (i % 30 === 0) expect(server.expireSession(conn.sessionId)).toBe(true);
      }
      await write('end');
      await following;
      expect(last).toBe('end');
      expect(conn.sessionEpoch).toBe(1 + 13);
      const zxids = seen.flatMap((value) => (value === null ? [] : [value.stat.mzxid]));
      expect(zxids.length).toBeGreaterThan(40);
      expect(zxids).toEqual([...zxids].sort((a, b) => (a < b ? -1 : Number(a > b))));
      expect(new Set(zxids).size).toBe(zxids.length);
      // never the same absence twice in a row
      expect(seen.some((value, i) => value === null && seen[i - 1] === null && i > 0)).toBe(false);
      await conn.close();
      expect(server.watchCount()).toBe(0);
    },
  );

  it('in a session that expires is followed into the next one only where that is wanted [C6]', async () => {
    const { conn } = await cuttableConn(server);
    await admin.create('/a', 'old');
    const loyal = conn.watchData('/a', { acrossSessions: false });
    const eternal = conn.watchData('/a');
    for (const stream of [loyal, eternal]) expect(String((await stream.next()).value?.data)).toBe('old');
    const ended = rejectionOf(loyal.next());
    const next = eternal.next();
    server.expireSession(conn.sessionId);
    await admin.set('/a', 'new');
    expect(await ended).toBeInstanceOf(SessionExpiredError);
    expect(String((await next).value?.data)).toBe('new');
    await conn.close();
  });
});

describe('watches that are given up', () => {
  it('a thousand of them, in any way: the count of the server returns to what it was [C8]', async () => {
    const { conn } = await cuttableConn(server);
    await admin.create('/kept');
    const kept = await conn.addWatch('/kept', 'PERSISTENT');
    const { watch: alsoKept } = await conn.getW('/kept');
    const before = server.watchCount();
    const controllers: AbortController[] = [];
    const steps: (() => unknown)[] = [];
    for (let i = 0; i < 250; i++) {
      const path = `/n${i}`;
      await admin.create(path);
      const controller = new AbortController();
      const { signal } = controller;
      controllers.push(controller);
      const persistent = await conn.addWatch(path, i % 2 === 0 ? 'PERSISTENT' : 'PERSISTENT_RECURSIVE', {
        signal,
      });
      const data = conn.watchData(path);
      const children = conn.watchChildren(path);
      await Promise.all([data.next(), children.next()]);
      const { watch } = await conn.existsW(`${path}/none`);
      steps.push(
        () => controller.abort(),
        () => data.return(),
        () => children[Symbol.asyncDispose](),
        () => watch.close(),
      );
      expect(persistent.path).toBe(path);
    }
    // one that is persistent serves the streams of its node too
    expect(server.watchCount()).toBeGreaterThanOrEqual(before + 500);
    for (const step of steps) await step();
    while (server.watchCount() > before) await conn.exists('/');
    expect(server.watchCount()).toBe(before);
    await admin.set('/kept', 'x');
    expect(await take(kept, 1)).toEqual(['NodeDataChanged /kept']);
    expect((await alsoKept.event).type).toBe('NodeDataChanged');
    for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toEqual([]);
    await conn.close();
  });

  it('shared by two are taken off the wire when the second one leaves, and not before [C9]', async () => {
    const scripted = new ScriptedServer();
    const conn = await scripted.connected();
    const adding = [conn.addWatch('/a', 'PERSISTENT'), conn.addWatch('/a', 'PERSISTENT')];
    await settle();
    for (const seen of scripted.link.take()) await scripted.link.answer(seen, ARMED);
    const [one, two] = await Promise.all(adding);
    one!.close();
    await settle();
    expect(scripted.link.take()).toEqual([]);
    await scripted.link.send(notification(3, '/a'));
    expect(await take(two!, 1)).toEqual(['NodeDataChanged /a']);
    two!.close();
    await settle();
    const removals = scripted.link.take().map(({ op, request }) => [op.name, request['path']]);
    expect(removals).toEqual([['removeWatches', '/a']]);
    await scripted.close(conn);
  });

  it('of one kind leave those of every other kind on the path alone [C9] [C10]', async () => {
    const { conn } = await cuttableConn(server);
    await admin.create('/a');
    const kinds = {
      data: async () => (await conn.getW('/a')).watch,
      exists: async () => (await conn.existsW('/a')).watch,
      child: async () => (await conn.childrenW('/a')).watch,
      persistent: () => conn.addWatch('/a', 'PERSISTENT'),
      recursive: () => conn.addWatch('/a', 'PERSISTENT_RECURSIVE'),
    };
    const expected: Record<keyof typeof kinds, string> = {
      data: 'NodeDataChanged /a',
      exists: 'NodeDataChanged /a',
      child: 'NodeChildrenChanged /a',
      persistent: 'NodeDataChanged /a,NodeChildrenChanged /a',
      recursive: 'NodeDataChanged /a,NodeCreated /a/b',
    };
    // all together, and each two alone
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    const rounds = names.flatMap((leaver) => [
      { leaver, stay: names.filter((name) => name !== leaver) },
      ...names.filter((name) => name !== leaver).map((name) => ({ leaver, stay: [name] })),
    ]);
    expect(rounds).toHaveLength(5 * 5);
    for (const { leaver, stay } of rounds) {
      const staying = new Map<keyof typeof kinds, Watch | WatchStream>();
      for (const kind of stay) staying.set(kind, await kinds[kind]());
      (await kinds[leaver]()).close();
      await conn.exists('/');
      await conn.exists('/');
      await admin.set('/a', leaver);
      await admin.create('/a/b');
      for (const [kind, watch] of staying) {
        const heard: string[] = [];
        for (const _ of expected[kind].split(',')) heard.push(word((await watch.next()).value as WatchItem));
        expect(`${leaver} left ${kind}: ${heard.join()}`).toBe(`${leaver} left ${kind}: ${expected[kind]}`);
        watch.close();
      }
      await admin.delete('/a/b');
    }
    await conn.close();
  });
});

describe('a persistent watch', () => {
  it('is armed again by setWatches2, in whose absence setWatches is used, and is known to the server [B3] [C11]', async () => {
    const scripted = new ScriptedServer();
    const conn = await scripted.connected();
    const adding = conn.addWatch('/p', 'PERSISTENT_RECURSIVE');
    await settle();
    await scripted.link.answer(scripted.link.takeOne(), ARMED);
    const stream = await adding;
    const read = conn.existsW('/e');
    await settle();
    await scripted.link.refuse(scripted.link.takeOne(), -101);
    await read;
    await scripted.cutAndResume();
    const again = scripted.link.takeOne();
    expect([
      again.op.code,
      again.request['persistentRecursiveWatches'],
      again.request['existWatches'],
    ]).toEqual([105, ['/p'], ['/e']]);
    await scripted.link.answer(again, {});
    await scripted.link.send(notification(1, '/p/q'));
    expect(await take(stream, 2)).toEqual(['gap', 'NodeCreated /p/q']);
    stream.close();
    await scripted.clock.advance(1000);
    await scripted.cutAndResume();
    expect(scripted.link.take().map(({ op }) => op.code)).toEqual([101]);
    await scripted.close(conn);
  });

  it('is refused with the version that it needs by a server that is too old, once [B3] [C11]', async () => {
    for (const unknownOperations of ['answer', 'hangUp'] as const) {
      const old = await MiniServer.start({ version: '3.5.9', unknownOperations });
      const conn = await connect(old.connectString, { backoff: { baseMs: 1, maxMs: 1 } });
      const error = await rejectionOf(conn.addWatch('/a', 'PERSISTENT'));
      if (unknownOperations === 'answer') {
        expect(error).toBeInstanceOf(UnsupportedError);
        expect(error).toMatchObject({ since: '3.6' });
      }
      expect(error).toMatchObject({ op: 'addWatch', path: '/a' });
      expect(await conn.exists('/')).not.toBeNull();
      expect(conn.sessionEpoch).toBe(1);
      await conn.close();
      await old.close();
    }
  });

  it('that must be armed again by a server that is too old ends, and the client does not run in circles [B3]', async () => {
    const scripted = new ScriptedServer();
    const conn = await scripted.connected({}, 'a:1');
    const adding = conn.addWatch('/p', 'PERSISTENT');
    await settle();
    await scripted.link.answer(scripted.link.takeOne(), ARMED);
    const stream = await adding;
    const end = rejectionOf(
      (async () => {
        for await (const _ of stream) {
          // until it ends
        }
      })(),
    );
    let circles = 0;
    // resumes the session, and hangs up on what it does not know
    scripted.onDial = async (link) => {
      await link.welcome();
      if (link.requests.some(({ op }) => op.code === operations.setWatches2.code)) {
        circles++;
        await link.end();
      }
    };
    await scripted.link.fail();
    // time stands still while a server answers
    for (let i = 0; i < 200; i++) {
      await scripted.clock.advance(100);
      for (let turns = 0; turns < 6; turns++) await settle();
    }
    expect(circles).toBe(5);
    expect(await end).toMatchObject({ op: 'setWatches2' });
    expect(conn.state).toBe('SyncConnected');
    await scripted.close(conn);
  });

  it('tells of the isolation if asked to, and of the gap before any event behind it; a read then misses nothing [C5] [C12]', async () => {
    const { conn, link } = await cuttableConn(server);
    await admin.create('/a', 'old');
    const stream = await conn.addWatch('/a', 'PERSISTENT', { suspensions: true });
    for (let i = 0; i < 5; i++) {
      const suspended = nextState(conn, 'SUSPENDED');
      link.hold();
      link.cut();
      await suspended;
      // known at once, while nothing comes from any server
      expect(await take(stream, 1)).toEqual(['suspended']);
      await admin.set('/a', `missed ${i}`);
      const back = nextState(conn, 'RECONNECTED');
      link.release();
      await back;
      await conn.exists('/');
      await admin.set('/a', `seen ${i}`);
      expect(await take(stream, 1)).toEqual(['gap']);
      expect(String((await conn.get('/a')).data)).toBe(`seen ${i}`);
      expect(await take(stream, 1)).toEqual(['NodeDataChanged /a']);
    }
    await conn.close();
  });
});

describe('a stream that nobody reads', () => {
  it(
    'keeps no more than its buffer while a million events come, and says that it dropped the others [E12]',
    { timeout: 300_000 },
    async () => {
      const scripted = new ScriptedServer();
      const conn = await scripted.connected({ maxResponseBytes: 1 << 26 });
      const adding = conn.addWatch('/a', 'PERSISTENT');
      const reading = conn.watchData('/a');
      const first = reading.next();
      await settle();
      for (const seen of scripted.link.take()) {
        await scripted.link.answer(seen, seen.op.name === 'addWatch' ? ARMED : { data: null, stat: STAT });
      }
      const stream = await adding;
      await first;
      const chunk = Buffer.concat(Array.from({ length: 10_000 }, () => notification(3, '/a')));
      await scripted.link.send(chunk);
      const before = await heapBytes();
      for (let i = 1; i < 100; i++) await scripted.link.send(chunk);
      expect((await heapBytes()) - before).toBeLessThan(1_000_000);
      // the stream of values has asked for nothing that nobody wanted to see
      expect(scripted.link.take()).toEqual([]);
      const items: WatchItem[] = [];
      for (let i = 0; i < 1025; i++) items.push((await stream.next()).value as WatchItem);
      expect(items.slice(0, 1024).every(({ type }) => type === 'NodeDataChanged')).toBe(true);
      expect(items[1024]).toEqual({ type: 'overflow', dropped: 1_000_000 - 1024 });
      stream.close();
      reading.close();
      await scripted.close(conn);
    },
  );
});

describe('a wait that is given up', () => {
  it(
    'a hundred thousand times leaves no watch on either side, nor on the heap [D2]',
    { timeout: 300_000 },
    async () => {
      const { conn, reconnect } = await cuttableConn(server);
      const rounds = async (count: number): Promise<void> => {
        for (let round = 0; round < count; round++) {
          const waits = Array.from({ length: 1000 }, async (_, i) => {
            const { watch } = await conn.existsW(`/never${i}`);
            const ended = rejectionOf(watch.event);
            watch.close();
            await ended;
          });
          await Promise.all(waits);
        }
      };
      await rounds(2);
      const before = await heapBytes();
      await rounds(98);
      expect((await heapBytes()) - before).toBeLessThan(1_000_000);
      while (server.watchCount() > 0) await conn.exists('/');
      await reconnect();
      expect(server.watchCount()).toBe(0);
      await conn.close();
    },
  );

  it(
    'by its signal, in the middle of a stream, leaves none either: ten thousand times [D2]',
    { timeout: 300_000 },
    async () => {
      const { conn, reconnect } = await cuttableConn(server);
      for (let round = 0; round < 100; round++) {
        const { signal, abort } = abortable();
        const streams = Array.from({ length: 100 }, (_, i) => conn.watchData(`/never${i % 7}`, { signal }));
        const first = await Promise.all(streams.map((stream) => stream.next()));
        expect(first[99]).toEqual({ value: null, done: false });
        const waits = streams.map((stream) => rejectionOf(stream.next()));
        abort();
        await Promise.all(waits);
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      }
      while (server.watchCount() > 0) await conn.exists('/');
      await reconnect();
      expect(server.watchCount()).toBe(0);
      await conn.close();
    },
  );
});

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error('time is up')) };
}

describe('an abort', () => {
  it.each(['watchData', 'watchChildren', 'addWatch'] as const)(
    'ends a wait of %s in the same turn; one that came before asks the server for nothing [E11]',
    async (kind) => {
      const scripted = new ScriptedServer();
      const conn = await scripted.connected();
      const reason = new Error('enough');
      const controller = new AbortController();
      const { signal } = controller;
      const outcome: unknown[] = [];
      const note = (error: unknown): void => void outcome.push(error);
      if (kind === 'addWatch') {
        const adding = conn.addWatch('/b', 'PERSISTENT', { signal });
        await settle();
        await scripted.link.answer(scripted.link.takeOne(), ARMED);
        (await adding).next().catch(note);
      } else {
        conn[kind]('/b', { signal }).next().catch(note);
        await settle();
        expect(scripted.link.take()).toHaveLength(1);
      }
      controller.abort(reason);
      for (let i = 0; i < 10; i++) await Promise.resolve();
      expect(outcome).toEqual([reason]);
      await settle();
      scripted.link.take();
      const already = AbortSignal.abort(reason);
      const begun = async (): Promise<unknown> =>
        kind === 'addWatch'
          ? conn.addWatch('/c', 'PERSISTENT', { signal: already })
          : conn[kind]('/c', { signal: already }).next();
      expect(await rejectionOf(begun())).toBe(reason);
      await settle();
      expect(scripted.link.take()).toEqual([]);
      await scripted.close(conn);
    },
  );
});
