import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outbox, type Chunk } from '../../../src/session/outbox.js';
import { check } from '../../support/property.js';

const SLAB = 64 * 1024;

/** Bytes that tell which frame they belong to, and where in it they lie. */
function payload(id: number, bytes: number): Buffer {
  const data = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) data[i] = (id * 31 + i * 7) & 0xff;
  return data;
}

/** Writes a frame, in two pieces, so that a slab may grow in the middle of it. The prefix of a buffer is part of it. */
function write(out: Outbox, data: Buffer): void {
  const middle = data.length >> 1;
  out.buffer(data.subarray(0, middle));
  out.buffer(data.subarray(middle));
}

/** What `write` puts on the wire for a frame of these bytes. */
function frameOf(data: Buffer): Buffer {
  const middle = data.length >> 1;
  const parts = [data.subarray(0, middle), data.subarray(middle)].flatMap((part) => [
    intOf(part.length),
    part,
  ]);
  return Buffer.concat([intOf(data.length + 8), ...parts]);
}

function intOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function put(out: Outbox, data: Buffer): void {
  out.begin();
  write(out, data);
  out.end();
}

/** The frames of a chunk, with their prefix; it has to hold whole ones, as many as it says. */
function framesOf({ bytes, frames }: Chunk): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    expect(at + 4).toBeLessThanOrEqual(bytes.length);
    const next = at + 4 + bytes.readInt32BE(at);
    expect(next).toBeGreaterThan(at);
    found.push(Buffer.from(bytes.subarray(at, next)));
    at = next;
  }
  expect([at, found.length]).toEqual([bytes.length, frames]);
  return found;
}

function shiftAll(out: Outbox): Chunk[] {
  const chunks: Chunk[] = [];
  for (let chunk = out.shift(); chunk !== null; chunk = out.shift()) chunks.push(chunk);
  return chunks;
}

/** Everything that waits, frame by frame. */
const drain = (out: Outbox): Buffer[] => shiftAll(out).flatMap(framesOf);

/** Compares without a diff of megabytes. */
function expectFrames(actual: readonly Buffer[], expected: readonly Buffer[]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  expect(actual.flatMap((frame, i) => (expected[i]!.equals(frame) ? [] : [i]))).toEqual([]);
}

const total = (frames: readonly Buffer[]): number => frames.reduce((sum, { length }) => sum + length, 0);

