import { describe, expect, it } from 'vitest';
import { MAX_XID } from '../../../src/protocol/constants.js';
import {
  ConnectionLossError,
  InvalidArgumentError,
  QueueFullError,
  RequestTimeoutError,
  RequestTooLargeError,
  XidMismatchError,
} from '../../../src/protocol/errors.js';
import { JuteReader } from '../../../src/protocol/jute.js';
import { operations, rowByCode } from '../../../src/protocol/operations.js';
import { Outbox } from '../../../src/session/outbox.js';
import type { Fate } from '../../../src/session/pending.js';
import { RequestQueue, type QueueLimits } from '../../../src/session/queue.js';
import { CoreWorld } from '../../support/core-world.js';
import { RecordedRequest, recorded } from '../../support/pending.js';

const LIMITS: QueueLimits = { maxRequests: 1000, maxBytes: 1 << 20, maxRequestBytes: 0xfffff };
const queueOf = (limits: Partial<QueueLimits> = {}): RequestQueue =>
  new RequestQueue({ ...LIMITS, ...limits });

/** Header, path with its length, length of the data, version. */
const frameBytes = (name: string, bytes: number): number => 8 + 4 + name.length + 4 + bytes + 4;

interface Seen {
  readonly xid: number;
  readonly path: string;
  readonly bytes: number;
}

function seenIn(bytes: Buffer): Seen[] {
  const seen: Seen[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = at + 4 + bytes.readInt32BE(at);
    const r = new JuteReader(bytes.subarray(at + 4, next));
    const xid = r.int();
    expect(rowByCode(r.int())).toBe(operations.setData);
    const { path, data } = operations.setData.readRequest(r);
    // whole and nobody else's
    expect(Buffer.alloc(data!.length, path).equals(data!)).toBe(true);
    expect(r.remaining).toBe(0);
    seen.push({ xid, path, bytes: data!.length });
    at = next;
  }
  return seen;
}

/** Hands everything to a socket. */
function takeAll(queue: RequestQueue): Seen[] {
  const seen: Seen[] = [];
  for (let bytes = queue.take(); bytes !== null; bytes = queue.take()) seen.push(...seenIn(bytes));
  return seen;
}

const pathsOf = (seen: readonly Seen[]): string => seen.map(({ path }) => path).join(' ');

/** Adds requests of these names. */
function add(
  queue: RequestQueue,
  names: string,
  bytes = 0,
  settled?: (name: string) => void,
): RecordedRequest[] {
  return names.split(' ').map((name) => {
    const pending = recorded(name, bytes, settled);
    expect(queue.add(pending)).toBeNull();
    return pending;
  });
}

function addUntil(queue: RequestQueue, name: string, deadline: number, bytes = 0): RecordedRequest {
  const pending = recorded(name, bytes);
  pending.deadline = deadline;
  expect(queue.add(pending)).toBeNull();
  return pending;
}

const lost =
  (outcome: 'unknown' | 'not-sent'): Fate =>
  ({ path }) =>
    new ConnectionLossError({ path, outcome });

/** A request that fails in the middle of being written. */
const unwritable = (): RecordedRequest =>
  new RecordedRequest('/bad', operations.setData, { path: '/bad', data: Buffer.alloc(3), version: 1.5 });

