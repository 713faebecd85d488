import { AsyncLocalStorage } from 'node:async_hooks';
import { channel, subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TracedRequest, type RequestTrace } from '../../../src/net/traced-request.js';
import { operations } from '../../../src/protocol/operations.js';
import { PendingRequest } from '../../../src/session/pending.js';
import { Errno, op, type Conn } from '../../../src/index.js';
import { ChannelListener, tracingNames } from '../../support/channels.js';
import { STAT } from '../../support/core-world.js';
import { World } from '../../support/driver-world.js';
import { ScriptedServer, catchingUncaught, rejectionOf, settle } from '../../support/scripted-server.js';

const REQUEST = tracingNames('zk-conn:request');
const LATE = 'zk-conn:request:late';
const ERROR = 'tracing:zk-conn:request:error';
const ASYNC_END = 'tracing:zk-conn:request:asyncEnd';

const listenTo = (...names: string[]): ChannelListener<RequestTrace> => new ChannelListener(...names);

const short = (names: { readonly name: string }[]): string[] =>
  names.map(({ name }) => name.split(':').at(-1) as string);

const DATA = { data: Buffer.from('some data'), stat: STAT };

/** A server, and a Conn with a chroot and a session on it. */
async function start(options = {}): Promise<{ server: ScriptedServer; conn: Conn }> {
  const server = new ScriptedServer();
  const conn = await server.connected(options, 'a:1,b:1/app');
  return { server, conn };
}

