import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  ConnectionLossError,
  DecodeError,
  NoNodeError,
  QueueFullError,
  RequestTimeoutError,
  RequestTooLargeError,
  XidMismatchError,
} from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { CoreWorld, dataBody, errorOf, replyFrame } from '../../support/core-world.js';

describe('requests', () => {
  it('leave in one write, in the order of the calls, with xids from 1', () => {
    const w = new CoreWorld();
    w.goLive();
    const before = w.writes;
    w.get('/a');
    w.set('/b');
    w.get('/c');
    expect(w.flushWanted).toBe(1);
    w.flush();
    expect(w.writes).toBe(before + 1);
    expect(w.requests().map(({ xid, request }) => [xid, request['path']])).toEqual([
      [1, '/a'],
      [2, '/b'],
      [3, '/c'],
    ]);
  });

  it('get what their replies say', () => {
    const w = new CoreWorld();
    w.goLive();
    const ok = w.get('/a');
    const missing = w.get('/b');
    const unknown = w.get('/c');
    w.flush();
    w.replyData(1, 77n);
    w.reply(2, { err: Errno.NoNode });
    w.reply(3, { err: -9999 });
    expect(ok.result).toMatchObject({ value: { data: Buffer.from('data') } });
    expect(errorOf(missing)).toBeInstanceOf(NoNodeError);
    expect(errorOf(missing)).toMatchObject({ op: 'getData', path: '/b', outcome: 'rejected', errno: -101 });
    expect(errorOf(unknown)).toMatchObject({ code: 'ZK_ERR_-9999', outcome: 'rejected' });
    expect(w.core.lastZxid).toBe(77n);
    expect(w.core.phase.name).toBe('live');
  });

  it.each([
    ['the lower half is beyond 2^31', [0x1_7fff_ffffn, 0x1_8000_0001n], 0x1_8000_0001n],
    ['an older one comes behind', [0x1_8000_0001n, 0x1_0000_0005n, 0x0_ffff_ffffn], 0x1_8000_0001n],
    ['a new leader has begun to count', [0x1_ffff_ffffn, 0x2_0000_0000n], 0x2_0000_0000n],
    ['there is none in the reply', [0x1_8000_0001n, 0n, -1n], 0x1_8000_0001n],
  ])('show the highest zxid there was: %s', (_name, zxids, highest) => {
    const w = new CoreWorld();
    w.goLive();
    for (const [i, zxid] of zxids.entries()) {
      w.get('/a');
      w.flush();
      w.replyData(i + 1, zxid);
    }
    expect(w.core.lastZxid).toBe(highest);
  });

  it('alone raise the zxid that watches count from: an event does not', () => {
    const w = new CoreWorld();
    w.goLive();
    w.get('/a');
    w.flush();
    w.replyData(1, 77n);
    w.notify(3, '/other', 99n);
    expect(w.core.lastZxid).toBe(77n);
  });

  it('wait while there is no connection, and are encoded when they are called', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    const data = Buffer.from('before');
    w.submit(operations.setData, { path: '/a', data, version: -1 });
    data.write('AFTER!');
    w.goLive();
    expect(w.requests()[0]?.request).toMatchObject({ path: '/a', data: Buffer.from('before') });
  });

  it('that were sent end as unknown when the connection is lost, those that wait go on, in order', () => {
    const w = new CoreWorld();
    w.goLive();
    w.set('/sent1');
    w.get('/sent2');
    w.flush();
    const waiting = w.set('/waiting');
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    expect(w.settled.map((f) => [f.pending.path, errorOf(f).outcome])).toEqual([
      ['/sent1', 'unknown'],
      ['/sent2', 'unknown'],
    ]);
    expect(errorOf(w.settled[0]!)).toBeInstanceOf(ConnectionLossError);
    w.goLive();
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/waiting']);
    expect(waiting.result).toBeUndefined();
    expect(w.states).toEqual(['Connecting', 'SyncConnected', 'Disconnected', 'SyncConnected']);
    expect(w.sessions).toEqual(['new', 'resumed']);
  });

  it('are refused as not sent where nothing may wait', () => {
    const w = new CoreWorld({ queueOffline: false });
    w.core.open(w.now);
    expect(errorOf(w.set('/a'))).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'not-sent' });
    w.goLive();
    const waiting = w.set('/b');
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    expect(errorOf(waiting)).toMatchObject({ outcome: 'not-sent' });
  });

  it('are bounded in number and bytes while they wait', () => {
    const w = new CoreWorld({ maxRequests: 2 });
    w.core.open(w.now);
    w.get('/a');
    w.get('/b');
    expect(errorOf(w.get('/c'))).toBeInstanceOf(QueueFullError);
    const bytes = new CoreWorld({ maxBytes: 100 });
    bytes.core.open(bytes.now);
    bytes.submit(operations.setData, { path: '/a', data: Buffer.alloc(200), version: -1 });
    expect(errorOf(bytes.get('/b'))).toMatchObject({ code: 'ZK_QUEUE_FULL', outcome: 'not-sent' });
  });

  it('over the limit are refused before anything is sent, and use up no xid', () => {
    const w = new CoreWorld({ maxRequestBytes: 100 });
    w.goLive();
    const limit = 100 - (8 + 4 + 2 + 4 + 4);
    const fits = w.submit(operations.setData, { path: '/a', data: Buffer.alloc(limit), version: -1 });
    const over = w.submit(operations.setData, { path: '/a', data: Buffer.alloc(limit + 1), version: -1 });
    expect(errorOf(over)).toBeInstanceOf(RequestTooLargeError);
    w.get('/b');
    w.flush();
    expect(w.frames()[1]).toHaveLength(100);
    expect(w.requests().map((r) => r.xid)).toEqual([1, 2]);
    expect(fits.result).toBeUndefined();
  });

  it('stop at a socket that wants no more, and go on when it has drained', () => {
    const w = new CoreWorld();
    w.goLive();
    w.writable = false;
    w.get('/a');
    w.flush();
    w.get('/b');
    w.flush();
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/a']);
    expect(w.core.load).toEqual({ pending: 2, waiting: 1 });
    w.writable = true;
    w.core.drained(w.epoch, w.now);
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/a', '/b']);
  });

  it('time out at their deadline: a sent one keeps its place, a waiting one is never sent', () => {
    const w = new CoreWorld({ requestTimeoutMs: 500 });
    w.goLive();
    const sent = w.get('/sent');
    w.flush();
    w.now += 10;
    const next = w.get('/next');
    w.flush();
    w.advance(490);
    expect(errorOf(sent)).toBeInstanceOf(RequestTimeoutError);
    expect(errorOf(sent).outcome).toBe('unknown');
    expect(next.result).toBeUndefined();
    w.replyData(1);
    w.replyData(2);
    expect(next.result).toHaveProperty('value');
    expect(w.core.phase.name).toBe('live');

    const offline = new CoreWorld({ requestTimeoutMs: 500 });
    offline.core.open(offline.now);
    const first = offline.set('/first');
    offline.now += 300;
    const second = offline.set('/second');
    offline.advance(200);
    expect(errorOf(first)).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT', outcome: 'not-sent' });
    offline.goLive();
    expect(offline.requests().map((r) => r.request['path'])).toEqual(['/second']);
    expect(second.result).toBeUndefined();
  });

  it('use xids up to 2147483647, then 1 again', () => {
    const w = new CoreWorld();
    w.goLive();
    // the only way there in a test's time
    Object.assign((w.core.traffic as unknown as { queue: object }).queue, { lastXid: 0x7ffffffd });
    for (const path of ['/a', '/b', '/c', '/d']) w.get(path);
    w.flush();
    expect(w.requests().map((r) => r.xid)).toEqual([0x7ffffffe, 0x7fffffff, 1, 2]);
    for (const xid of [0x7ffffffe, 0x7fffffff, 1, 2]) w.replyData(xid);
    expect(w.settled).toHaveLength(4);
    expect(w.core.phase.name).toBe('live');
  });
});

