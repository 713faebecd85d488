import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnectionLossError } from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { PendingRequest, RequestRing } from '../../../src/session/pending.js';
import { RecordingWatcher } from '../../support/core-world.js';
import { recorded, type RecordedRequest } from '../../support/pending.js';
import { check } from '../../support/property.js';

const lost = (): ConnectionLossError => new ConnectionLossError({ outcome: 'unknown' });

describe('a request', () => {
  it('is settled with a result', () => {
    const request = recorded('/a');
    expect([request.settled, request.deadline, request.xid]).toEqual([false, Infinity, 0]);
    request.succeed(5);
    expect([request.settled, request.outcome]).toEqual([true, { value: 5 }]);
  });

  it('is settled with an error', () => {
    const request = recorded('/a');
    const error = lost();
    request.fail(error);
    expect([request.settled, request.outcome]).toEqual([true, { error }]);
  });

  it.each(['succeed', 'fail'] as const)('is settled once: the second time it throws (%s)', (how) => {
    for (const again of [(r: RecordedRequest) => r.succeed(2), (r: RecordedRequest) => r.fail(lost())]) {
      const request = recorded('/a');
      request.xid = 77;
      if (how === 'succeed') request.succeed(1);
      else request.fail(new Error('first'));
      const { outcome } = request;
      expect(() => again(request)).toThrow(/setData.*77/);
      expect(request.outcome).toBe(outcome);
    }
  });

  it.each([
    ['getData', 0, 'data'],
    ['getData', Errno.NoNode, null],
    ['exists', 0, 'data'],
    ['exists', Errno.NoNode, 'exist'],
    ['getChildren', 0, 'child'],
    ['getChildren2', 0, 'child'],
    ['setData', 0, null],
  ] as const)('%s with errno %i arms %s, if there is somebody to hear of it', (name, errno, kind) => {
    const make = (watcher: RecordingWatcher | null, watch = true): PendingRequest =>
      new PendingRequest(
        operations[name],
        { path: '/a', watch },
        '/a',
        () => undefined,
        () => undefined,
        null,
        watcher,
        0,
      );
    expect(make(new RecordingWatcher()).arms(errno)).toBe(kind);
    expect(make(null).arms(errno)).toBeNull();
    expect(make(new RecordingWatcher(), false).arms(errno)).toBeNull();
  });
});

/** Requests by the numbers `from` to `to`, the latter not included. */
const requests = (from: number, to: number): RecordedRequest[] =>
  Array.from({ length: to - from }, (_, i) => recorded(`/${String(from + i)}`));

const contents = (ring: RequestRing): (PendingRequest | undefined)[] =>
  Array.from({ length: ring.length }, (_, i) => ring.at(i));

const pushAll = (ring: RequestRing, all: readonly PendingRequest[]): void => {
  for (const each of all) ring.push(each);
};

const slotsOf = (ring: RequestRing): number => (ring as unknown as { slots: unknown[] }).slots.length;

/** A ring whose oldest entry lies at place `head` of its first array, with `count` entries. */
function ringAt(head: number, count: number): { ring: RequestRing; all: RecordedRequest[] } {
  const ring = new RequestRing();
  pushAll(ring, requests(1000, 1000 + head));
  // never empty on the way, so that nothing is reset
  const all = requests(0, count);
  if (count > 0) ring.push(all[0]!);
  for (let i = 0; i < head; i++) ring.shift();
  pushAll(ring, all.slice(1));
  return { ring, all };
}

