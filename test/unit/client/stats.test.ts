import { describe, expect, it } from 'vitest';
import { EventTypeCode, Xid } from '../../../src/protocol/constants.js';
import { STAT, notification, replyFrame } from '../../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

const DATA = { data: Buffer.alloc(1000), stat: STAT };
const NO_WATCHES = { data: 0, exist: 0, child: 0, persistent: 0, persistentRecursive: 0 };

describe('[M3] stats()', () => {
  it('of a Conn that was never connected', () => {
    const conn = new ScriptedServer().conn();
    expect(conn.stats()).toEqual({
      state: 'Disconnected',
      server: undefined,
      sessionId: 0n,
      sessionEpoch: 0,
      negotiatedTimeoutMs: 9000,
      pingMs: undefined,
      lastReceivedMs: undefined,
      queued: 0,
      queuedBytes: 0,
      inFlight: 0,
      watches: NO_WATCHES,
      bytesOut: 0,
      bytesIn: 0,
      requests: 0,
      replies: 0,
      watchEvents: 0,
      largestRequestBytes: 0,
      largestReplyBytes: 0,
      reconnects: 0,
      expiries: 0,
      failedAttempts: 0,
    });
  });

  it('tell state, server, session and negotiated timeout, also as JSON', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const connecting = conn.connect();
    await settle();
    await server.link.welcome({ timeOut: 6000 });
    await connecting;
    const session = { state: 'SyncConnected', server: 'a:1', sessionEpoch: 1, negotiatedTimeoutMs: 6000 };
    expect(conn.stats()).toMatchObject({ ...session, sessionId: 0xabcn });
    expect(JSON.parse(JSON.stringify(conn.stats()))).toMatchObject({ ...session, sessionId: '0xabc' });
    await server.close(conn);
  });

  it('[A6.11] tell how long the last ping took, and how long ago anything came', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    expect(conn.stats()).toMatchObject({ pingMs: undefined, lastReceivedMs: 0 });
    while (server.link.requests.length === 0) await server.clock.advance(server.clock.nextIn);
    expect(server.link.takeOne().op.name).toBe('ping');
    server.clock.jump(40);
    await server.link.send(replyFrame(Xid.PING));
    expect(conn.stats()).toMatchObject({ pingMs: 40, lastReceivedMs: 0 });
    server.clock.jump(17);
    // an answer that nobody asked for changes nothing
    await server.link.send(replyFrame(Xid.PING));
    server.clock.jump(5);
    expect(conn.stats()).toMatchObject({ pingMs: 40, lastReceivedMs: 5 });
    await server.close(conn);
  });

  it('count what waits, what is under way, what has passed, and the largest of each', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const before = conn.stats();
    const calls = Promise.allSettled([conn.get('/a'), conn.get('/abc')]);
    // header, path, watch flag; and the length in front
    const [short, long] = [8 + 4 + 2 + 1, 8 + 4 + 4 + 1];
    expect(conn.stats()).toMatchObject({
      queued: 2,
      queuedBytes: short + long + 8,
      inFlight: 0,
      requests: 2,
    });
    await settle();
    expect(conn.stats()).toMatchObject({ queued: 0, queuedBytes: 0, inFlight: 2, largestRequestBytes: long });
    expect(conn.stats().bytesOut - before.bytesOut).toBe(short + long + 8);
    const [first, second] = server.link.take();
    await server.link.answer(first!, DATA);
    await server.link.refuse(second!, -101);
    await calls;
    const replyBytes = 16 + 4 + 1000 + 68;
    expect(conn.stats()).toMatchObject({ inFlight: 0, replies: 2, largestReplyBytes: replyBytes });
    expect(conn.stats().bytesIn - before.bytesIn).toBe(replyBytes + 4 + 16 + 4);
    await server.close(conn);
  });

  it('count watches by kind, and their events', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const calls = [conn.getW('/d'), conn.existsW('/e'), conn.childrenW('/c'), conn.childrenW('/cc')];
    await settle();
    const [d, e, c, cc] = server.link.take();
    await server.link.answer(d!, DATA);
    await server.link.refuse(e!, -101);
    await server.link.answer(c!, { children: [], stat: STAT });
    await server.link.answer(cc!, { children: [], stat: STAT });
    await Promise.all(calls);
    expect(conn.stats().watches).toEqual({ ...NO_WATCHES, data: 1, exist: 1, child: 2 });
    await server.link.send(notification(EventTypeCode.NodeChildrenChanged, '/c'));
    expect(conn.stats()).toMatchObject({ watches: { child: 1 }, watchEvents: 1 });
    await server.close(conn);
    expect(conn.stats().watches).toEqual(NO_WATCHES);
  });

  it('count failed attempts, reconnects and expiries', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({}, 'a:1,b:1');
    const connecting = conn.connect();
    await settle();
    await server.link.fail();
    await server.link.welcome();
    await connecting;
    await server.clock.advance(1000);
    await server.link.fail();
    await server.clock.advance(1000);
    await server.link.welcome();
    expect(conn.stats()).toMatchObject({ failedAttempts: 1, reconnects: 1, expiries: 0, sessionEpoch: 1 });
    await server.link.fail();
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 0n, timeOut: 0 });
    expect(conn.stats()).toMatchObject({ failedAttempts: 1, reconnects: 1, expiries: 1, sessionId: 0n });
    await conn.close();
  });

  it('are there after close(), and never hold a secret', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ auth: [{ scheme: 'digest', auth: 'user:s3cret' }] });
    const connecting = rejectionOf(conn.connect());
    await settle();
    await server.link.welcome({ passwd: Buffer.from('s3cret of a sess') });
    // nobody answers its last request
    const closing = conn.close();
    await server.clock.advance(1000);
    await Promise.all([closing, connecting]);
    expect(conn.stats().state).toBe('Closed');
    expect(JSON.stringify(conn.stats())).not.toContain('s3cret');
  });
});
