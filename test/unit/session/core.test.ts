import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  AuthFailedError,
  ConnClosedError,
  ConnectionLossError,
  DecodeError,
  NoNodeError,
  QueueFullError,
  RequestTimeoutError,
  RequestTooLargeError,
  SessionExpiredError,
  XidMismatchError,
} from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import {
  CoreWorld,
  RecordingWatcher,
  dataBody,
  errorOf,
  notification,
  replyFrame,
} from '../../support/core-world.js';

const T = 9000;

describe('connecting', () => {
  it('asks for a new session, with the read-only byte', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.phase.name).toBe('dialing');
    w.core.dialed(w.epoch, w.now);
    expect(w.connectRequest()).toMatchObject({
      sessionId: 0n,
      timeOut: T,
      lastZxidSeen: 0n,
      readOnly: false,
    });
    expect(w.connectRequest().passwd).toHaveLength(16);
    w.accept(0xabcn, 6000);
    expect(w.core.phase.name).toBe('live');
    expect(w.core.timeoutMs).toBe(6000);
    expect(w.core.sessionId).toBe(0xabcn);
    expect(w.core.sessionEpoch).toBe(1);
    expect(w.states).toEqual(['Connecting', 'SyncConnected']);
    expect(w.sessions).toEqual(['new']);
  });

  it('accepts the answer of an old server, without the read-only byte', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch, w.now);
    w.accept(1n, T, undefined);
    expect(w.core.phase.name).toBe('live');
  });

  it('gives each server T/H for the connection, and again for the handshake', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.nextDeadline()).toBe(w.now + T / 3);
    w.advance(T / 3 - 1);
    expect(w.dials).toHaveLength(1);
    w.core.dialed(w.epoch, w.now);
    expect(w.core.nextDeadline()).toBe(w.now + T / 3);
    w.advance(T / 3);
    expect(w.hungUp).toEqual([1]);
    expect(w.dials).toEqual([1, 2]);
    w.advance(T / 3);
    expect(w.dials).toEqual([1, 2, 3]);
    expect(w.events.filter((e) => e.type === 'attemptFailed')).toHaveLength(2);
  });

  it('takes a refusal of a new session for a failed attempt, never for an expiry', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch, w.now);
    w.accept(0n, 0);
    expect(w.dials).toHaveLength(2);
    expect(w.sessions).toEqual([]);
    expect(w.states).toEqual(['Connecting']);
  });

  /** Lets every server fail once; gives the pause that follows. */
  const failedRound = (w: CoreWorld): number => {
    while (w.core.phase.name === 'dialing')
      w.core.dialFailed(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const wait = w.core.nextDeadline() - w.now;
    w.advance(wait);
    return Math.round(wait);
  };

  it('backs off with full jitter, doubling, when all servers have failed', () => {
    const w = new CoreWorld({ backoff: { baseMs: 100, maxMs: 300 } });
    w.randomValue = 0.999999;
    w.core.open(w.now);
    expect([failedRound(w), failedRound(w), failedRound(w), failedRound(w)]).toEqual([100, 200, 300, 300]);
    expect(w.dials).toHaveLength(4 * w.serverCount + 1);
  });

  it('backs off when the host provider asks for it, once', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.roundDone(w.epoch, w.now)).toBe(true);
    expect(w.core.phase.name).toBe('backoff');
    w.advance(w.core.nextDeadline() - w.now);
    expect(w.core.roundDone(w.epoch, w.now)).toBe(false);
    expect(w.core.phase.name).toBe('dialing');
  });

  it('forgets the back-off only after a connection that lasted', () => {
    const w = new CoreWorld({ sessionTimeoutMs: 60_000 });
    w.randomValue = 0.999999;
    const liveFor = (ms: number): void => {
      w.goLive(1n, 60_000);
      w.now += ms;
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    };
    w.core.open(w.now);
    expect(failedRound(w)).toBe(100);
    liveFor(999);
    expect(failedRound(w)).toBe(200);
    liveFor(1000);
    expect(failedRound(w)).toBe(100);
  });

  it('does not try servers in a tight loop that take it and drop it at once', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    for (let i = 0; w.core.phase.name === 'dialing'; i++) {
      expect(i).toBeLessThan(w.serverCount);
      w.core.dialed(w.epoch, w.now);
      w.accept(1n);
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    }
    expect(w.core.phase.name).toBe('backoff');
  });

  it('drops whatever an older socket says', () => {
    const w = new CoreWorld();
    w.goLive();
    const old = w.epoch;
    w.core.ended(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.receive(Buffer.from('garbage that would cost a connection'), old);
    w.core.ended(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(old, w.now);
    w.core.dialFailed(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.roundDone(old, w.now);
    expect(w.core.phase).toMatchObject({ name: 'dialing', epoch: old + 1 });
  });

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'HTTP'],
    ['\x15\x03\x03\x00\x02\x02\x46', 'TLS'],
    ['SSH-2.0-OpenSSH', 'ZooKeeper'],
  ])('says what a peer that is no ZooKeeper speaks: %j', (bytes, word) => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch, w.now);
    w.receive(Buffer.from(bytes, 'latin1'));
    const failed = w.events.find((e) => e.type === 'attemptFailed');
    expect(failed?.error).toMatchObject({ code: 'ZK_HANDSHAKE', message: expect.stringContaining(word) });
    expect(w.dials).toHaveLength(2);
  });
});

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
    Object.assign((w.core as unknown as { queue: object }).queue, { lastXid: 0x7ffffffd });
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
    [
      'a length over the limit',
      (w) => w.receive(Buffer.from([0x7f, 0xff, 0xff, 0xff])),
      'ZK_FRAME_TOO_LARGE',
    ],
    ['a body cut short', (w) => w.reply(1, { body: (b) => b.int(100) }), 'ZK_DECODE'],
    ['a notification cut short', (w) => w.receive(replyFrame(-1, { body: (b) => b.int(1) })), 'ZK_DECODE'],
    ['a SetWatches reply not asked for', (w) => w.reply(-8), 'ZK_XID_MISMATCH'],
  ];

  it.each(cases)('%s costs the connection and nothing else', (_name, send, code) => {
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

describe('liveness', () => {
  it('pings when nothing was sent for T/3 less a second, one at a time', () => {
    const w = new CoreWorld();
    w.goLive();
    expect(w.core.nextDeadline()).toBe(w.now + 2000);
    w.advance(1999);
    expect(w.requests()).toHaveLength(0);
    w.advance(1);
    expect(w.requests().map((r) => r.op.name)).toEqual(['ping']);
    expect(w.requests()[0]?.xid).toBe(-2);
    w.advance(2000);
    expect(w.requests()).toHaveLength(1);
    w.reply(-2);
    w.advance(1);
    expect(w.requests()).toHaveLength(2);
  });

  it('does not ping while requests go out', () => {
    const w = new CoreWorld();
    w.goLive();
    for (let i = 1; i <= 10; i++) {
      w.advance(1900);
      w.get('/a');
      w.flush();
      w.replyData(i);
    }
    expect(w.requests().filter((r) => r.op.name === 'ping')).toHaveLength(0);
  });

  it('gives a silent server up after 2T/3', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(2000);
    w.advance(3999);
    expect(w.core.phase.name).toBe('live');
    w.advance(1);
    expect(w.core.phase.name).toBe('dialing');
    expect(w.events.at(-1)).toMatchObject({
      type: 'state',
      state: 'Disconnected',
      cause: { code: 'ZK_READ_TIMEOUT' },
    });
  });

  it('does not take a drip of bytes for a sign of life', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(2000);
    const reply = replyFrame(-2);
    for (let i = 0; i < reply.length - 1 && w.core.phase.name === 'live'; i++) {
      w.now += 500;
      w.receive(reply.subarray(i, i + 1));
      w.core.tick(w.now);
    }
    expect(w.core.phase.name).toBe('dialing');
  });

  it('after standing still itself, pings and listens before it judges', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(7000);
    expect(w.core.phase.name).toBe('live');
    expect(w.requests().map((r) => r.op.name)).toEqual(['ping']);
    expect(w.core.nextDeadline()).toBe(w.now + 1000);
    w.reply(-2);
    w.advance(1000);
    expect(w.core.phase.name).toBe('live');

    w.advance(7000);
    w.advance(1000);
    expect(w.core.phase.name).toBe('dialing');
  });
});

