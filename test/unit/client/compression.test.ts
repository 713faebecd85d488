import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  DecodeError,
  InvalidArgumentError,
  InvalidOptionError,
  compress,
  connect,
  decompress,
  type ZnodeData,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

describe('compressed data', () => {
  it.each<[string, ZnodeData]>([
    ['text', 'zäh'.repeat(1000)],
    ['nothing', ''],
    ['bytes', randomBytes(1000)],
    ['a part of a buffer', new Uint8Array(randomBytes(100).buffer, 10, 20)],
  ])('of %s is gzip, and what it was before', (_name, data) => {
    const packed = compress(data)!;
    expect([...packed.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
    expect(decompress(packed)).toEqual(Buffer.from(data as string));
    expect(compress(data)).toEqual(packed);
  });

  it('of null is null', () => {
    expect(compress(null)).toBeNull();
    expect(decompress(null)).toBeNull();
  });

  it('lets through what would be too long as it is', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    const text = 'the same again and again '.repeat(100_000);
    await expect(conn.create('/a', text)).rejects.toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE' });
    await conn.create('/a', compress(text));
    expect(String(decompress((await conn.get('/a')).data))).toBe(text);
    await conn.close();
    await server.close();
  });

  it('is unpacked no further than is asked for', () => {
    const bomb = gzipSync(Buffer.alloc(17 * 1024 * 1024));
    expect(() => decompress(bomb)).toThrow(/^decompress: the data is longer than maxBytes \(16777216\)$/);
    expect(() => decompress(gzipSync('abcd'), { maxBytes: 3 })).toThrow(DecodeError);
    expect(String(decompress(gzipSync('abcd'), { maxBytes: 4 }))).toBe('abcd');
  });

  it.each([2 ** 33, 2 ** 52, Number.MAX_SAFE_INTEGER])(
    'may be let grow to %i bytes, more than there can be',
    (maxBytes) => {
      expect(String(decompress(gzipSync('abcd'), { maxBytes }))).toBe('abcd');
    },
  );

  it.each([
    ['text', Buffer.from('text')],
    ['nothing', Buffer.alloc(0)],
    ['half of it', gzipSync('some text').subarray(0, 15)],
    ['a changed byte', gzipSync('some text').fill(0xff, 12, 14)],
  ])('that is %s is an error of one class', (_name, data) => {
    expect(() => decompress(data)).toThrow(DecodeError);
    expect(() => decompress(data)).toThrow('decompress: the data is no gzip');
  });

  it('refuses what is no data and no option', () => {
    expect(() => compress(5 as never)).toThrow(InvalidArgumentError);
    expect(() => decompress(5 as never)).toThrow(InvalidArgumentError);
    for (const options of [{ max: 1 }, { maxBytes: 0 }, { maxBytes: '1' }, 5]) {
      expect(() => decompress(null, options as never)).toThrow(InvalidOptionError);
    }
  });
});
