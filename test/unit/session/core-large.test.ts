/** Replies over `maxResponseBytes`: each is the failure of one request, and of nothing else. */
import { describe, expect, it } from 'vitest';
import { ResponseTooLargeError } from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import { CoreWorld, RecordingWatcher, dataBody, errorOf, replyFrame } from '../../support/core-world.js';

const LIMIT = 4096;

function large(xid: number, bytes: number): Buffer {
  return replyFrame(xid, {
    body: (w) => {
      w.buffer(Buffer.alloc(bytes - 16 - 4 - 68, 1));
      for (let i = 0; i < 17; i++) w.int(0);
    },
  });
}

function live(): CoreWorld {
  const w = new CoreWorld({ maxResponseBytes: LIMIT });
  w.goLive();
  return w;
}

describe('a reply over the limit', () => {
  it.each([1, 7, 1000, 1 << 20])(
    '[I1] fails its request, and the others go on, in chunks of %i bytes',
    (size) => {
      const w = live();
      const fates = [w.get('/a'), w.get('/large'), w.get('/c')];
      w.flush();
      const stream = Buffer.concat([
        replyFrame(1, { body: dataBody }),
        large(2, LIMIT + 1),
        replyFrame(3, { body: dataBody }),
      ]);
      for (let at = 0; at < stream.length; at += size) w.receive(stream.subarray(at, at + size));
      expect(w.core.phase.name).toBe('live');
      expect(w.settled).toEqual(fates);
      expect(errorOf(fates[1]!)).toBeInstanceOf(ResponseTooLargeError);
      expect(errorOf(fates[1]!)).toMatchObject({
        code: 'ZK_RESPONSE_TOO_LARGE',
        op: 'getData',
        path: '/large',
        size: LIMIT + 1,
        limit: LIMIT,
      });
      for (const i of [0, 2]) expect(fates[i]!.result).toHaveProperty('value');
    },
  );

  it('leaves open what became of its request, a write as well as a read: the server has done it', () => {
    const w = live();
    const fates = [w.set('/large'), w.get('/large')];
    w.flush();
    w.receive(Buffer.concat([large(1, LIMIT + 1), large(2, LIMIT + 1)]));
    for (const fate of fates) {
      expect(errorOf(fate)).toBeInstanceOf(ResponseTooLargeError);
      expect(errorOf(fate).outcome).toBe('unknown');
    }
  });

  it('is one byte longer than one that is taken', () => {
    const w = live();
    const fate = w.get('/a');
    w.flush();
    w.receive(large(1, LIMIT));
    expect(fate.result).toHaveProperty('value');
  });

  it('to a watched read leaves no watch behind that nobody hears of', () => {
    const w = live();
    const watcher = new RecordingWatcher();
    w.get('/large', watcher);
    w.flush();
    w.newRequests();
    w.receive(large(1, LIMIT + 1));
    expect(watcher.heard).toEqual([]);
    expect(w.core.watches.size).toBe(0);
    w.flush();
    expect(w.versionsAsked).toHaveLength(1);
    w.core.traffic.versionIs(w.epoch, true, w.now);
    expect(w.newRequests().map(({ op, request }) => [op, request])).toEqual([
      [operations.removeWatches, { path: '/large', type: 2 }],
    ]);
  });

  it('is no sign of life before it has come whole, so that a drip of it ends', () => {
    const w = live();
    w.get('/large');
    w.flush();
    const stream = large(1, (1 << 30) >> 8);
    w.receive(stream.subarray(0, 100));
    for (let i = 0; i < 100 && w.core.phase.name === 'live'; i++) {
      w.advance(500);
      w.receive(stream.subarray(100 + i, 101 + i));
    }
    expect(w.core.phase.name).not.toBe('live');
  });
});