describe('the session', () => {
  it('is asked for again with its id, password and the highest zxid of a reply', () => {
    const w = new CoreWorld();
    w.goLive(0xdefn);
    w.get('/a');
    w.flush();
    w.replyData(1, 0x1_0000_0005n);
    w.notify(3, '/a', 0x1_0000_0099n);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(w.epoch, w.now);
    const again = w.connectRequest();
    expect(again).toMatchObject({ sessionId: 0xdefn, lastZxidSeen: 0x1_0000_0005n });
    expect(again.passwd).toEqual(Buffer.alloc(16, 7));
  });

  it('that the server calls expired is renewed: everything of the old one ends before the new one is seen', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/old');
    w.core.dialed(w.epoch, w.now);
    w.accept(0n, 0);
    expect(errorOf(waiting)).toBeInstanceOf(SessionExpiredError);
    expect(errorOf(waiting).outcome).toBe('not-sent');
    expect(watcher.heard).toEqual(['armed data /w', 'ZK_SESSION_EXPIRED']);
    expect(w.core.sessionId).toBe(0n);
    expect(w.core.lastZxid).toBe(0n);
    const fresh = w.set('/new');
    w.goLive(0x222n);
    expect(w.connectRequest()).toMatchObject({ sessionId: 0n, lastZxidSeen: 0n });
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/new']);
    expect(fresh.result).toBeUndefined();
    expect(w.sessions).toEqual(['new', 'expired', 'new']);
    expect(w.states).toEqual(['Connecting', 'SyncConnected', 'Disconnected', 'Expired', 'SyncConnected']);
    expect(w.core.sessionEpoch).toBe(2);
  });

  it('expires by our own clock at 4T/3 without a word, not before', () => {
    const w = new CoreWorld();
    w.goLive();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/a');
    const start = w.now;
    while (w.now < start + (4 * T) / 3 - 1) {
      w.advance(Math.min(w.core.nextDeadline() - w.now, start + (4 * T) / 3 - 1 - w.now));
      expect(w.sessions).toEqual(['new']);
    }
    w.advance(1);
    expect(w.sessions).toEqual(['new', 'expired']);
    expect(errorOf(waiting)).toMatchObject({ code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' });
  });

  it('that never was does not expire', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    for (let i = 0; i < 100; i++) w.advance(w.core.nextDeadline() - w.now);
    expect(w.sessions).toEqual([]);
    expect(w.states).toEqual(['Connecting']);
  });

  it('answered with another id is over, before the new id is seen', () => {
    const w = new CoreWorld();
    w.goLive(1n);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/old');
    w.core.dialed(w.epoch, w.now);
    w.accept(2n);
    expect(errorOf(waiting)).toBeInstanceOf(SessionExpiredError);
    expect(w.events.flatMap((e) => (e.type === 'session' ? [[e.what, e.id]] : []))).toEqual([
      ['new', 1n],
      ['expired', 1n],
      ['new', 2n],
    ]);
    expect(w.requests()).toEqual([]);
  });

  it('ends the Conn instead, if it is not to be renewed', () => {
    const w = new CoreWorld({ renewSession: false });
    w.goLive();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(w.epoch, w.now);
    w.accept(0n, 0);
    expect(w.core.phase.name).toBe('expired');
    expect(w.events.at(-1)).toEqual({ type: 'end', confirmed: false });
    expect(errorOf(w.get('/a'))).toMatchObject({ code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' });
    expect(w.core.nextDeadline()).toBe(Infinity);
    w.core.close(w.now);
    expect(w.core.phase.name).toBe('closed');
  });
});

describe('priming a new connection', () => {
  it('sends credentials, then the watches, then what waited', () => {
    const w = new CoreWorld();
    w.goLive();
    const waiter = { resolve: () => undefined, reject: () => undefined };
    w.core.addAuth('digest', Buffer.from('a:1'), waiter, w.now);
    w.core.addAuth('digest', Buffer.from('b:2'), null, w.now);
    w.get('/d', new RecordingWatcher());
    w.submit(operations.exists, { path: '/e', watch: true }, new RecordingWatcher(), Errno.NoNode);
    w.submit(operations.getChildren2, { path: '/c', watch: true }, new RecordingWatcher());
    w.flush();
    w.reply(-4, { zxid: 0n });
    w.replyData(1, 42n);
    w.reply(2, { zxid: 43n, err: Errno.NoNode });
    w.reply(3, {
      zxid: 44n,
      body: (b) => {
        b.int(0);
        dataBody({
          buffer: () => undefined,
          long: b.long.bind(b),
          longNumber: b.longNumber.bind(b),
          int: b.int.bind(b),
        } as never);
      },
    });
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.set('/waiting');
    w.goLive();
    const sent = w.requests();
    expect(sent.map((r) => r.op.name)).toEqual(['auth', 'auth', 'setWatches', 'setData']);
    expect(sent[0]?.request).toMatchObject({ scheme: 'digest', auth: Buffer.from('a:1') });
    expect(sent[2]?.request).toEqual({
      relativeZxid: 44n,
      dataWatches: ['/d'],
      existWatches: ['/e'],
      childWatches: ['/c'],
    });
    expect(sent[2]?.xid).toBeGreaterThan(0);
    w.reply(sent[2]!.xid);
    w.reply(sent[3]!.xid, { err: Errno.NoNode });
    expect(w.core.phase.name).toBe('live');
  });

  it('sends nothing where there is nothing', () => {
    const w = new CoreWorld();
    w.goLive();
    expect(w.frames()).toHaveLength(1);
  });

  it('ends the watches that the server refuses to arm again', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    w.reply(w.requests()[0]!.xid, { err: Errno.Marshalling });
    expect(watcher.heard.at(-1)).toBe('ZK_MARSHALLING_ERROR');
    expect(w.core.watches.size).toBe(0);
  });

  it('keeps the watches when the connection is lost before SetWatches is answered', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    for (let i = 0; i < 3; i++) {
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.goLive();
      expect(w.requests().map((r) => r.request['dataWatches'])).toEqual([['/w']]);
    }
    w.notify(3, '/w', -1n);
    expect(watcher.heard).toEqual(['armed data /w', 'NodeDataChanged /w -']);
  });
});