describe('a queue', () => {
  it('has nothing at first', () => {
    const queue = queueOf();
    expect([queue.load, queue.waitingBytes, queue.isFull, queue.earliest, queue.take()]).toEqual([
      { pending: 0, waiting: 0 },
      0,
      false,
      Infinity,
      null,
    ]);
    queue.sweep(1e9);
    queue.failSent(lost('unknown'));
    queue.failWaiting(lost('not-sent'));
    expect(() => queue.replied(1)).toThrow(XidMismatchError);
  });

  it('numbers its requests, and hands them over in the order of the calls', () => {
    const queue = queueOf();
    const [a, b] = add(queue, '/a /b', 5);
    expect(queue.load).toEqual({ pending: 2, waiting: 2 });
    expect(takeAll(queue)).toEqual([
      { xid: 1, path: '/a', bytes: 5 },
      { xid: 2, path: '/b', bytes: 5 },
    ]);
    expect([queue.load, queue.waitingBytes]).toEqual([{ pending: 2, waiting: 0 }, 0]);
    const [c] = add(queue, '/c');
    expect(takeAll(queue)).toEqual([{ xid: 3, path: '/c', bytes: 0 }]);
    expect([a, b, c].map((each) => each?.xid)).toEqual([1, 2, 3]);
    expect([queue.replied(1), queue.replied(2), queue.replied(3)]).toEqual([a, b, c]);
    expect(queue.load).toEqual({ pending: 0, waiting: 0 });
  });

  it('takes a reply for the oldest request that was sent, and for no other', () => {
    const queue = queueOf();
    const [a] = add(queue, '/a /b');
    takeAll(queue);
    add(queue, '/c');
    for (const xid of [2, 3, 0, -1, 4]) expect(() => queue.replied(xid)).toThrow(XidMismatchError);
    // a wrong one has taken nothing away
    expect(queue.load).toEqual({ pending: 3, waiting: 1 });
    expect(queue.replied(1)).toBe(a);
    expect(() => queue.replied(1)).toThrow(XidMismatchError);
    queue.replied(2);
    // it has not been sent, so this cannot be its reply
    expect(() => queue.replied(3)).toThrow(XidMismatchError);
    expect(queue.load).toEqual({ pending: 1, waiting: 1 });
  });

  it('counts as sent what was handed over, and nothing behind it', () => {
    const queue = queueOf();
    const all = add(queue, '/a /b /c /d', 50_000);
    const first = seenIn(queue.take()!);
    expect(first.length).toBeLessThan(4);
    expect(queue.load).toEqual({ pending: 4, waiting: 4 - first.length });
    queue.failSent(lost('unknown'));
    expect(all.map(({ settled }) => settled)).toEqual(all.map((_, i) => i < first.length));
    expect(pathsOf([...first, ...takeAll(queue)])).toBe('/a /b /c /d');
  });

  it('begins again with xid 1 behind the largest, never with 0 or a negative one', () => {
    const queue = queueOf();
    Reflect.set(queue, 'lastXid', MAX_XID - 2);
    const all = add(queue, '/a /b /c /d');
    const xids = [MAX_XID - 1, MAX_XID, 1, 2];
    expect(all.map(({ xid }) => xid)).toEqual(xids);
    expect(takeAll(queue).map(({ xid }) => xid)).toEqual(xids);
    expect(xids.map((xid) => queue.replied(xid))).toEqual(all);
  });
});

describe('the bounds', () => {
  it('are those of what waits: so many requests', () => {
    const queue = queueOf({ maxRequests: 3 });
    add(queue, '/a /b');
    expect(queue.isFull).toBe(false);
    add(queue, '/c');
    expect(queue.isFull).toBe(true);
    const refused = recorded('/d');
    const error = queue.add(refused);
    expect(error).toBeInstanceOf(QueueFullError);
    expect(error).toMatchObject({ op: 'setData', path: '/d', outcome: 'not-sent', retryable: true });
    expect([refused.settled, refused.xid, queue.load]).toEqual([false, 0, { pending: 3, waiting: 3 }]);
    // what was handed over does not wait any more, answered or not
    expect(pathsOf(takeAll(queue))).toBe('/a /b /c');
    expect(queue.isFull).toBe(false);
    add(queue, '/d /e /f');
    expect(queue.isFull).toBe(true);
    expect(takeAll(queue).map(({ xid }) => xid)).toEqual([4, 5, 6]);
  });

  it('are those of what waits: so many bytes', () => {
    const queue = queueOf({ maxBytes: 10_000 });
    add(queue, '/a', 4000);
    expect(queue.isFull).toBe(false);
    add(queue, '/b', 4000);
    expect(queue.isFull).toBe(false);
    // the last one may reach over
    add(queue, '/c', 4000);
    expect(queue.isFull).toBe(true);
    expect(queue.waitingBytes).toBeGreaterThan(12_000);
    expect(queue.add(recorded('/d'))).toBeInstanceOf(QueueFullError);
    takeAll(queue);
    expect([queue.isFull, queue.waitingBytes]).toEqual([false, 0]);
    add(queue, '/d', 9000);
  });

  it('do not hold for what has to go out in any case', () => {
    const queue = queueOf({ maxRequests: 1 });
    add(queue, '/a');
    expect(queue.add(recorded('/b'))).toBeInstanceOf(QueueFullError);
    expect(queue.add(recorded('/c'), true)).toBeNull();
    expect(pathsOf(takeAll(queue))).toBe('/a /c');
  });

  it('of a request are its bytes, header included', () => {
    const limit = frameBytes('/a', 100);
    const queue = queueOf({ maxRequestBytes: limit });
    expect(queue.maxRequestBytes).toBe(limit);
    add(queue, '/a', 100);
    const refused = recorded('/b', 101);
    const error = queue.add(refused);
    expect(error).toBeInstanceOf(RequestTooLargeError);
    expect(error).toMatchObject({ op: 'setData', path: '/b', outcome: 'not-sent' });
    expect(error?.message).toContain(String(limit + 1));
    expect([refused.settled, refused.xid]).toEqual([false, 0]);
    add(queue, '/c', 100);
    expect(takeAll(queue).map(({ xid, path }) => `${xid} ${path}`)).toEqual(['1 /a', '2 /c']);
  });

  it('of a request leave nothing of one that was far too long', () => {
    const queue = queueOf({ maxRequestBytes: 1000 });
    add(queue, '/a /b', 500);
    const { waitingBytes } = queue;
    expect(queue.add(recorded('/huge', 500_000))).toBeInstanceOf(RequestTooLargeError);
    expect([queue.waitingBytes, queue.load.waiting]).toEqual([waitingBytes, 2]);
    add(queue, '/c', 500);
    expect(pathsOf(takeAll(queue))).toBe('/a /b /c');
  });
});