describe('the ring', () => {
  it('has nothing at first', () => {
    const ring = new RequestRing();
    expect([ring.length, ring.peek(), ring.shift(), ring.at(0)]).toEqual([
      0,
      undefined,
      undefined,
      undefined,
    ]);
    ring.removeSettled();
    expect(ring.length).toBe(0);
  });

  it('gives back in the order in which it was given', () => {
    const ring = new RequestRing();
    const all = requests(0, 10);
    pushAll(ring, all);
    for (const [i, each] of all.entries()) {
      expect([ring.length, ring.peek(), ring.at(0)]).toEqual([10 - i, each, each]);
      expect(ring.shift()).toBe(each);
    }
    expect([ring.length, ring.peek(), ring.shift()]).toEqual([0, undefined, undefined]);
  });

  it.each(Array.from({ length: 16 }, (_, head) => head))('grows where its head is at %i', (head) => {
    for (const count of [15, 16, 17, 33, 200]) {
      const { ring, all } = ringAt(head, count);
      expect(contents(ring)).toEqual(all);
      expect(ring.at(count)).toBeUndefined();
      expect(all.map(() => ring.shift())).toEqual(all);
      expect([ring.length, ring.peek()]).toEqual([0, undefined]);
    }
  });

  it('goes round and round', () => {
    const ring = new RequestRing();
    const all = requests(0, 3000);
    let next = 0;
    for (const [i, each] of all.entries()) {
      ring.push(each);
      if (i % 16 >= 8 || ring.length > 11) expect(ring.shift()).toBe(all[next++]);
    }
    expect(contents(ring)).toEqual(all.slice(next));
    // it has grown no further than what it had to hold at one time
    expect(slotsOf(ring)).toBe(16);
  });

  it('does not keep the array of a burst that is over, and works on', () => {
    const ring = new RequestRing();
    const all = requests(0, 5000);
    pushAll(ring, requests(5000, 5003));
    for (let i = 0; i < 3; i++) ring.shift();
    pushAll(ring, all);
    expect(slotsOf(ring)).toBeGreaterThan(4096);
    for (const each of all) expect(ring.shift()).toBe(each);
    expect([ring.length, slotsOf(ring) <= 4096]).toEqual([0, true]);
    expect([ring.peek(), ring.shift(), ring.length]).toEqual([undefined, undefined, 0]);
    const again = requests(0, 40);
    pushAll(ring, again);
    expect(contents(ring)).toEqual(again);
  });

  it.each([0, 1, 7, 12, 15])('removes the settled, wherever they lie: head at %i', (head) => {
    const { ring, all } = ringAt(head, 14);
    const gone = [0, 3, 4, 9, 13];
    for (const index of gone) all[index]!.succeed(null);
    ring.removeSettled();
    const rest = all.filter((_, i) => !gone.includes(i));
    expect(contents(ring)).toEqual(rest);
    const more = requests(100, 140);
    pushAll(ring, more);
    expect(contents(ring)).toEqual([...rest, ...more]);
    ring.removeSettled();
    expect(contents(ring)).toEqual([...rest, ...more]);
  });

  it.each([0, 5, 12])('fails all in order, but those that are settled already: head at %i', (head) => {
    const order: string[] = [];
    const ring = new RequestRing();
    pushAll(ring, requests(0, head + 1));
    for (let i = 0; i <= head; i++) ring.shift();
    const all = Array.from({ length: 12 }, (_, i) =>
      recorded(`/${String(i)}`, 0, (name) => order.push(name)),
    );
    pushAll(ring, all);
    all[2]!.succeed(1);
    all[7]!.fail(new Error('mine'));
    order.length = 0;
    ring.failAll(({ path }) => new ConnectionLossError({ path, outcome: 'unknown' }));
    expect(order).toEqual(['/0', '/1', '/3', '/4', '/5', '/6', '/8', '/9', '/10', '/11']);
    expect(all[2]?.outcome).toEqual({ value: 1 });
    expect(all[7]?.error).toEqual(new Error('mine'));
    expect(all[3]?.error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', path: '/3', outcome: 'unknown' });
    expect([ring.length, ring.peek()]).toEqual([0, undefined]);
  });

  it('is empty when the first of them is failed, so that what is pushed then stays', () => {
    const ring = new RequestRing();
    const late = recorded('/late');
    const seen: number[] = [];
    ring.push(
      recorded('/a', 0, () => {
        seen.push(ring.length);
        ring.push(late);
      }),
    );
    ring.push(recorded('/b', 0, () => seen.push(ring.length)));
    ring.failAll(lost);
    expect(seen).toEqual([0, 1]);
    expect(contents(ring)).toEqual([late]);
    expect(late.settled).toBe(false);
  });

  it('is an array that one shifts, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('push' as const), n: fc.nat({ max: 40 }) }),
      fc.record({ what: fc.constant('shift' as const), n: fc.nat({ max: 40 }) }),
      fc.record({ what: fc.constant('settle' as const), n: fc.nat({ max: 100 }) }),
      fc.record({ what: fc.constant('sweep' as const), n: fc.constant(0) }),
    );
    check(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = new RequestRing();
        let model: RecordedRequest[] = [];
        let made = 0;
        for (const { what, n } of steps) {
          if (what === 'push') {
            const more = requests(made, (made += n));
            pushAll(ring, more);
            model.push(...more);
          } else if (what === 'shift') {
            for (let i = 0; i < n; i++) expect(ring.shift()).toBe(model.shift());
          } else if (what === 'settle') {
            const each = model[n];
            if (each?.settled === false) each.succeed(null);
          } else {
            ring.removeSettled();
            model = model.filter(({ settled }) => !settled);
          }
          expect(ring.length).toBe(model.length);
          expect(ring.peek()).toBe(model[0]);
          model.forEach((each, i) => expect(ring.at(i)).toBe(each));
          expect(ring.at(model.length)).toBeUndefined();
        }
      }),
    );
  });
});