describe('credentials', () => {
  const waiter = (): { verdicts: string[]; resolve: () => void; reject: (e: Error) => void } => {
    const verdicts: string[] = [];
    return { verdicts, resolve: () => void verdicts.push('ok'), reject: (e) => void verdicts.push(e.name) };
  };

  it('are answered out of band, without disturbing the replies in order', () => {
    const w = new CoreWorld();
    w.goLive();
    const get = w.get('/a');
    const auth = waiter();
    w.core.addAuth('digest', Buffer.from('a:1'), auth, w.now);
    expect(w.requests().map((r) => r.op.name)).toEqual(['getData', 'auth']);
    w.reply(-4, { zxid: 0n });
    expect(auth.verdicts).toEqual(['ok']);
    w.replyData(1);
    expect(get.result).toHaveProperty('value');
  });

  it('that were not answered are sent again, and the caller gets the real answer', () => {
    const w = new CoreWorld();
    w.goLive();
    const auth = waiter();
    w.core.addAuth('digest', Buffer.from('a:1'), auth, w.now);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    expect(w.requests().map((r) => r.op.name)).toEqual(['auth']);
    expect(auth.verdicts).toEqual([]);
    w.reply(-4, { zxid: 0n });
    expect(auth.verdicts).toEqual(['ok']);
  });

  it('that are refused are the end of the Conn, loudly', () => {
    const w = new CoreWorld();
    w.goLive();
    const get = w.get('/a');
    const auth = waiter();
    w.core.addAuth('bogus', Buffer.from('x'), auth, w.now);
    w.reply(-4, { zxid: 0n, err: Errno.AuthFailed });
    expect(auth.verdicts).toEqual(['AuthFailedError']);
    expect(w.core.phase.name).toBe('authFailed');
    expect(w.states.at(-1)).toBe('AuthFailed');
    expect(errorOf(get)).toBeInstanceOf(AuthFailedError);
    expect(errorOf(w.get('/b')).outcome).toBe('not-sent');
    expect(w.core.nextDeadline()).toBe(Infinity);
  });
});