describe('an outbox', () => {
  it('has nothing at first', () => {
    const out = new Outbox();
    expect([out.waitingBytes, out.shift()]).toEqual([0, null]);
    out.clear();
    out.filter(() => {
      throw new Error('nothing to ask for');
    });
    expect([out.waitingBytes, out.shift()]).toEqual([0, null]);
  });

  it('puts the length before a frame', () => {
    const out = new Outbox();
    out.begin();
    expect(out.frameBytes).toBe(0);
    out.int(0x01020304);
    out.bool(true);
    expect([out.frameBytes, out.waitingBytes]).toEqual([5, 0]);
    out.end();
    expect(out.waitingBytes).toBe(9);
    expect(out.shift()).toEqual({ bytes: Buffer.from([0, 0, 0, 5, 1, 2, 3, 4, 1]), frames: 1 });
    expect([out.waitingBytes, out.shift()]).toEqual([0, null]);
  });

  it('gives the frames of a turn in one chunk, and those of the next in another', () => {
    const out = new Outbox();
    const data = [1, 2, 3, 4].map((id) => payload(id, 10 * id));
    put(out, data[0]!);
    put(out, data[1]!);
    const first = out.shift();
    expect(first?.frames).toBe(2);
    put(out, data[2]!);
    put(out, data[3]!);
    const second = out.shift();
    expect(second?.frames).toBe(2);
    expect(out.shift()).toBeNull();
    expectFrames([...framesOf(first!), ...framesOf(second!)], data.map(frameOf));
  });

  it('keeps frames whole and in order while its slabs grow', () => {
    const out = new Outbox();
    const sizes = [1, 30_000, 40_000, 0, SLAB, 5, 200_000, 7, 65_000, 65_500, 600, 3 * SLAB, 1];
    const data = [...sizes, ...sizes, ...sizes].map((bytes, id) => payload(id, bytes));
    const frames = data.map(frameOf);
    for (const [i, each] of data.entries()) {
      put(out, each);
      expect(out.waitingBytes).toBe(total(frames.slice(0, i + 1)));
    }
    const chunks = shiftAll(out);
    expect(chunks.length).toBeGreaterThan(3);
    expectFrames(chunks.flatMap(framesOf), frames);
    expect(out.waitingBytes).toBe(0);
  });

  it.each([-13, -12, -11, -1, 0, 1])('fills a slab to its last byte: %i', (over) => {
    const out = new Outbox();
    // a frame has 12 bytes more than its data
    const data = [payload(1, 1000), payload(2, SLAB - 1012 - 12 + over), payload(3, 20)];
    for (const each of data) put(out, each);
    expectFrames(drain(out), data.map(frameOf));
  });

  it('counts what waits, chunk by chunk', () => {
    const out = new Outbox();
    const data = [50_000, 50_000, 50_000, 10].map((bytes, id) => payload(id, bytes));
    for (const each of data) put(out, each);
    let waiting = total(data.map(frameOf));
    for (let chunk = out.shift(); chunk !== null; chunk = out.shift()) {
      waiting -= chunk.bytes.length;
      expect(out.waitingBytes).toBe(waiting);
    }
    expect(waiting).toBe(0);
  });

  it('never touches what it handed out', () => {
    const out = new Outbox();
    const handedOut: { chunk: Chunk; then: Buffer }[] = [];
    const takeSome = (): void => {
      const chunk = out.shift();
      if (chunk !== null) handedOut.push({ chunk, then: Buffer.from(chunk.bytes) });
    };
    for (let id = 0; id < 400; id++) {
      put(out, payload(id, (id * 977) % 3000));
      if (id % 3 === 0) takeSome();
      if (id % 5 === 0) {
        out.begin();
        write(out, payload(id, id % 50 === 0 ? 2 * SLAB : 500));
        out.abandon();
      }
      if (id % 40 === 0) {
        put(out, payload(id, SLAB));
        out.filter((index) => index % 2 === 0);
      }
      if (id % 90 === 0) out.clear();
    }
    expect(handedOut.length).toBeGreaterThan(100);
    expect(handedOut.findIndex(({ chunk, then }) => !then.equals(chunk.bytes))).toBe(-1);
  });

  it('forgets everything when it is cleared, and begins anew', () => {
    const out = new Outbox();
    for (let id = 0; id < 4; id++) put(out, payload(id, 30_000));
    out.clear();
    expect([out.waitingBytes, out.shift()]).toEqual([0, null]);
    put(out, payload(9, 10));
    expect(out.waitingBytes).toBe(22);
    expectFrames(drain(out), [frameOf(payload(9, 10))]);
  });
});

describe('a frame that is abandoned', () => {
  it.each([0, 10, 70_000, 300_000])('leaves the others as they are: %i bytes', (bytes) => {
    const out = new Outbox();
    const data = [payload(1, 100), payload(2, 100)];
    const frames = data.map(frameOf);
    put(out, data[0]!);
    out.begin();
    write(out, payload(3, bytes));
    expect([out.frameBytes, out.waitingBytes]).toEqual([bytes + 8, total(frames.slice(0, 1))]);
    out.abandon();
    expect(out.waitingBytes).toBe(total(frames.slice(0, 1)));
    put(out, data[1]!);
    expect(out.waitingBytes).toBe(total(frames));
    expectFrames(drain(out), frames);
  });

  it('alone leaves nothing', () => {
    const out = new Outbox();
    for (const bytes of [5, 100_000, 5]) {
      out.begin();
      write(out, payload(1, bytes));
      out.abandon();
      expect([out.waitingBytes, out.shift()]).toEqual([0, null]);
    }
  });

  it('gives back the room that was made for it', () => {
    const out = new Outbox();
    const data = payload(1, 100);
    put(out, data);
    out.begin();
    write(out, payload(2, 1_000_000));
    out.abandon();
    expect(out.buf.length).toBeLessThanOrEqual(SLAB);
    put(out, data);
    expectFrames(drain(out), [frameOf(data), frameOf(data)]);
  });
});

