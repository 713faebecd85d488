/** Calls that are given up while they wait for a socket: they cost little, count for nothing and are never sent. */
import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionLossError, QueueFullError } from '../../../src/protocol/errors.js';
import { JuteReader } from '../../../src/protocol/jute.js';
import { operations } from '../../../src/protocol/operations.js';
import { Outbox } from '../../../src/session/outbox.js';
import { RequestRing } from '../../../src/session/pending.js';
import { RequestQueue, type QueueLimits } from '../../../src/session/queue.js';
import { recorded, type RecordedRequest } from '../../support/pending.js';
import { check } from '../../support/property.js';

const LIMITS: QueueLimits = { maxRequests: 1000, maxBytes: 1 << 20, maxRequestBytes: 0xfffff };
const queueOf = (limits: Partial<QueueLimits> = {}): RequestQueue =>
  new RequestQueue({ ...LIMITS, ...limits });

const GIVEN_UP = new Error('given up');

function giveUp(queue: RequestQueue, pending: RecordedRequest): void {
  pending.fail(GIVEN_UP);
  queue.withdraw(pending);
}

function add(queue: RequestQueue, name: string, bytes = 0, deadline = Infinity): RecordedRequest {
  const pending = recorded(name, bytes);
  pending.deadline = deadline;
  expect(queue.add(pending)).toBeNull();
  return pending;
}

/** Paths of what a chunk holds. */
function pathsIn(bytes: Buffer): string[] {
  const paths: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = at + 4 + bytes.readInt32BE(at);
    paths.push(operations.setData.readRequest(new JuteReader(bytes.subarray(at + 12, next))).path);
    at = next;
  }
  return paths;
}

function takeAll(queue: RequestQueue): string[] {
  const paths: string[] = [];
  for (let bytes = queue.take(); bytes !== null; bytes = queue.take()) paths.push(...pathsIn(bytes));
  return paths;
}

/** Counts how often requests and frames are looked at. */
function counting(): { looks: number; readonly undo: () => void } {
  const { at, shift, push } = RequestRing.prototype;
  const { filter } = Outbox.prototype;
  const count = {
    looks: 0,
    undo: () => {
      Object.assign(RequestRing.prototype, { at, shift, push });
      Object.assign(Outbox.prototype, { filter });
    },
  };
  RequestRing.prototype.at = function (this: RequestRing, index) {
    count.looks++;
    return at.call(this, index);
  };
  RequestRing.prototype.push = function (this: RequestRing, pending) {
    count.looks++;
    push.call(this, pending);
  };
  Outbox.prototype.filter = function (this: Outbox, keep) {
    filter.call(this, (index) => {
      count.looks++;
      return keep(index);
    });
  };
  return count;
}