describe('bad bytes', () => {
  const cases: [string, (w: CoreWorld) => void, string][] = [
    ['a reply nobody waits for', (w) => w.reply(99), 'ZK_XID_MISMATCH'],
    ['replies swapped', (w) => w.replyData(2), 'ZK_XID_MISMATCH'],
    ['an auth reply nobody waits for', (w) => w.reply(-4), 'ZK_XID_MISMATCH'],
    ['a message shorter than its header', (w) => w.receive(Buffer.from([0, 0, 0, 3, 1, 2, 3])), 'ZK_DECODE'],
    ['an empty message', (w) => w.receive(Buffer.from([0, 0, 0, 0])), 'ZK_DECODE'],
    ['a negative length', (w) => w.receive(Buffer.from([0xff, 0xff, 0xff, 0xff])), 'ZK_FRAME_TOO_LARGE'],
    ['a negative length', (w) => w.receive(Buffer.from([0xff, 0xff, 0xff, 0xff])), 'ZK_FRAME_TOO_LARGE'],
    [
      'a notification over the limit',
      (w) => w.receive(Buffer.concat([Buffer.from('00200000ffffffff', 'hex'), Buffer.alloc(12)])),
      'ZK_FRAME_TOO_LARGE',
    ],
    [
      'a length over the limit, and an xid that nobody has',
      (w) => w.receive(Buffer.concat([Buffer.from('7fffffff00000063', 'hex'), Buffer.alloc(12)])),
      'ZK_XID_MISMATCH',
    ],
    ['a body cut short', (w) => w.reply(1, { body: (b) => b.int(100) }), 'ZK_DECODE'],
    ['a notification cut short', (w) => w.receive(replyFrame(-1, { body: (b) => b.int(1) })), 'ZK_DECODE'],
    ['a SetWatches reply not asked for', (w) => w.reply(-8), 'ZK_XID_MISMATCH'],
  ];

  it.each(cases)('%s costs the connection and nothing else [B1]', (_name, send, code) => {
    const w = new CoreWorld();
    w.goLive();
    const first = w.get('/a');
    const second = w.set('/b');
    w.flush();
    send(w);
    expect(w.core.phase.name).toBe('dialing');
    expect(w.states.at(-1)).toBe('Disconnected');
    const loss = w.events.find((e) => e.type === 'state' && e.state === 'Disconnected');
    expect(loss).toMatchObject({ cause: { code } });
    expect(w.settled).toEqual([first, second]);
    expect(errorOf(first).outcome).toBe('unknown');
    expect(errorOf(second)).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    w.goLive();
    expect(w.sessions).toEqual(['new', 'resumed']);
  });

  it('the request whose body is unreadable hears why', () => {
    const w = new CoreWorld();
    w.goLive();
    const first = w.get('/a');
    w.flush();
    w.reply(1, { body: (b) => b.int(100) });
    expect(errorOf(first)).toBeInstanceOf(DecodeError);
    expect(errorOf(first)).toMatchObject({ op: 'getData', path: '/a', outcome: 'unknown' });
  });

  it('an xid mismatch is told to those who waited', () => {
    const w = new CoreWorld();
    w.goLive();
    const first = w.get('/a');
    w.flush();
    w.replyData(7);
    expect(errorOf(first).cause).toBeInstanceOf(XidMismatchError);
  });

  it('tolerates what newer servers may send', () => {
    const w = new CoreWorld();
    w.goLive();
    const get = w.get('/a');
    w.flush();
    w.notify(77, '/a');
    w.notify(4, '/nobody-asked');
    w.reply(1, {
      body: (b) => {
        dataBody(b);
        b.int(12345);
      },
    });
    expect(get.result).toHaveProperty('value');
    expect(w.core.phase.name).toBe('live');
  });
});