describe('the filter', () => {
  const SIZES = [40_000, 10, 30_000, 20, 50_000, 50_000, 30, 40, 50];
  const DATA = SIZES.map((bytes, id) => payload(id, bytes));
  const FRAMES = DATA.map(frameOf);
  const filled = (): Outbox => {
    const out = new Outbox();
    for (const each of DATA) put(out, each);
    return out;
  };

  it('has several chunks to do with', () => {
    expect(shiftAll(filled()).filter(({ frames }) => frames > 1).length).toBeGreaterThan(1);
  });

  it.each<[string, (index: number) => boolean]>([
    ['all', () => true],
    ['none', () => false],
    ['the even', (index) => index % 2 === 0],
    ['the odd', (index) => index % 2 === 1],
    ['the first', (index) => index === 0],
    ['the last', (index) => index === SIZES.length - 1],
    ['all but one', (index) => index !== 3],
    ['the small', (index) => SIZES[index]! < 100],
    ['the large', (index) => SIZES[index]! > 100],
  ])('keeps %s, and asks once for each, in order', (_, keep) => {
    const out = filled();
    const asked: number[] = [];
    out.filter((index) => {
      asked.push(index);
      return keep(index);
    });
    const kept = FRAMES.filter((_frame, index) => keep(index));
    expect(asked).toEqual(FRAMES.map((_frame, index) => index));
    expect(out.waitingBytes).toBe(total(kept));
    // what is added later comes behind
    put(out, payload(99, 77));
    expect(out.waitingBytes).toBe(total(kept) + 89);
    expectFrames(drain(out), [...kept, frameOf(payload(99, 77))]);
  });

  it('counts from what still waits', () => {
    const out = filled();
    const taken = out.shift()!.frames;
    out.filter((index) => index > 0);
    expectFrames(drain(out), FRAMES.slice(taken + 1));
  });

  it('may be used again and again', () => {
    const out = filled();
    out.filter((index) => index % 3 !== 0);
    out.filter((index) => index % 2 === 0);
    const kept = [1, 4, 7].map((index) => FRAMES[index]!);
    expect(out.waitingBytes).toBe(total(kept));
    expectFrames(drain(out), kept);
  });
});

describe('whatever is done to it', () => {
  const size = fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: 300 }) },
    { weight: 2, arbitrary: fc.nat({ max: 40_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: SLAB - 40, max: SLAB + 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 4096 - 40, max: 4096 + 40 }) },
    { weight: 1, arbitrary: fc.nat({ max: 3 * SLAB }) },
  );
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ what: fc.constant('put' as const), n: size }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('abandon' as const), n: size }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('shift' as const), n: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant('filter' as const), n: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('clear' as const), n: fc.constant(0) }) },
  );

  it('it gives what was put in, once, in order, and never touches it again', () => {
    check(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const out = new Outbox();
        let waiting: Buffer[] = [];
        const handedOut: { bytes: Buffer; then: Buffer }[] = [];
        for (const [id, { what, n }] of steps.entries()) {
          if (what === 'put') {
            put(out, payload(id, n));
            waiting.push(frameOf(payload(id, n)));
          } else if (what === 'abandon') {
            out.begin();
            write(out, payload(id, n));
            out.abandon();
          } else if (what === 'shift') {
            const chunk = out.shift();
            expect(chunk === null).toBe(waiting.length === 0);
            if (chunk !== null) {
              expectFrames(framesOf(chunk), waiting.splice(0, chunk.frames));
              handedOut.push({ bytes: chunk.bytes, then: Buffer.from(chunk.bytes) });
            }
          } else if (what === 'filter') {
            const keep = (index: number): boolean => ((n >> (index % 31)) & 1) === 1;
            out.filter(keep);
            waiting = waiting.filter((_, index) => keep(index));
          } else {
            out.clear();
            waiting = [];
          }
          expect(out.waitingBytes).toBe(total(waiting));
        }
        expectFrames(drain(out), waiting);
        expect(handedOut.every(({ bytes, then }) => then.equals(bytes))).toBe(true);
      }),
      100,
    );
  });
});