describe('what is given up before it is sent', () => {
  let undo = (): void => undefined;
  afterEach(() => undo());
  const count = (): { looks: number } => {
    const each = counting();
    ({ undo } = each);
    return each;
  };

  it.each(['oldest', 'newest'])('costs little at a full queue: the %s each time', (which) => {
    const N = 4000;
    const queue = queueOf({ maxRequests: N, maxBytes: 1 << 30 });
    const all = Array.from({ length: N }, (_, i) => add(queue, `/${String(i)}`));
    const counted = count();
    for (let i = 0; i < N; i++) {
      expect(queue.isFull).toBe(true);
      giveUp(queue, (which === 'oldest' ? all.shift() : all.pop()) as RecordedRequest);
      expect(queue.load.waiting).toBe(N - 1);
      all.push(add(queue, `/new${String(i)}`));
    }
    expect(counted.looks).toBeLessThan(12 * N);
    expect(queue.add(recorded('/more'))).toBeInstanceOf(QueueFullError);
    undo();
    expect(takeAll(queue)).toEqual(all.map(({ name }) => name));
  });

  it('costs little, be it one by one until nothing is left', () => {
    const N = 4000;
    const queue = queueOf({ maxRequests: N, maxBytes: 1 << 30 });
    const all = Array.from({ length: N }, (_, i) => add(queue, `/${String(i)}`));
    const counted = count();
    for (const each of all) giveUp(queue, each);
    expect(counted.looks).toBeLessThan(12 * N);
    expect([queue.load, queue.waitingBytes, queue.take()]).toEqual([{ pending: 0, waiting: 0 }, 0, null]);
  });

  it.each(['one after the other', 'the last first'])('costs little when its time runs out: %s', (order) => {
    const N = 4000;
    const queue = queueOf({ maxRequests: N, maxBytes: 1 << 30 });
    const all = Array.from({ length: N }, (_, i) =>
      add(queue, `/${String(i)}`, 0, 1000 + (order === 'the last first' ? N - i : i + 1)),
    );
    const counted = count();
    for (let i = 0; i < N; i++) {
      expect(queue.earliest).toBeLessThanOrEqual(1001 + i);
      queue.sweep(1001 + i);
      expect(queue.load.waiting).toBe(N - 1 - i);
    }
    expect(counted.looks).toBeLessThan(16 * N);
    expect(all.every(({ error }) => error?.name === 'RequestTimeoutError')).toBe(true);
    expect(queue.earliest).toBe(Infinity);
  });

  it('costs little while it is asked whether anybody waits', () => {
    const N = 4000;
    const queue = queueOf({ maxRequests: 2 * N, maxBytes: 1 << 30 });
    const all = Array.from({ length: N + 1 }, (_, i) => add(queue, `/${String(i)}`));
    const counted = count();
    for (const each of all.slice(N / 2 + 1)) {
      giveUp(queue, each);
      expect(queue.isAwaited).toBe(true);
    }
    expect(counted.looks).toBeLessThan(8 * N);
  });

  it('makes room at a full queue, whatever it is full of', () => {
    const queue = queueOf({ maxRequests: 10 });
    const all = Array.from({ length: 10 }, (_, i) => add(queue, `/${String(i)}`));
    expect(queue.add(recorded('/refused'))).toBeInstanceOf(QueueFullError);
    for (const each of all.slice(0, 3)) giveUp(queue, each);
    for (const name of ['/a', '/b', '/c']) add(queue, name);
    expect(queue.add(recorded('/refused'))).toBeInstanceOf(QueueFullError);
    expect(takeAll(queue)).toEqual(['/3', '/4', '/5', '/6', '/7', '/8', '/9', '/a', '/b', '/c']);
  });

  it('makes room for bytes, and does not keep its own for long', () => {
    const queue = queueOf({ maxBytes: 100_700 });
    const large = add(queue, '/large', 90_000);
    const all = Array.from({ length: 100 }, (_, i) => add(queue, `/${String(i)}`, 80));
    expect(queue.isFull).toBe(true);
    giveUp(queue, large);
    expect(queue.waitingBytes).toBe(all.reduce((sum, { frameBytes }) => sum + frameBytes, 0));
    expect(queue.isFull).toBe(false);
    add(queue, '/again', 90_000);
    expect(takeAll(queue)).toEqual([...all.map(({ name }) => name), '/again']);
  });

  it('is told of at once, and once', () => {
    const dropped: string[] = [];
    const queue = new RequestQueue(LIMITS, ({ path }) => dropped.push(path as string));
    const all = ['/a', '/b', '/c', '/d', '/e'].map((name) => add(queue, name));
    giveUp(queue, all[1]!);
    expect(dropped).toEqual(['/b']);
    expect([...queue.unsent()].map(({ path }) => path)).toEqual(['/a', '/c', '/d', '/e']);
    expect(takeAll(queue)).toEqual(['/a', '/c', '/d', '/e']);
    giveUp(queue, all[0]!);
    expect([dropped, queue.load]).toEqual([['/b'], { pending: 4, waiting: 0 }]);
  });

  it('leaves no chunk without a request', () => {
    const queue = queueOf();
    const first = ['/a', '/b'].map((name) => add(queue, name, 70_000));
    const rest = ['/c', '/d', '/e'].map((name) => add(queue, name, 70_000));
    giveUp(queue, first[0]!);
    giveUp(queue, first[1]!);
    expect(pathsIn(queue.take()!)).toEqual(['/c']);
    giveUp(queue, rest[1]!);
    expect([takeAll(queue), queue.load, queue.waitingBytes]).toEqual([['/e'], { pending: 2, waiting: 0 }, 0]);
  });
});