describe('[M2] tracing of requests', () => {
  it('tells op, both paths, server, xid, bytes, duration and outcome of a call', async () => {
    const { server, conn } = await start();
    using listener = listenTo(...REQUEST);
    const reply = conn.get('/x');
    expect(short(listener.heard)).toEqual(['start', 'end']);
    const [begin] = listener.take();
    expect(begin?.message).toEqual({
      op: 'getData',
      path: '/x',
      serverPath: '/app/x',
      sessionId: '0xabc',
      server: 'a:1',
      xid: 0,
      requestBytes: 0,
      responseBytes: 0,
      durationMs: 0,
      outcome: undefined,
      error: undefined,
      late: undefined,
    });
    await settle();
    server.clock.jump(7);
    const seen = server.link.takeOne();
    await server.link.answer(seen, DATA);
    await reply;
    expect(short(listener.heard)).toEqual(['asyncStart', 'asyncEnd']);
    expect(listener.heard[1]?.message).toEqual({
      ...begin?.message,
      xid: seen.xid,
      // header, path, watch flag; reply header, data, Stat
      requestBytes: 8 + 4 + '/app/x'.length + 1,
      responseBytes: 16 + 4 + DATA.data.length + 68,
      durationMs: 7,
      outcome: 'ok',
    });
    expect(new Set(listener.objects).size).toBe(1);
    await server.close(conn);
  });

  it('tells errors: what the server says, what was never sent, what nobody knows', async () => {
    const { server, conn } = await start({ offlineQueue: false });
    using listener = listenTo(ERROR, ASYNC_END);
    const noNode = rejectionOf(conn.get('/x'));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    const lost = rejectionOf(conn.set('/x', 'y'));
    await settle();
    await server.link.fail(new Error('cut'));
    const unsent = rejectionOf(conn.delete('/x'));
    const errors = [await noNode, await lost, await unsent];
    expect(short(listener.heard)).toEqual(['error', 'asyncEnd', 'error', 'asyncEnd', 'error', 'asyncEnd']);
    const ends = listener.heard.filter(({ name }) => name === ASYNC_END).map(({ message }) => message);
    expect(ends.map(({ error }) => error)).toEqual(errors);
    expect(ends.map((end) => [end.op, end.outcome, end.server])).toEqual([
      ['getData', 'rejected', 'a:1'],
      ['setData', 'unknown', 'a:1'],
      ['delete', 'not-sent', undefined],
    ]);
    await conn.close();
  });

  it('counts what is a result as one: exists() of nothing', async () => {
    const { server, conn } = await start();
    using listener = listenTo(...REQUEST);
    const absent = conn.exists('/x');
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    expect(await absent).toBeNull();
    expect(short(listener.heard)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(listener.heard.at(-1)?.message).toMatchObject({ outcome: 'ok', error: undefined });
    await server.close(conn);
  });

  it('has no path where the operation has none', async () => {
    const { server, conn } = await start();
    using listener = listenTo(ASYNC_END);
    const done = conn.multi([op.check('/x', 1)]);
    await settle();
    await server.link.answer(server.link.takeOne(), {
      results: [{ errno: 0, op: operations.check, response: {} }],
    });
    await done;
    expect(listener.heard.at(-1)?.message).toMatchObject({
      op: 'multi',
      path: undefined,
      serverPath: undefined,
    });
    await server.close(conn);
  });

  it('tells of a call that waits for a connection when it is over', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({}, 'a:1');
    using listener = listenTo(...REQUEST);
    const reply = conn.get('/x');
    expect(listener.take()[0]?.message).toMatchObject({ sessionId: '0x0', server: undefined });
    void conn.connect();
    await settle();
    server.clock.jump(20);
    await server.link.welcome();
    await server.link.answer(server.link.takeOne(), DATA);
    await reply;
    expect(listener.heard.at(-1)?.message).toMatchObject({
      sessionId: '0xabc',
      server: 'a:1',
      durationMs: 20,
    });
    await server.close(conn);
  });

  it('announces the end before the caller goes on, and never inside the session', async () => {
    const { server, conn } = await start();
    const order: string[] = [];
    // closes the Conn in the middle of the announcements of a lost connection
    const onEnd = (message: unknown): void => {
      order.push(`end ${(message as RequestTrace).path ?? ''}`);
      void conn.close();
    };
    subscribe(ASYNC_END, onEnd);
    const calls = ['/1', '/2', '/3'].map((path) =>
      conn.get(path).catch(() => {
        order.push(`caller ${path}`);
      }),
    );
    await settle();
    await server.link.fail(new Error('cut'));
    await Promise.all(calls);
    unsubscribe(ASYNC_END, onEnd);
    expect(order).toEqual(['end /1', 'caller /1', 'end /2', 'caller /2', 'end /3', 'caller /3']);
    await conn.close();
  });

  it('publishes the real outcome of a call that had timed out when its reply comes', async () => {
    const { server, conn } = await start({ requestTimeoutMs: 50 });
    using listener = listenTo(ASYNC_END, LATE);
    const calls = ['/ok', '/refused'].map((path) => rejectionOf(conn.set(path, 'y')));
    await settle();
    await server.clock.advance(50);
    await Promise.all(calls);
    expect(listener.take().map(({ message: { path, outcome } }) => [path, outcome])).toEqual([
      ['/ok', 'unknown'],
      ['/refused', 'unknown'],
    ]);
    server.clock.jump(30);
    const [first, second] = server.link.take();
    await server.link.answer(first!, { stat: STAT });
    await server.link.refuse(second!, Errno.BadVersion);
    expect(
      listener.heard.map(({ name, message }) => [name, message.path, message.outcome, message.late]),
    ).toEqual([
      [LATE, '/ok', 'unknown', { outcome: 'ok', errno: 0, durationMs: 80 }],
      [LATE, '/refused', 'unknown', { outcome: 'rejected', errno: Errno.BadVersion, durationMs: 80 }],
    ]);
    expect(listener.heard[0]?.message.responseBytes).toBeGreaterThan(16);
    await server.close(conn);
  });

  it('publishes the real outcome of a call that was aborted, if it was sent', async () => {
    const { server, conn } = await start();
    using listener = listenTo(ASYNC_END, LATE);
    const abort = new AbortController();
    const { signal } = abort;
    const sent = rejectionOf(conn.set('/sent', 'y', -1, { signal }));
    await settle();
    const unsent = rejectionOf(conn.set('/unsent', 'y', -1, { signal }));
    const reason = new Error('of the user');
    abort.abort(reason);
    expect(await Promise.all([sent, unsent])).toEqual([reason, reason]);
    await settle();
    await server.link.answer(server.link.takeOne(), { stat: STAT });
    expect(
      listener.heard.map(({ name, message: m }) => [name, m.path, m.outcome, m.error, m.late?.outcome]),
    ).toEqual([
      [ASYNC_END, '/sent', 'unknown', reason, undefined],
      [ASYNC_END, '/unsent', 'not-sent', reason, undefined],
      [LATE, '/sent', 'unknown', reason, 'ok'],
    ]);
    await server.close(conn);
  });

  it('looks into a late multi, whose header knows nothing of its failure', async () => {
    const { server, conn } = await start({ requestTimeoutMs: 50 });
    using listener = listenTo(LATE);
    const calls = [1, 2].map(() => rejectionOf(conn.multi([op.delete('/x'), op.delete('/y')])));
    await settle();
    await server.clock.advance(50);
    await Promise.all(calls);
    const [first, second] = server.link.take();
    const ok = { errno: 0, op: operations.delete, response: {} };
    const failed = (errno: number): object => ({ errno, op: null, response: null });
    await server.link.answer(first!, { results: [failed(0), failed(Errno.NoNode)] });
    await server.link.answer(second!, { results: [ok, ok] });
    expect(listener.heard.map(({ message: { late } }) => late)).toMatchObject([
      { outcome: 'rejected', errno: Errno.NoNode },
      { outcome: 'ok', errno: 0 },
    ]);
    await server.close(conn);
  });

  it('carries the context that is bound to the start to the end, and not to the caller', async () => {
    const { server, conn } = await start();
    const span = new AsyncLocalStorage<string>();
    const requests = tracingChannel<string, RequestTrace>('zk-conn:request');
    requests.start.bindStore(span, (trace) => `span of ${trace.path ?? ''}`);
    const ends: (string | undefined)[] = [];
    const onEnd = (): void => void ends.push(span.getStore());
    subscribe(ASYNC_END, onEnd);
    const after = span.run('request of a user', async () => {
      await conn.get('/x');
      return span.getStore();
    });
    await settle();
    await server.link.answer(server.link.takeOne(), DATA);
    expect(await after).toBe('request of a user');
    expect(ends).toEqual(['span of /x']);
    unsubscribe(ASYNC_END, onEnd);
    requests.start.unbindStore(span);
    await server.close(conn);
  });

  it('is not disturbed by a subscriber that throws', async () => {
    const { server, conn } = await start();
    const thrown = new Error('of a subscriber');
    const onAny = (): void => {
      throw thrown;
    };
    const names = [...REQUEST, 'zk-conn:connection', 'zk-conn:session'];
    for (const name of names) subscribe(name, onAny);
    const caught = await catchingUncaught(async () => {
      const reply = conn.get('/x');
      await settle();
      await server.link.answer(server.link.takeOne(), DATA);
      expect((await reply).data?.toString()).toBe('some data');
      await server.cutAndResume();
      expect(conn.state).toBe('SyncConnected');
    });
    for (const name of names) unsubscribe(name, onAny);
    // start, end, asyncStart, asyncEnd; lost, Disconnected, attempt, connected, SyncConnected, resumed
    expect(caught).toEqual(new Array(10).fill(thrown));
    await server.close(conn);
  });

  it('leaves an unhandled rejection unhandled', async () => {
    const { server, conn } = await start();
    using _listener = listenTo(...REQUEST);
    const caught = await catchingUncaught(async () => {
      void conn.get('/x');
      await settle();
      await server.link.refuse(server.link.takeOne(), Errno.NoNode);
    });
    expect(caught).toMatchObject([{ code: 'ZK_NO_NODE' }]);
    await server.close(conn);
  });

  it('never shows data, credentials or the password of the session', async () => {
    const server = new ScriptedServer();
    using requests = listenTo(...REQUEST, LATE);
    using others = new ChannelListener<object>('zk-conn:connection', 'zk-conn:session');
    const conn = server.conn(
      { requestTimeoutMs: 50, auth: [{ scheme: 'digest', auth: 'user:s3cret' }] },
      'a:1',
    );
    const connecting = rejectionOf(conn.connect());
    await settle();
    await server.link.welcome({ passwd: Buffer.from('s3cret of a sess') });
    const calls = [
      rejectionOf(conn.set('/x', 's3cret')),
      rejectionOf(conn.create('/x', 's3cret', { acl: [{ perms: 31, scheme: 'digest', id: 'u:s3cret' }] })),
      rejectionOf(conn.multi([op.set('/x', 's3cret')])),
    ];
    await settle();
    await server.clock.advance(50);
    await Promise.all(calls);
    await server.link.fail(new Error('cut'));
    await settle();
    expect(requests.objects.length).toBeGreaterThan(10);
    expect(others.objects.length).toBeGreaterThan(3);
    const all = [...requests.objects, ...others.objects];
    expect(inspect(all, { depth: Infinity })).not.toMatch(/s3cret|73 33 63 72/);
    // and everything in them can be logged as JSON
    expect(JSON.stringify(all)).not.toMatch(/s3cret/);
    await conn.close();
    await connecting;
  });
});

describe('[M2] without a subscriber', () => {
  const request = (w: World): PendingRequest =>
    w.driver.request(
      operations.ping,
      {},
      undefined,
      () => undefined,
      () => undefined,
      null,
      null,
      0,
    );

  it('a request is the plain one: no context is built, and it has no field more', () => {
    const w = new World();
    const plain = request(w);
    expect(plain).toBeInstanceOf(PendingRequest);
    expect(plain).not.toBeInstanceOf(TracedRequest);
  });

  it.each([...REQUEST, LATE])('one on %s is enough to make it another, until it has gone', (name) => {
    const w = new World();
    const listener = (): void => undefined;
    subscribe(name, listener);
    expect(request(w)).toBeInstanceOf(TracedRequest);
    unsubscribe(name, listener);
    expect(request(w)).not.toBeInstanceOf(TracedRequest);
    expect(channel(name).hasSubscribers).toBe(false);
  });
});