describe('what it holds', () => {
  /** Bytes of all memory that what waits keeps alive. */
  const heldBy = (chunks: readonly Chunk[], out: Outbox): number =>
    [...new Set([...chunks.map(({ bytes }) => bytes.buffer), out.buf.buffer])].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    );

  it('is little as long as a turn has little to say, however many there are', () => {
    const out = new Outbox();
    for (let turn = 0; turn < 1000; turn++) {
      for (let id = 0; id < 10; id++) put(out, payload(id, 50));
      expect(shiftAll(out)).toHaveLength(1);
      expect(out.buf.buffer.byteLength).toBe(4 * 1024);
    }
  });

  it('is a slab of 64 KiB as soon as a turn needs it', () => {
    const out = new Outbox();
    for (let turn = 0; turn < 10; turn++) {
      for (let id = 0; id < 100; id++) put(out, payload(id, 50));
      expect(total(drain(out))).toBe(6200);
    }
    expect(out.buf.buffer.byteLength).toBe(SLAB);
  });

  it('and a turn leaves in one write, small slab or not', () => {
    const out = new Outbox();
    for (let turn = 0; turn < 1000; turn++) {
      for (let id = 0; id < 60; id++) put(out, payload(id, 50));
      expect(shiftAll(out)).toHaveLength(1);
    }
  });

  const UNIFORM = [
    10, 100, 5000, 7300, 9000, 14_000, 16_384, 20_000, 33_000, 40_000, 60_000, 66_000, 300_000, 530_000,
  ];
  it.each<[string, readonly number[]]>([
    ...UNIFORM.map((bytes): [string, readonly number[]] => [`${bytes} bytes each`, [bytes]]),
    ['little and much', [2000, 63_000]],
    ['a little more and much', [5000, 62_000]],
    ['all kinds', [10, 40_000, 300, 8000, 100_000, 9000, 30_000, 2000, 2000, 61_000]],
  ])('is not much more than what waits: %s', (_what, sizes) => {
    const out = new Outbox();
    for (let id = 0; out.waitingBytes < 8_000_000; id++) {
      const data = Buffer.alloc(sizes[id % sizes.length]!);
      out.begin();
      out.buffer(data);
      // what stands behind the data in its frame: a version, or an ACL and flags
      out.int(-1);
      out.ustring('world');
      out.ustring('anyone');
      out.end();
    }
    const waiting = out.waitingBytes;
    const held = heldBy(shiftAll(out), out);
    expect(held).toBeGreaterThanOrEqual(waiting);
    expect(held).toBeLessThan(waiting * 1.15 + 2 * SLAB);
  });

  it('is not much more if frames are made of many parts', () => {
    const out = new Outbox();
    while (out.waitingBytes < 8_000_000) {
      out.begin();
      for (let part = 0; part < 1400; part++) out.buffer(Buffer.alloc(96));
      out.end();
    }
    const waiting = out.waitingBytes;
    expect(heldBy(shiftAll(out), out)).toBeLessThan(waiting * 1.15 + 4 * SLAB);
  });

  it('grows in proportion, so that a frame of n parts copies O(n) bytes', () => {
    const out = new Outbox();
    const slabs = new Set<Buffer>();
    out.begin();
    for (let part = 0; part < 20_000; part++) {
      out.buffer(Buffer.alloc(96));
      slabs.add(out.buf);
    }
    out.end();
    expect(slabs.size).toBeLessThan(12);
  });

  it('a large value is copied into its slab once, and what stands behind it with it', () => {
    const out = new Outbox();
    const slabs = new Set<Buffer>();
    out.begin();
    out.ustring('/a');
    out.buffer(Buffer.alloc(530_000));
    slabs.add(out.buf);
    out.int(-1);
    out.end();
    slabs.add(out.buf);
    expect([...slabs].map(({ length }) => length)).toEqual([expect.closeTo(530_300, -3)]);
  });
});