describe('those who give up', () => {
  it('do so in the order of the calls, whatever their deadlines are, also when the xids go round', () => {
    const order: string[] = [];
    const queue = queueOf();
    (queue as unknown as { lastXid: number }).lastXid = 0x7fffffff - 3;
    const deadlines = [500, 100, 300, 200, 400, 100];
    deadlines.forEach((deadline, i) => {
      const pending = recorded(`/${String(i)}`, 0, (name) => order.push(name));
      pending.deadline = deadline;
      queue.add(pending);
      if (i === 2) queue.take();
    });
    queue.sweep(99);
    expect(order).toEqual([]);
    queue.sweep(100);
    expect(order).toEqual(['/1', '/5']);
    expect(queue.earliest).toBe(200);
    queue.sweep(450);
    expect(order).toEqual(['/1', '/5', '/2', '/3', '/4']);
    queue.sweep(1000);
    expect([order.at(-1), queue.earliest]).toEqual(['/0', Infinity]);
  });

  it('are let go of when they are answered, though their time has not come', () => {
    const queue = queueOf({ maxRequests: 10_000 });
    for (let i = 0; i < 1000; i++) add(queue, '/a', 0, i === 0 ? 5 : 1e6 + i);
    queue.take();
    queue.sweep(5);
    const { deadlines } = queue as unknown as { deadlines: { sorted: number } };
    expect(deadlines.sorted).toBe(999);
    for (let xid = 1; xid <= 1000; xid++) {
      const pending = queue.replied(xid);
      if (!pending.settled) pending.succeed(null);
      // nobody has to wait for a deadline to come: each of them keeps alive what its caller got
      expect(deadlines.sorted).toBeLessThanOrEqual(2 * (1000 - xid));
    }
    expect(deadlines.sorted).toBe(0);
    expect(queue.earliest).toBe(Infinity);
  });
});

it('whatever is given up, answered and cut off, a queue does as a list would', () => {
  const N = 12;
  const step = fc.record({
    what: fc.constantFrom(
      'add',
      'add',
      'add',
      'withdraw',
      'withdraw',
      'take',
      'reply',
      'sweep',
      'lose',
      'fail',
    ),
    n: fc.nat({ max: 200 }),
    bytes: fc.constantFrom(0, 5, 300, 70_000),
  });
  check(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const queue = queueOf({ maxRequests: N, maxBytes: 200_000 });
      const order: string[] = [];
      const expected: string[] = [];
      let waiting: RecordedRequest[] = [];
      let sent: RecordedRequest[] = [];
      const live = (): RecordedRequest[] => waiting.filter(({ settled }) => !settled);
      const bytes = (): number => live().reduce((sum, { frameBytes }) => sum + frameBytes, 0);
      let now = 0;
      for (const [i, { what, n, bytes: size }] of steps.entries()) {
        if (what === 'add') {
          const pending = recorded(`/${String(i)}`, size, (name) => order.push(name));
          pending.deadline = n % 3 === 0 ? Infinity : now + n;
          const isFull = live().length >= N || bytes() >= 200_000;
          expect(queue.add(pending) === null).toBe(!isFull);
          if (!isFull) waiting.push(pending);
        } else if (what === 'withdraw') {
          const open = [...sent, ...waiting].filter(({ settled }) => !settled);
          const pending = open[n % Math.max(1, open.length)];
          if (pending === undefined) continue;
          expected.push(pending.name);
          giveUp(queue, pending);
        } else if (what === 'take') {
          const chunk = queue.take();
          expect(chunk === null).toBe(live().length === 0);
          if (chunk === null) continue;
          const taken = pathsIn(chunk);
          const going = live().slice(0, taken.length);
          expect(taken).toEqual(going.map(({ name }) => name));
          expect(taken.length).toBeGreaterThan(0);
          sent.push(...going);
          waiting = live().slice(taken.length);
        } else if (what === 'reply') {
          const oldest = sent.shift();
          if (oldest === undefined) continue;
          expect(queue.replied(oldest.xid) === oldest).toBe(true);
          if (oldest.settled) continue;
          expected.push(oldest.name);
          oldest.succeed(null);
        } else if (what === 'sweep') {
          now += n;
          for (const each of [...sent, ...waiting]) {
            if (!each.settled && each.deadline <= now) expected.push(each.name);
          }
          queue.sweep(now);
        } else if (what === 'lose') {
          for (const each of sent) if (!each.settled) expected.push(each.name);
          sent = [];
          queue.failSent(({ path }) => new ConnectionLossError({ path, outcome: 'unknown' }));
        } else if (n < 50) {
          for (const each of live()) expected.push(each.name);
          waiting = [];
          queue.failWaiting(({ path }) => new ConnectionLossError({ path, outcome: 'not-sent' }));
        }
        expect(order).toEqual(expected);
        expect(queue.waitingBytes).toBe(bytes());
        expect(queue.load).toEqual({ pending: sent.length + live().length, waiting: live().length });
        expect(queue.isAwaited).toBe([...sent, ...waiting].some(({ settled }) => !settled));
        const first = Math.min(...[...sent, ...live()].flatMap((p) => (p.settled ? [] : [p.deadline])));
        expect(queue.earliest).toBeLessThanOrEqual(first);
      }
      expect(takeAll(queue)).toEqual(live().map(({ name }) => name));
    }),
  );
});