describe('closing', () => {
  it('lets what was asked before be answered, then confirms', () => {
    const w = new CoreWorld();
    w.goLive();
    const before = w.get('/before');
    w.core.close(w.now);
    const after = w.get('/after');
    expect(errorOf(after)).toBeInstanceOf(ConnClosedError);
    expect(w.requests().map((r) => r.op.name)).toEqual(['getData', 'closeSession']);
    w.replyData(1);
    expect(before.result).toHaveProperty('value');
    w.reply(2);
    expect(w.events.slice(-2)).toEqual([
      { type: 'state', state: 'Closed', cause: undefined },
      { type: 'end', confirmed: true },
    ]);
    expect(w.hungUp).toEqual([w.epoch]);
  });

  it('gives a stalled server its time and no more', () => {
    const w = new CoreWorld({ closeTimeoutMs: 700 });
    w.goLive();
    const stuck = w.set('/stuck');
    w.core.close(w.now);
    expect(w.core.nextDeadline()).toBe(w.now + 700);
    w.advance(700);
    expect(errorOf(stuck)).toMatchObject({ code: 'ZK_CLOSED', outcome: 'unknown' });
    expect(w.events.at(-1)).toEqual({ type: 'end', confirmed: false });
  });

  it.each([
    'idle',
    'dialing',
    'handshaking',
    'backoff',
    'live',
    'closing',
    'expired',
    'authFailed',
    'closed',
  ])('works from %s and leaves no deadline', (from) => {
    const w = new CoreWorld({ renewSession: false });
    if (from !== 'idle') w.core.open(w.now);
    if (from === 'handshaking') w.core.dialed(w.epoch, w.now);
    if (from === 'backoff') w.core.roundDone(w.epoch, w.now);
    if (from === 'live' || from === 'closing') w.goLive();
    if (from === 'expired') {
      w.goLive();
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.core.dialed(w.epoch, w.now);
      w.accept(0n, 0);
    }
    if (from === 'authFailed') {
      w.goLive();
      w.core.addAuth('x', Buffer.from('x'), null, w.now);
      w.reply(-4, { err: Errno.AuthFailed });
    }
    if (from === 'closing' || from === 'closed') w.core.close(w.now);
    if (from === 'closed') expect(w.core.phase.name).toBe('closed');
    else expect(w.core.phase.name).toBe(from);
    const waiting = from === 'idle' || from === 'backoff' ? w.set('/waiting') : null;
    w.core.close(w.now);
    w.core.close(w.now);
    if (w.core.phase.name === 'closing') w.advance(1000);
    expect(w.core.phase.name).toBe('closed');
    expect(w.core.nextDeadline()).toBe(Infinity);
    expect(w.events.filter((e) => e.type === 'end')).toHaveLength(1);
    expect(w.states.filter((s) => s === 'Closed')).toHaveLength(1);
    if (waiting !== null) expect(errorOf(waiting)).toMatchObject({ code: 'ZK_CLOSED', outcome: 'not-sent' });
  });

  it('finishes when the connection is lost meanwhile', () => {
    const w = new CoreWorld();
    w.goLive();
    w.core.close(w.now);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    expect(w.events.at(-1)).toEqual({ type: 'end', confirmed: false });
    expect(w.dials).toHaveLength(1);
  });
});

describe('watches', () => {
  it('are armed while the reply is processed: an event in the same chunk finds them', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/a', watcher);
    w.flush();
    w.receive(Buffer.concat([replyFrame(1, { body: dataBody }), notification(3, '/a', 8n)]));
    expect(watcher.heard).toEqual(['armed data /a', 'NodeDataChanged /a 8']);
  });

  it('are not armed by a failed read, but by exists on a missing node', () => {
    const w = new CoreWorld();
    w.goLive();
    const failed = new RecordingWatcher();
    const waiting = new RecordingWatcher();
    w.get('/a', failed);
    const exists = w.submit(operations.exists, { path: '/a', watch: true }, waiting, Errno.NoNode);
    w.flush();
    w.reply(1, { err: Errno.NoNode });
    w.reply(2, { err: Errno.NoNode });
    expect(exists.result).toEqual({ value: null });
    w.notify(1, '/a');
    expect(failed.heard).toEqual([]);
    expect(waiting.heard).toEqual(['armed exist /a', 'NodeCreated /a 9']);
  });

  it('of a request that was cut off are not armed', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/a', watcher);
    w.flush();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    expect(w.requests()).toEqual([]);
    expect(watcher.heard).toEqual([]);
  });
});
