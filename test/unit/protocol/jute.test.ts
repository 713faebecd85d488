import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/protocol/errors.js';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';

function written(write: (w: JuteWriter) => void): string {
  const w = new JuteWriter();
  write(w);
  return w.bytes().toString('hex');
}

function reader(hex: string): JuteReader {
  return new JuteReader(Buffer.from(hex, 'hex'));
}

const LONGS: readonly (readonly [bigint, string])[] = [
  [0n, '0000000000000000'],
  [1n, '0000000000000001'],
  [-1n, 'ffffffffffffffff'],
  [2n ** 32n, '0000000100000000'],
  [2n ** 53n + 1n, '0020000000000001'],
  [2n ** 63n - 1n, '7fffffffffffffff'],
  [-(2n ** 63n), '8000000000000000'],
];

const NUMBERS: readonly (readonly [number, string])[] = [
  [0, '0000000000000000'],
  [1, '0000000000000001'],
  [-1, 'ffffffffffffffff'],
  [0xffffffff, '00000000ffffffff'],
  [0x1_0000_0000, '0000000100000000'],
  [-0x1_0000_0000, 'ffffffff00000000'],
  [-0x1_0000_0001, 'fffffffeffffffff'],
  [Number.MAX_SAFE_INTEGER, '001fffffffffffff'],
  [Number.MIN_SAFE_INTEGER, 'ffe0000000000001'],
];

describe('primitives', () => {
  it.each([
    [0, '00000000'],
    [-1, 'ffffffff'],
    [0x7fffffff, '7fffffff'],
    [-0x80000000, '80000000'],
  ])('int %i', (value, hex) => {
    expect(written((w) => w.int(value))).toBe(hex);
    expect(reader(hex).int()).toBe(value);
  });

  it.each(LONGS)('long %s', (value, hex) => {
    expect(written((w) => w.long(value))).toBe(hex);
    expect(reader(hex).long()).toBe(value);
    expect(reader(hex).longOrZero()).toBe(value);
  });

  it.each(NUMBERS)('long %i as a number', (value, hex) => {
    expect(written((w) => w.longNumber(value))).toBe(hex);
    expect(reader(hex).longNumber()).toBe(value);
  });

  it('longOrZero keeps a long of which one half is zero', () => {
    expect(reader('0000000100000000').longOrZero()).toBe(2n ** 32n);
    expect(reader('0000000000000001').longOrZero()).toBe(1n);
  });

  it('a boolean is one byte, and any byte but 0 is true, as in Java', () => {
    expect(written((w) => w.bool(true))).toBe('01');
    expect(written((w) => w.bool(false))).toBe('00');
    expect(['00', '01', '02', 'ff'].map((hex) => reader(hex).bool())).toEqual([false, true, true, true]);
  });

  it('intAt writes at a place that was passed and does not move', () => {
    const w = new JuteWriter();
    w.int(0);
    w.int(7);
    w.intAt(0, w.pos - 4);
    expect(w.bytes().toString('hex')).toBe('0000000400000007');
  });
});

describe('null and empty', () => {
  it('strings', () => {
    expect(written((w) => w.ustring(null))).toBe('ffffffff');
    expect(written((w) => w.ustring(''))).toBe('00000000');
    expect(reader('ffffffff').ustringOrNull()).toBeNull();
    expect(reader('00000000').ustringOrNull()).toBe('');
    expect(reader('00000000').ustring()).toBe('');
  });

  it('buffers', () => {
    expect(written((w) => w.buffer(null))).toBe('ffffffff');
    expect(written((w) => w.buffer(Buffer.alloc(0)))).toBe('00000000');
    expect(reader('ffffffff').buffer()).toBeNull();
    expect(reader('00000000').buffer()).toEqual(Buffer.alloc(0));
  });

  it('vectors', () => {
    const item = (w: JuteWriter, value: number): void => w.int(value);
    expect(written((w) => w.vector(null, item))).toBe('ffffffff');
    expect(written((w) => w.vector([], item))).toBe('00000000');
    expect(written((w) => w.vector([1, 2], item))).toBe('000000020000000100000002');
    expect(reader('ffffffff').vectorOrNull(4, (r) => r.int())).toBeNull();
    expect(reader('00000000').vectorOrNull(4, (r) => r.int())).toEqual([]);
    expect(reader('000000020000000100000002').vector(4, (r) => r.int())).toEqual([1, 2]);
  });

  it('null is refused where it makes no sense', () => {
    expect(() => reader('ffffffff').ustring()).toThrow(DecodeError);
    expect(() => reader('ffffffff').vector(4, (r) => r.int())).toThrow(DecodeError);
  });
});