describe('a request that cannot be written', () => {
  it('is refused, not settled, and leaves neither bytes nor a gap', () => {
    const queue = queueOf();
    add(queue, '/a');
    const { waitingBytes } = queue;
    const refused = unwritable();
    const error = queue.add(refused);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ op: 'setData', path: '/bad', outcome: 'not-sent' });
    expect(error?.cause).toBeInstanceOf(TypeError);
    expect([refused.settled, refused.xid, queue.waitingBytes]).toEqual([false, 0, waitingBytes]);
    add(queue, '/b');
    expect(takeAll(queue).map(({ xid, path }) => `${xid} ${path}`)).toEqual(['1 /a', '2 /b']);
  });

  it('has no deadline that anybody waits for', () => {
    const queue = queueOf({ maxRequests: 1 });
    const refused = unwritable();
    refused.deadline = 5;
    queue.add(refused);
    expect(queue.earliest).toBe(Infinity);
    add(queue, '/a');
    const full = recorded('/b');
    full.deadline = 5;
    queue.add(full);
    expect(queue.earliest).toBe(Infinity);
    queue.sweep(10);
    expect([refused.settled, full.settled]).toEqual([false, false]);
  });
});

describe('a request in front', () => {
  it('is written elsewhere, and answered before all that wait', () => {
    const queue = queueOf();
    const [waiting] = add(queue, '/waiting');
    const out = new Outbox();
    const front = [recorded('/1'), recorded('/2')];
    for (const each of front) queue.addInFront(out, each);
    expect(queue.load).toEqual({ pending: 3, waiting: 1 });
    expect(seenIn(out.shift()!.bytes)).toMatchObject([
      { xid: 2, path: '/1' },
      { xid: 3, path: '/2' },
    ]);
    expect(takeAll(queue)).toMatchObject([{ xid: 1, path: '/waiting' }]);
    expect([2, 3, 1].map((xid) => queue.replied(xid))).toEqual([...front, waiting]);
  });

  it('has no bound but that of its own length; one that is too long has failed', () => {
    const queue = queueOf({ maxRequests: 1, maxRequestBytes: 100 });
    add(queue, '/a');
    const out = new Outbox();
    const [good, long, bad] = [recorded('/good'), recorded('/long', 100), unwritable()];
    for (const each of [long, good, bad]) queue.addInFront(out, each);
    expect(long.error).toBeInstanceOf(RequestTooLargeError);
    expect(bad.error).toBeInstanceOf(InvalidArgumentError);
    expect(good.settled).toBe(false);
    expect(queue.load).toEqual({ pending: 2, waiting: 1 });
    expect(seenIn(out.shift()!.bytes)).toMatchObject([{ xid: 2, path: '/good' }]);
    expect(queue.replied(2)).toBe(good);
  });
});

