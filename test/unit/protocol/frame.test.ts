import { describe, expect, it } from 'vitest';
import { FrameTooLargeError } from '../../../src/protocol/errors.js';
import { FrameDecoder } from '../../../src/protocol/frame.js';

function framed(...bodies: readonly string[]): Buffer {
  const parts = bodies.map((body) => {
    const prefix = Buffer.alloc(4);
    prefix.writeInt32BE(body.length);
    return Buffer.concat([prefix, Buffer.from(body, 'latin1')]);
  });
  return Buffer.concat(parts);
}

/** Every frame in the chunks, as text. */
function decode(decoder: FrameDecoder, ...chunks: readonly Buffer[]): string[] {
  const frames: string[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.next()) frames.push(decoder.buf.toString('latin1', decoder.start, decoder.end));
  }
  return frames;
}

describe('FrameDecoder', () => {
  it('finds all frames of a chunk', () => {
    expect(decode(new FrameDecoder(100), framed('a', '', 'bcd'))).toEqual(['a', '', 'bcd']);
  });

  it('passes a frame that lies whole in a chunk as a range of it', () => {
    const decoder = new FrameDecoder(100);
    const chunk = framed('ab', 'cd');
    decoder.push(chunk);
    expect(decoder.next()).toBe(true);
    expect(decoder.buf).toBe(chunk);
    expect([decoder.start, decoder.end, decoder.owned]).toEqual([4, 6, false]);
    expect(decoder.next()).toBe(true);
    expect([decoder.start, decoder.end, decoder.owned]).toEqual([10, 12, false]);
    expect(decoder.next()).toBe(false);
  });

  it('assembles a frame that spans chunks in a buffer of its own', () => {
    const decoder = new FrameDecoder(100);
    const bytes = framed('hello');
    expect(decode(decoder, bytes.subarray(0, 6))).toEqual([]);
    expect(decoder.midFrame).toBe(true);
    decoder.push(bytes.subarray(6));
    expect(decoder.next()).toBe(true);
    expect([decoder.start, decoder.end, decoder.owned]).toEqual([0, 5, true]);
    expect(decoder.buf.length).toBe(5);
    expect(decoder.midFrame).toBe(false);
    bytes.fill(0);
    expect(decoder.buf.toString()).toBe('hello');
  });

  it('goes on behind a frame that spanned chunks', () => {
    const bytes = framed('hello', 'x', 'yz');
    expect(decode(new FrameDecoder(100), bytes.subarray(0, 7), bytes.subarray(7))).toEqual([
      'hello',
      'x',
      'yz',
    ]);
  });

  it('bears a prefix that comes byte by byte, also one with high bytes', () => {
    const body = 'x'.repeat(0x1ff);
    const bytes = framed(body, '', body);
    const bits = Array.from(bytes, (_byte, i) => bytes.subarray(i, i + 1));
    expect(decode(new FrameDecoder(0x1ff), ...bits)).toEqual([body, '', body]);
  });

  it('a frame of length 0 may end a chunk', () => {
    const bytes = framed('');
    expect(decode(new FrameDecoder(100), bytes.subarray(0, 2), bytes.subarray(2), framed('a'))).toEqual([
      '',
      'a',
    ]);
  });

  it('says whether a frame has begun and not ended', () => {
    const decoder = new FrameDecoder(100);
    expect(decoder.midFrame).toBe(false);
    decode(decoder, framed('a').subarray(0, 3));
    expect(decoder.midFrame).toBe(true);
    decode(decoder, framed('a').subarray(3, 4));
    expect(decoder.midFrame).toBe(true);
    expect(decode(decoder, Buffer.from('a'))).toEqual(['a']);
    expect(decoder.midFrame).toBe(false);
  });

  it('takes a frame of the limit and refuses a longer one before any of it has come', () => {
    expect(decode(new FrameDecoder(3), framed('abc'))).toEqual(['abc']);
    expect(() => decode(new FrameDecoder(3), framed('abcd').subarray(0, 4))).toThrow(FrameTooLargeError);
    expect(() => decode(new FrameDecoder(3), Buffer.from('7fffffff', 'hex'))).toThrow(FrameTooLargeError);
  });

  it('refuses a negative length, also one whose prefix spans chunks', () => {
    const negative = Buffer.from('ffffffff', 'hex');
    expect(() => decode(new FrameDecoder(100), negative)).toThrow(FrameTooLargeError);
    expect(() => decode(new FrameDecoder(100), negative.subarray(0, 1), negative.subarray(1))).toThrow(
      FrameTooLargeError,
    );
  });

  it('the limit may change between frames', () => {
    const decoder = new FrameDecoder(2);
    expect(decode(decoder, framed('ab'))).toEqual(['ab']);
    decoder.maxBytes = 4;
    expect(decode(decoder, framed('abcd'))).toEqual(['abcd']);
  });

  it('lets go of a chunk that has been read', () => {
    const decoder = new FrameDecoder(100);
    decode(decoder, framed('a'));
    expect(decoder.buf.length).toBe(0);
  });

  it('an empty chunk is nothing', () => {
    expect(decode(new FrameDecoder(100), Buffer.alloc(0), framed('a'), Buffer.alloc(0))).toEqual(['a']);
  });
});
