/** What becomes of the watches of a Conn when it takes them off the server by type. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../../src/index.js';
import {
  InvalidArgumentError,
  MarshallingError,
  NoWatcherError,
  UnsupportedError,
  WatchClosedError,
} from '../../../src/protocol/errors.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { MiniServer } from '../../../src/testing.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

describe('removeWatches, on a mini-server', () => {
  let server: MiniServer;
  let conn: Conn;

  beforeEach(async () => {
    server = await MiniServer.start();
    conn = await connect(server.connectString);
    await conn.create('/app');
    await conn.close();
    conn = await connect(`${server.connectString}/app`);
    await conn.create('/a');
  });

  afterEach(async () => {
    await conn.close();
    await server.close();
  });

  it('ends the watches of the type, and leaves the others, under a chroot', async () => {
    const data = await conn.getW('/a');
    const exists = await conn.existsW('/a');
    const children = await conn.childrenW('/a');
    await conn.removeWatches('/a', 'Data');
    const error = await rejectionOf(data.watch.event);
    expect(error).toBeInstanceOf(WatchClosedError);
    expect(error).toMatchObject({ path: '/a' });
    expect(await exists.watch.next()).toEqual({ value: undefined, done: true });
    expect(await conn.checkWatches('/a', 'Data')).toBe(false);
    expect(server.watchCount('/app/a')).toBe(1);
    await conn.create('/a/b');
    expect(await children.watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/a' });
  });

  it('of Any ends all, streams of values too', async () => {
    const values = conn.watchData('/a');
    await values.next();
    const streams = [
      await conn.addWatch('/a', 'PERSISTENT'),
      await conn.addWatch('/a', 'PERSISTENT_RECURSIVE'),
    ];
    const { watch } = await conn.childrenW('/a');
    await conn.removeWatches('/a', 'Any');
    for (const stream of [values, ...streams]) expect((await stream.next()).done).toBe(true);
    expect(await rejectionOf(watch.event)).toBeInstanceOf(WatchClosedError);
    expect(server.watchCount()).toBe(0);
  });

  it.each(['Data', 'Children'] as const)('of %s does not touch a persistent watch', async (type) => {
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    const { watch } = type === 'Data' ? await conn.getW('/a') : await conn.childrenW('/a');
    await conn.removeWatches('/a', type);
    expect(await rejectionOf(watch.event)).toBeInstanceOf(WatchClosedError);
    await conn.set('/a', 'x');
    await conn.create('/a/b');
    expect((await stream.next()).value).toMatchObject({ type: 'NodeDataChanged' });
    expect((await stream.next()).value).toMatchObject({ type: 'NodeChildrenChanged' });
    // there is none any more
    expect(await rejectionOf(conn.removeWatches('/a', type))).toBeInstanceOf(NoWatcherError);
    stream.close();
    await conn.exists('/a');
    expect(server.watchCount()).toBe(0);
  });

  it('of a persistent watch arms those anew for which it stood', async () => {
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    const recursive = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
    const { watch } = await conn.childrenW('/a');
    // one is on its way
    const late = conn.childrenW('/a');
    await conn.removeWatches('/a', 'Persistent');
    expect((await stream.next()).done).toBe(true);
    const underWay = conn.childrenW('/a');
    await conn.create('/a/b');
    for (const one of [watch, (await late).watch, (await underWay).watch]) {
      expect(await one.event).toMatchObject({ type: 'NodeChildrenChanged' });
    }
    expect((await recursive.next()).value).toMatchObject({ type: 'NodeCreated', path: '/a/b' });
  });

  it('asked for behind one another: those that were covered when they were asked for are armed all the same', async () => {
    const stream = await conn.addWatch('/a', 'PERSISTENT');
    const recursive = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
    const removed = conn.removeWatches('/a', 'Persistent');
    const covered = conn.childrenW('/a');
    await removed;
    const { watch } = await covered;
    await conn.exists('/a');
    await conn.create('/a/b');
    expect(await watch.event).toMatchObject({ type: 'NodeChildrenChanged' });
    expect((await stream.next()).done).toBe(true);
    recursive.close();
  });

  it('of nothing is an error', async () => {
    const error = await rejectionOf(conn.removeWatches('/a', 'Any'));
    expect(error).toBeInstanceOf(NoWatcherError);
    expect(error).toMatchObject({ op: 'removeWatches', path: '/a', outcome: 'rejected' });
  });
});

describe('removeWatches, on the wire', () => {
  const server = new ScriptedServer();
  let conn: Conn;

  beforeEach(async () => {
    conn = await server.connected();
    server.link.take();
  });

  afterEach(() => server.close(conn));

  async function names(): Promise<string[]> {
    await settle();
    return server.link.take().map(({ op }) => op.name);
  }

  it.each([
    ['Children', 1],
    ['Data', 2],
    ['Any', 3],
    ['Persistent', 4],
    ['PersistentRecursive', 5],
  ] as const)('sends the type %s as %i', async (type, code) => {
    const running = conn.removeWatches('/a', type);
    await settle();
    const seen = server.link.takeOne();
    expect([seen.op.name, seen.request]).toEqual(['removeWatches', { path: '/a', type: code }]);
    await server.link.answer(seen, {});
    await expect(running).resolves.toBeUndefined();
  });

  it('spares the server while a persistent watch is being armed', async () => {
    const adding = conn.addWatch('/a', 'PERSISTENT');
    const removing = rejectionOf(conn.removeWatches('/a', 'Data'));
    await settle();
    const [add, check] = server.link.take();
    expect([add?.op.name, check?.op.name]).toEqual(['addWatch', 'checkWatches']);
    await server.link.answer(add!, { err: 0 });
    // 3.8 takes the persistent watch for one
    await server.link.answer(check!, {});
    expect(await removing).toBeInstanceOf(NoWatcherError);
    (await adding).close();
    expect(await names()).toEqual(['removeWatches']);
  });

  it('ends the watches of ours also when the caller has given up', async () => {
    const adding = conn.addWatch('/a', 'PERSISTENT');
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    const abort = new AbortController();
    const removing = rejectionOf(conn.removeWatches('/a', 'Any', { signal: abort.signal }));
    await settle();
    const seen = server.link.takeOne();
    abort.abort(new Error('no more'));
    expect(await removing).toMatchObject({ message: 'no more' });
    await server.link.answer(seen, {});
    expect((await stream.next()).done).toBe(true);
    expect(await names()).toEqual([]);
  });

  it('that is refused ends nothing', async () => {
    const adding = conn.addWatch('/a', 'PERSISTENT');
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    for (const [type, error] of [
      ['Persistent', UnsupportedError],
      ['PersistentRecursive', UnsupportedError],
      ['Any', MarshallingError],
    ] as const) {
      const refused = rejectionOf(conn.removeWatches('/a', type));
      await settle();
      await server.link.refuse(server.link.takeOne(), Errno.Marshalling);
      expect(await refused).toBeInstanceOf(error);
      expect(await refused).toMatchObject({ op: 'removeWatches' });
    }
    stream.close();
    expect(await names()).toEqual(['removeWatches']);
  });

  it('of what the server does not have ends what is left of it here', async () => {
    const adding = conn.addWatch('/a', 'PERSISTENT');
    await settle();
    await server.link.answer(server.link.takeOne(), { err: 0 });
    const stream = await adding;
    const removing = conn.removeWatches('/a', 'Persistent');
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoWatcher);
    await removing;
    expect((await stream.next()).done).toBe(true);
  });

  it.each(['any', '', 3, undefined, 'toString'])('refuses the type %j', async (type) => {
    expect(await rejectionOf(conn.removeWatches('/a', type as 'Any'))).toBeInstanceOf(InvalidArgumentError);
    expect(await names()).toEqual([]);
  });
});