describe('a connection that is lost', () => {
  it('fails what was sent, in order, and keeps what was not', () => {
    const order: string[] = [];
    const settled = (name: string): void => void order.push(name);
    const queue = queueOf();
    const sent = add(queue, '/a /b /c', 0, settled);
    takeAll(queue);
    const waiting = add(queue, '/d /e', 0, settled);
    queue.failSent(lost('unknown'));
    expect(order).toEqual(['/a', '/b', '/c']);
    for (const { name, error } of sent) expect(error).toMatchObject({ path: name, outcome: 'unknown' });
    expect(queue.load).toEqual({ pending: 2, waiting: 2 });
    expect(pathsOf(takeAll(queue))).toBe('/d /e');
    expect([4, 5].map((xid) => queue.replied(xid))).toEqual(waiting);
  });

  it('with what waited takes its bytes along', () => {
    const order: string[] = [];
    const settled = (name: string): void => void order.push(name);
    const queue = queueOf();
    const [sent] = add(queue, '/sent', 0, settled);
    takeAll(queue);
    const waiting = add(queue, '/a /b /c', 50_000, settled);
    queue.failWaiting(lost('not-sent'));
    expect(order).toEqual(['/a', '/b', '/c']);
    for (const { name, error } of waiting) expect(error).toMatchObject({ path: name, outcome: 'not-sent' });
    expect([queue.waitingBytes, queue.take(), queue.load]).toEqual([0, null, { pending: 1, waiting: 0 }]);
    expect(sent?.settled).toBe(false);
    add(queue, '/d');
    expect(takeAll(queue)).toEqual([{ xid: 5, path: '/d', bytes: 0 }]);
    expect(queue.replied(1)).toBe(sent);
  });

  it('does not settle again what has timed out', () => {
    const queue = queueOf();
    const late = addUntil(queue, '/late', 100);
    const [other] = add(queue, '/other');
    takeAll(queue);
    queue.sweep(100);
    queue.failSent(lost('unknown'));
    expect(late.error).toBeInstanceOf(RequestTimeoutError);
    expect(other?.error).toBeInstanceOf(ConnectionLossError);
  });
});