describe('lengths that cannot be', () => {
  const READS: readonly (readonly [string, (r: JuteReader) => unknown])[] = [
    ['string', (r) => r.ustringOrNull()],
    ['buffer', (r) => r.buffer()],
    ['vector', (r) => r.vectorOrNull(4, (q) => q.int())],
  ];

  it.each(READS)('a %s of a negative length other than -1', (_what, read) => {
    for (const hex of ['fffffffe', '80000000', 'ffffff00']) {
      expect(() => read(reader(`${hex}0000000000000000`))).toThrow(DecodeError);
    }
  });

  it.each(READS)('a %s that is longer than what is left', (_what, read) => {
    for (const hex of ['0000000500000000', '7fffffff00000000', '40000000', '00000001']) {
      expect(() => read(reader(hex))).toThrow(DecodeError);
    }
  });

  it('a count that fits by its bytes but not by the least size of its elements', () => {
    expect(() => reader('0000000400000000').vector(4, (r) => r.int())).toThrow(DecodeError);
    expect(reader('00000004').remaining).toBe(4);
  });

  it('an absurd count calls no reader at all', () => {
    let calls = 0;
    expect(() => reader('7fffffff00000000').vector(4, () => calls++)).toThrow(DecodeError);
    expect(calls).toBe(0);
  });

  it.each([
    ['bool', 1, (r: JuteReader) => r.bool()],
    ['int', 4, (r: JuteReader) => r.int()],
    ['long', 8, (r: JuteReader) => r.long()],
    ['longOrZero', 8, (r: JuteReader) => r.longOrZero()],
    ['longNumber', 8, (r: JuteReader) => r.longNumber()],
  ] as const)('%s where less than %i bytes are left', (_name, bytes, read) => {
    for (let n = 0; n < bytes; n++) expect(() => read(new JuteReader(Buffer.alloc(n)))).toThrow(DecodeError);
    expect(() => read(new JuteReader(Buffer.alloc(bytes)))).not.toThrow();
  });

  it('the end is that of the range, not that of the buffer', () => {
    const r = new JuteReader();
    r.reset(Buffer.from('0000000100000002', 'hex'), 0, 4, false);
    expect(r.int()).toBe(1);
    expect(() => r.int()).toThrow(DecodeError);
    r.reset(Buffer.from('0000000100000002', 'hex'), 0, 6, false);
    expect(() => r.long()).toThrow(DecodeError);
    expect(() => reader('00000004616263').ustring()).toThrow(DecodeError);
  });
});

describe('strings', () => {
  it.each([
    ['one byte', 'a', '61'],
    ['two bytes', 'ß', 'c39f'],
    ['three bytes', '\u20ac', 'e282ac'],
    ['four bytes', '\u{1f600}', 'f09f9880'],
    ['a byte order mark', '\ufeff', 'efbbbf'],
    ['the replacement character itself', '\ufffd', 'efbfbd'],
    ['NUL', '\0', '00'],
  ])('%s', (_what, text, hex) => {
    const bytes = `0000000${hex.length / 2}${hex}`;
    expect(written((w) => w.ustring(text))).toBe(bytes);
    expect(reader(bytes).ustring()).toBe(text);
  });

  it.each([
    ['a lone continuation byte', '80'],
    ['a character that is cut short', 'e282'],
    ['a surrogate, as CESU-8 has it', 'eda080'],
    ['an overlong slash', 'c0af'],
    ['a code point above U+10FFFF', 'f4908080'],
    ['a replacement character beside an invalid byte', 'efbfbdff'],
  ])('invalid UTF-8 is refused: %s', (_what, hex) => {
    expect(() => reader(`0000000${hex.length / 2}${hex}`).ustring()).toThrow(DecodeError);
  });
});

describe('JuteWriter', () => {
  it('grows at any place without losing a byte', () => {
    const expected = written((w) => {
      everything(w);
      everything(w);
    });
    for (let size = 0; size < 80; size++) {
      const w = new JuteWriter(size);
      everything(w);
      everything(w);
      expect(w.bytes().toString('hex')).toBe(expected);
    }
  });

  function everything(w: JuteWriter): void {
    w.bool(true);
    w.int(-2);
    w.long(-(2n ** 63n));
    w.longNumber(Number.MAX_SAFE_INTEGER);
    w.ustring('ä\u20ac');
    w.buffer(Buffer.from('abc'));
    w.vector(['x', ''], (v, name) => v.ustring(name));
  }

  it('grows for a value that is larger than twice itself', () => {
    const w = new JuteWriter(4);
    w.int(1);
    w.buffer(Buffer.alloc(10_000, 7));
    expect(w.pos).toBe(10_008);
    expect(w.bytes().readInt32BE(0)).toBe(1);
    expect(w.bytes()[10_007]).toBe(7);
  });

  it('grows in proportion, so that n writes copy O(n) bytes', () => {
    const w = new JuteWriter(1);
    let buffers = 0;
    let last = w.buf;
    for (let i = 0; i < 10_000; i++) {
      w.int(i);
      if (w.buf !== last) {
        buffers++;
        last = w.buf;
      }
    }
    expect(buffers).toBeLessThan(20);
  });

  it('bytes() is a copy', () => {
    const w = new JuteWriter();
    w.int(1);
    const bytes = w.bytes();
    w.intAt(0, 2);
    expect(bytes.toString('hex')).toBe('00000001');
  });
});

describe('JuteReader', () => {
  it('copies a buffer out of a shared chunk, and views one that it owns and that is most of it', () => {
    const chunk = Buffer.from('000000056162636465', 'hex');
    const r = new JuteReader();
    r.reset(chunk, 0, chunk.length, false);
    const copy = r.buffer();
    r.reset(chunk, 0, chunk.length, true);
    const view = r.buffer();
    chunk.fill(0);
    expect(copy?.toString()).toBe('abcde');
    expect(view).toEqual(Buffer.alloc(5));
  });

  it('reads from the middle of a pooled buffer', () => {
    const pooled = Buffer.from('ffff0000000000000000ffff', 'hex');
    const r = new JuteReader();
    r.reset(pooled.subarray(2), 1, 9, false);
    expect(r.long()).toBe(0xffn);
    expect(r.remaining).toBe(0);
  });

  it('reads nothing after release()', () => {
    const r = reader('00000001');
    r.release();
    expect(r.remaining).toBe(0);
    expect(() => r.int()).toThrow(DecodeError);
    r.reset(Buffer.from('00000005', 'hex'), 0, 4, false);
    expect(r.int()).toBe(5);
  });
});
