/** Watches as a Conn gives them, and the promise that an event is heard before the data that it is about. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import type { Watch } from '../../../src/client/watch.js';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnClosedError, SessionExpiredError } from '../../../src/protocol/errors.js';
import type { WatchEvent } from '../../../src/session/watches.js';
import { dataBody, notification, replyFrame, STAT } from '../../support/core-world.js';
import {
  answerFrame,
  catchingUncaught,
  rejectionOf,
  ScriptedServer,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';
import { all, DATA } from './values.js';

const changed = (path = '/a', zxid = 9n): Buffer => notification(EventTypeCode.NodeDataChanged, path, zxid);

describe('on a Conn', () => {
  const server = new ScriptedServer();
  let conn: Conn;

  beforeEach(async () => {
    conn = await server.connected();
  });

  afterEach(async () => {
    await server.close(conn);
  });

  /** A watch on `/a`, with the data. */
  async function watched(path = '/a'): Promise<Watch> {
    const getting = conn.getW(path);
    await settle();
    await server.link.answer(server.link.takeOne(), DATA);
    return (await getting).watch;
  }

  it.each([
    ['getW', (c: Conn) => c.getW('/a'), DATA, EventTypeCode.NodeDataChanged],
    ['existsW', (c: Conn) => c.existsW('/a'), { stat: STAT }, EventTypeCode.NodeDeleted],
    [
      'childrenW',
      (c: Conn) => c.childrenW('/a'),
      { children: ['x'], stat: STAT },
      EventTypeCode.NodeChildrenChanged,
    ],
  ])('%s asks for a watch and gives it', async (_, call, response, type) => {
    const calling = call(conn);
    await settle();
    const seen = server.link.takeOne();
    expect(seen.request).toEqual({ path: '/a', watch: true });
    await server.link.answer(seen, response);
    const { watch, ...rest } = await calling;
    expect(rest).toEqual(response);
    const loop = all(watch);
    await server.link.send(notification(type, '/a'));
    expect((await loop).map(({ path }) => path)).toEqual(['/a']);
  });

  it('existsW waits for the creation of a node that there is not', async () => {
    const calling = conn.existsW('/a');
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    const { stat, watch } = await calling;
    expect(stat).toBeNull();
    await server.link.send(notification(EventTypeCode.NodeCreated, '/a'));
    expect(await watch.event).toMatchObject({ type: 'NodeCreated' });
  });

  it.each(['getW', 'childrenW'] as const)('%s arms nothing when it rejects', async (method) => {
    const rejected = rejectionOf(conn[method]('/a'));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    await rejected;
    await server.cutAndResume();
    expect(server.link.take()).toEqual([]);
  });

  it('a watch that is closed is not armed again', async () => {
    const watch = await watched();
    const other = await watched('/b');
    watch.close();
    await server.cutAndResume();
    const again = server.link.takeOne();
    expect([again.op.name, again.request['dataWatches']]).toEqual(['setWatches', ['/b']]);
    await server.link.send(changed('/b'));
    expect(await other.event).toMatchObject({ path: '/b' });
  });

  it('that is cut goes on, and hears what it has missed', async () => {
    const watch = await watched();
    const outcome = watchOutcome(watch.event);
    await server.cutAndResume();
    expect(outcome.current).toBeUndefined();
    expect(server.link.takeOne().request).toMatchObject({ dataWatches: ['/a'], relativeZxid: 1n });
    await server.link.send(changed('/a', -1n));
    expect(await watch.event).toEqual({ type: 'NodeDataChanged', path: '/a', zxid: undefined });
  });

  it('that the server refuses to arm again ends with its error', async () => {
    const watch = await watched();
    await server.cutAndResume();
    await server.link.refuse(server.link.takeOne(), Errno.NoAuth);
    expect(await rejectionOf(watch.next())).toMatchObject({ code: 'ZK_NO_AUTH' });
  });

  it('that expires ends every watch with an error that nobody has to handle', async () => {
    const [first, second, third] = [await watched('/a'), await watched('/b'), await watched('/c')];
    const caught = await catchingUncaught(async () => {
      const loop = rejectionOf(all(first));
      void second.event;
      await server.cutAndResume({ sessionId: 0n, timeOut: 0 });
      expect(await loop).toMatchObject({ code: 'ZK_SESSION_EXPIRED' });
    });
    expect(caught).toEqual([]);
    expect(await rejectionOf(third.event)).toBeInstanceOf(SessionExpiredError);
    await server.link.welcome({ sessionId: 0xdefn });
    expect(server.link.take()).toEqual([]);
  });

  it('that is closed ends every loop', async () => {
    const [first, second] = [await watched('/a'), await watched('/b')];
    const loop = all(first);
    await server.close(conn);
    expect(await loop).toEqual([]);
    expect(await rejectionOf(second.event)).toBeInstanceOf(ConnClosedError);
    expect(await all(second)).toEqual([]);
  });

  it('that is closed ends a getW that is under way, and nothing is unhandled', async () => {
    const caught = await catchingUncaught(async () => {
      const getting = rejectionOf(conn.getW('/a'));
      await server.link.fail();
      expect(await getting).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
      await server.close(conn);
    });
    expect(caught).toEqual([]);
  });

  it('gives a getW that was answered while it closes, with a watch that ends', async () => {
    const getting = conn.getW('/a');
    await settle();
    const closing = conn.close();
    await settle();
    const [get, close] = server.link.take();
    await server.link.send(answerFrame(get!, DATA), answerFrame(close!, {}));
    const { watch } = await getting;
    expect(await all(watch)).toEqual([]);
    expect(await closing).toEqual({ confirmed: true });
  });

  it('a watch whose call has timed out is not registered by the late answer', async () => {
    await server.close(conn);
    conn = await server.connected({ requestTimeoutMs: 10 });
    const getting = rejectionOf(conn.getW('/a'));
    await settle();
    const seen = server.link.takeOne();
    await server.clock.advance(10);
    expect(await getting).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT', outcome: 'unknown' });
    await server.link.answer(seen, DATA);
    await server.cutAndResume();
    expect(server.link.take()).toEqual([]);
  });

  it('under a chroot watches and shows the right paths', async () => {
    await server.close(conn);
    conn = await server.connected({ chroot: '/app' });
    const heard: string[] = [];
    conn.on('watch', ({ path }) => void heard.push(path));
    const getting = conn.getW('/');
    await settle();
    const seen = server.link.takeOne();
    expect(seen.request['path']).toBe('/app');
    await server.link.answer(seen, DATA);
    const { watch } = await getting;
    await server.link.send(changed('/app'), changed('/app/x'), changed('/apple'));
    expect([watch.path, (await watch.event).path]).toEqual(['/', '/']);
    expect(heard).toEqual(['/', '/x', '/apple']);
  });

  // -------------------------------------------------------------- the order

  describe('the event comes before the data', () => {
    const heard: string[] = [];

    /** Both directly awaited, and both in one chunk. */
    async function race(listen: (watch: Watch) => Promise<unknown> | undefined): Promise<string[]> {
      heard.length = 0;
      const watch = await watched();
      const listening = listen(watch);
      const reading = (async () => {
        await conn.get('/a');
        heard.push('data');
      })();
      await settle();
      const get = server.link.takeOne();
      await server.link.send(changed(), answerFrame(get, DATA, 9n));
      await Promise.all([listening, reading]);
      return heard;
    }

    it('for a loop', async () => {
      const order = await race(async (watch) => {
        for await (const { type } of watch) heard.push(type);
      });
      expect(order).toEqual(['NodeDataChanged', 'data']);
    });

    it('for the promise', async () => {
      const order = await race(async (watch) => {
        heard.push((await watch.event).type);
      });
      expect(order).toEqual(['NodeDataChanged', 'data']);
    });

    it('for the promise with then', async () => {
      const order = await race((watch) => watch.event.then(({ type }) => void heard.push(type)));
      expect(order).toEqual(['NodeDataChanged', 'data']);
    });

    it('for the iterator', async () => {
      const order = await race(async (watch) => {
        const { value } = await watch.next();
        heard.push(value?.type ?? 'none');
      });
      expect(order).toEqual(['NodeDataChanged', 'data']);
    });

    it('for several at once', async () => {
      const order = await race(async (watch) => {
        const loop = (async () => {
          for await (const { type } of watch) heard.push(`loop ${type}`);
        })();
        heard.push(`promise ${(await watch.event).type}`);
        await loop;
      });
      expect([...order].sort()).toEqual(['data', 'loop NodeDataChanged', 'promise NodeDataChanged']);
      expect(order.at(-1)).toBe('data');
    });

    it('for a listener, before anybody else', async () => {
      const listener = ({ type }: WatchEvent): void => void heard.push(`listener ${type}`);
      conn.on('watch', listener);
      const order = await race(async (watch) => {
        heard.push((await watch.event).type);
      });
      conn.off('watch', listener);
      expect(order).toEqual(['listener NodeDataChanged', 'NodeDataChanged', 'data']);
    });

    it('where the two come in many small chunks', async () => {
      const watch = await watched();
      heard.length = 0;
      const both = [
        watch.event.then(({ type }) => heard.push(type)),
        conn.get('/a').then(() => heard.push('data')),
      ];
      await settle();
      const get = server.link.takeOne();
      await server.link.drip(Buffer.concat([changed(), answerFrame(get, DATA, 9n)]));
      await Promise.all(both);
      expect(heard).toEqual(['NodeDataChanged', 'data']);
    });

    it('where a change was missed while there was no connection', async () => {
      const watch = await watched();
      heard.length = 0;
      await server.link.fail();
      const both = [
        watch.event.then(({ type }) => heard.push(type)),
        conn.get('/a').then(() => heard.push('data')),
      ];
      await server.link.welcome();
      const [again, get] = server.link.take();
      expect([again?.op.name, get?.op.name]).toEqual(['setWatches', 'getData']);
      await server.link.send(changed('/a', -1n), answerFrame(again!, {}), answerFrame(get!, DATA, 9n));
      await Promise.all(both);
      expect(heard).toEqual(['NodeDataChanged', 'data']);
    });

    /** The answer that arms the watch, its event, and the answer that shows the change, all in one chunk. */
    async function allInOne(listen: (watch: Watch) => Promise<void>): Promise<string[]> {
      heard.length = 0;
      const watching = (async () => {
        const { watch } = await conn.getW('/a');
        heard.push('armed');
        await listen(watch);
      })();
      const reading = (async () => {
        await conn.get('/a');
        heard.push('data');
      })();
      await settle();
      const [getW, get] = server.link.take();
      await server.link.send(
        replyFrame(getW!.xid, { body: dataBody }),
        changed(),
        replyFrame(get!.xid, { zxid: 9n, body: dataBody }),
      );
      await Promise.all([watching, reading]);
      return heard;
    }

    const promise = async (watch: Watch): Promise<void> => {
      heard.push((await watch.event).type);
    };

    it('is not lost where the answer that arms the watch lies in the same chunk', async () => {
      expect([...(await allInOne(promise))].sort()).toEqual(['NodeDataChanged', 'armed', 'data']);
    });

    it('for a listener, where the answer that arms the watch lies in the same chunk', async () => {
      const listener = ({ type }: WatchEvent): void => void heard.push(`listener ${type}`);
      conn.on('watch', listener);
      const order = await allInOne(promise);
      conn.off('watch', listener);
      expect(order.indexOf('listener NodeDataChanged')).toBe(0);
    });

    it.each([
      ['the promise', promise],
      [
        'a loop',
        async (watch: Watch) => {
          for await (const { type } of watch) heard.push(type);
        },
      ],
      [
        'the iterator',
        async (watch: Watch) => {
          heard.push((await watch.next()).value?.type ?? 'none');
        },
      ],
    ])(
      'for %s that is asked for at once, where the answer that arms the watch lies in the same chunk',
      async (_, listen) => {
        expect(await allInOne(listen)).toEqual(['armed', 'NodeDataChanged', 'data']);
      },
    );

    /** Sends chunks in turns that follow each other at once, before anything else can run. */
    const rush = async (...chunks: Buffer[]): Promise<void> => {
      const { link } = server;
      await Promise.all(chunks.map((chunk) => link.send(chunk)));
    };

    it('and nothing is lost of what comes while it waits to be heard', async () => {
      heard.length = 0;
      const watching = (async () => {
        const { watch } = await conn.getW('/a');
        // some promises in a row between the event and its consumer
        heard.push((await Promise.resolve(watch.event.then((event) => event))).type);
      })();
      const reads = ['/1', '/2', '/3', '/4'].map(async (path) => {
        await conn.get(path);
        heard.push(path);
      });
      await settle();
      const [getW, ...gets] = server.link.take();
      const replies = gets.map((get) => replyFrame(get.xid, { zxid: 9n, body: dataBody }));
      await rush(
        Buffer.concat([
          replyFrame(getW!.xid, { body: dataBody }),
          changed(),
          replies[0]!,
          replies[1]!.subarray(0, 7),
        ]),
        replies[1]!.subarray(7, 30),
        Buffer.concat([replies[1]!.subarray(30), replies[2]!]),
        replies[3]!,
      );
      await Promise.all([watching, ...reads]);
      expect(heard).toEqual(['NodeDataChanged', '/1', '/2', '/3', '/4']);
      expect(conn.state).toBe('SyncConnected');
    });

    it.each(['end', 'fail'] as const)('and what came before the %s of the connection counts', async (how) => {
      const getting = conn.getW('/a');
      const reading = conn.get('/a');
      await settle();
      const [getW, get] = server.link.take();
      const { link } = server;
      const chunk = Buffer.concat([
        replyFrame(getW!.xid, { body: dataBody }),
        changed(),
        replyFrame(get!.xid, { zxid: 9n, body: dataBody }),
      ]);
      await Promise.all([link.send(chunk), how === 'end' ? link.end() : link.fail()]);
      expect((await (await getting).watch.event).type).toBe('NodeDataChanged');
      expect(await reading).toMatchObject({ data: Buffer.from('data') });
      expect(conn.lastZxid).toBe(9n);
    });

    it('and a close meanwhile is a close', async () => {
      const getting = conn.getW('/a');
      const reading = watchOutcome(conn.get('/a'));
      await settle();
      const [getW, get] = server.link.take();
      const closing = getting.then(() => conn.close());
      await server.link.send(
        replyFrame(getW!.xid, { body: dataBody }),
        changed(),
        replyFrame(get!.xid, { zxid: 9n, body: dataBody }),
      );
      expect(reading.current).toMatchObject({ value: { stat: STAT } });
      await server.link.answer(server.link.takeOne(), {});
      expect(await closing).toEqual({ confirmed: true });
    });
  });
});