describe('the deadlines', () => {
  it('are known by the earliest, which may be too early, never too late', () => {
    const queue = queueOf();
    addUntil(queue, '/a', 500);
    expect(queue.earliest).toBe(500);
    addUntil(queue, '/b', 300);
    addUntil(queue, '/c', 400);
    expect(queue.earliest).toBe(300);
    add(queue, '/never');
    expect(queue.earliest).toBe(300);
    takeAll(queue);
    addUntil(queue, '/d', 350);
    queue.replied(1);
    expect(queue.earliest).toBe(300);
    queue.sweep(300);
    expect(queue.earliest).toBe(350);
    queue.sweep(350);
    expect(queue.earliest).toBe(400);
    queue.sweep(400);
    expect(queue.earliest).toBe(Infinity);
    expect(queue.load.pending).toBe(3);
  });

  it('are not missed by a moment, and not kept too early', () => {
    const queue = queueOf();
    const sent = addUntil(queue, '/sent', 100);
    takeAll(queue);
    const waiting = addUntil(queue, '/waiting', 100);
    queue.sweep(99.9);
    expect([sent.settled, waiting.settled]).toEqual([false, false]);
    queue.sweep(100);
    expect([sent.settled, waiting.settled]).toEqual([true, true]);
    queue.sweep(101);
    queue.sweep(1e9);
  });

  it('of what was sent: the outcome is unknown, and its late reply finds its place', () => {
    const queue = queueOf();
    const [a] = add(queue, '/a');
    const late = addUntil(queue, '/late', 100);
    const [b] = add(queue, '/b');
    takeAll(queue);
    queue.sweep(100);
    expect(late.error).toBeInstanceOf(RequestTimeoutError);
    expect(late.error).toMatchObject({ op: 'setData', path: '/late', outcome: 'unknown' });
    expect([a?.settled, b?.settled, queue.load.pending]).toEqual([false, false, 3]);
    expect([1, 2, 3].map((xid) => queue.replied(xid))).toEqual([a, late, b]);
  });

  it('of what waits: it was not sent, and never will be', () => {
    const queue = queueOf();
    const [a] = add(queue, '/a', 10);
    const late = addUntil(queue, '/late', 100, 10);
    const [b] = add(queue, '/b', 10);
    const { waitingBytes } = queue;
    queue.sweep(100);
    expect(late.error).toMatchObject({ code: 'ZK_REQUEST_TIMEOUT', path: '/late', outcome: 'not-sent' });
    expect(queue.load).toEqual({ pending: 2, waiting: 2 });
    expect(waitingBytes - queue.waitingBytes).toBe(4 + frameBytes('/late', 10));
    expect(takeAll(queue).map(({ xid, path }) => `${xid} ${path}`)).toEqual(['1 /a', '3 /b']);
    expect([queue.replied(1), queue.replied(3)]).toEqual([a, b]);
  });

  it('of many that wait, over several chunks, take out those and no others', () => {
    const queue = queueOf();
    const sent = Array.from({ length: 3 }, (_, i) => addUntil(queue, `/sent${i}`, i === 1 ? 50 : 500));
    takeAll(queue);
    const waiting = Array.from({ length: 60 }, (_, i) =>
      addUntil(queue, `/${i}`, i % 7 === 0 || (i > 20 && i < 30) ? 100 : 200 + i, (i * 1777) % 9000),
    );
    queue.sweep(100);
    const gone = waiting.filter(({ deadline }) => deadline === 100);
    const kept = waiting.filter(({ deadline }) => deadline > 100);
    expect(gone.length).toBeGreaterThan(10);
    expect(gone.every(({ error }) => error instanceof RequestTimeoutError)).toBe(true);
    expect(kept.some(({ settled }) => settled)).toBe(false);
    expect(sent.map(({ settled }) => settled)).toEqual([false, true, false]);
    expect([queue.earliest, queue.load]).toEqual([201, { pending: 3 + kept.length, waiting: kept.length }]);
    const seen = takeAll(queue);
    expect(pathsOf(seen)).toBe(kept.map(({ name }) => name).join(' '));
    for (const each of [...sent, ...kept]) expect(queue.replied(each.xid)).toBe(each);
    expect(queue.load.pending).toBe(0);
  });

  it('make room where the queue was full', () => {
    const queue = queueOf({ maxRequests: 2 });
    addUntil(queue, '/a', 100);
    addUntil(queue, '/b', 200);
    expect(queue.isFull).toBe(true);
    queue.sweep(100);
    expect(queue.isFull).toBe(false);
    add(queue, '/c');
    expect(pathsOf(takeAll(queue))).toBe('/b /c');
  });

  it('come in the order of the calls', () => {
    const order: string[] = [];
    const queue = queueOf();
    for (const name of ['/1', '/2', '/3', '/4']) {
      const pending = recorded(name, 0, (done) => order.push(done));
      pending.deadline = 100;
      queue.add(pending);
      if (name === '/2') takeAll(queue);
    }
    queue.sweep(100);
    expect(order).toEqual(['/1', '/2', '/3', '/4']);
  });
});

describe('a socket that wants no more', () => {
  it('gets no further chunk before it has drained; then it gets all, in order', () => {
    const w = new CoreWorld();
    w.goLive();
    w.writable = false;
    const data = Buffer.alloc(50_000);
    const paths = ['/1', '/2', '/3', '/4'];
    for (const path of paths) w.submit(operations.setData, { path, data, version: -1 });
    w.flush();
    const first = w.newRequests().map(({ request }) => request['path']);
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(4);
    expect(w.core.load).toEqual({ pending: 4, waiting: 4 - first.length });
    w.flush();
    w.get('/5');
    w.flush();
    expect(w.newRequests()).toEqual([]);
    w.writable = true;
    w.core.drained(w.epoch, w.now);
    const rest = w.newRequests().map(({ request }) => request['path']);
    expect([...first, ...rest]).toEqual([...paths, '/5']);
    expect(w.core.load).toEqual({ pending: 5, waiting: 0 });
  });
});
