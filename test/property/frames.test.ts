/** However a stream is cut into chunks, the same frames come out of it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameTooLargeError } from '../../src/protocol/errors.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { int } from '../conformance/fact-values.js';
import { check } from '../support/property.js';

const LIMIT = 1000;

function framed(bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(bodies.flatMap((body) => [int(body.length), body]));
}

/** The frames of a stream, which comes in the chunks that end at `cuts`. */
function decode(stream: Buffer, cuts: readonly number[]): string[] {
  const decoder = new FrameDecoder(LIMIT);
  const frames: string[] = [];
  let from = 0;
  for (const to of [...cuts, stream.length]) {
    // a socket's chunk lives in a pool and is used again: what was decoded must not depend on it
    const chunk = Buffer.from(stream.subarray(from, to));
    from = to;
    decoder.push(chunk);
    while (decoder.next()) {
      expect(decoder.owned).toBe(decoder.buf !== chunk);
      frames.push(decoder.buf.toString('hex', decoder.start, decoder.end));
    }
    chunk.fill(0xee);
  }
  expect(decoder.midFrame).toBe(false);
  return frames;
}

const BODIES = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });

function hexOf(bodies: readonly Uint8Array[]): string[] {
  return bodies.map((body) => Buffer.from(body).toString('hex'));
}

describe('FrameDecoder', () => {
  it('decodes the same when the stream is split at any one byte', () => {
    check(
      fc.property(BODIES, (bodies) => {
        const stream = framed(bodies);
        for (let cut = 0; cut <= stream.length; cut++) expect(decode(stream, [cut])).toEqual(hexOf(bodies));
      }),
      30,
    );
  });

  it('decodes the same when every byte comes alone', () => {
    check(
      fc.property(BODIES, (bodies) => {
        const stream = framed(bodies);
        const cuts = Array.from({ length: stream.length - 1 }, (_, i) => i + 1);
        expect(decode(stream, cuts)).toEqual(hexOf(bodies));
      }),
      50,
    );
  });

  it('decodes the same when the stream is split at random', () => {
    const sizes = fc.array(fc.uint8Array({ maxLength: LIMIT, size: 'max' }), { minLength: 1, maxLength: 4 });
    check(
      fc.property(sizes, fc.array(fc.nat(), { maxLength: 12 }), (bodies, somewhere) => {
        const stream = framed(bodies);
        const cuts = somewhere.map((at) => at % (stream.length + 1)).sort((a, b) => a - b);
        expect(decode(stream, cuts)).toEqual(hexOf(bodies));
      }),
    );
  });

  it('a length over the limit, or below 0, ends the stream behind the frames before it', () => {
    const bad = fc.oneof(
      fc.integer({ min: -0x80000000, max: -1 }),
      fc.integer({ min: LIMIT + 1, max: 0x7fffffff }),
    );
    check(
      fc.property(BODIES, bad, fc.nat(), (bodies, length, somewhere) => {
        const good = framed(bodies);
        const stream = Buffer.concat([good, int(length), Buffer.from('rest')]);
        const cut = somewhere % stream.length;
        const decoder = new FrameDecoder(LIMIT);
        const frames: string[] = [];
        expect(() => {
          for (const chunk of [stream.subarray(0, cut), stream.subarray(cut)]) {
            decoder.push(chunk);
            while (decoder.next()) frames.push(decoder.buf.toString('hex', decoder.start, decoder.end));
          }
        }).toThrow(FrameTooLargeError);
        expect(frames).toEqual(hexOf(bodies));
      }),
    );
  });
});
