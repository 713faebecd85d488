import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { DecodeError } from '../../../src/protocol/errors.js';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';
import { ServerReader } from '../../../src/testing/server-reader.js';
import { check } from '../../support/property.js';

/** A vector of strings, with something in front of it and behind it. */
function encoded(texts: readonly string[]): Buffer {
  const w = new JuteWriter(8);
  w.int(7);
  w.int(texts.length);
  for (const text of texts) {
    const bytes = Buffer.from(text);
    w.buffer(bytes);
  }
  w.int(9);
  return w.bytes();
}

function decoded(bytes: Buffer): string[] {
  const r = new JuteReader(bytes);
  expect(r.int()).toBe(7);
  const texts = r.ustrings();
  expect(r.int()).toBe(9);
  expect(r.remaining).toBe(0);
  return texts;
}

const ofLength = (length: number, letter = 'a'): string => letter.repeat(length);

describe('a vector of strings', () => {
  it.each<[string, readonly string[]]>([
    ['none', []],
    ['one', ['a']],
    ['empty ones', ['', '', '']],
    ['every length around the limits', Array.from({ length: 300 }, (_, i) => ofLength(i))],
    ['much more than is decoded at once', Array.from({ length: 5000 }, (_, i) => `n-${i}`)],
    ['a long one among short ones', ['a', 'b', ofLength(5000), 'c', 'd']],
    [
      'one that is longer than what is decoded at once, first and last',
      [ofLength(1100), 'x', ofLength(1100)],
    ],
    ['umlauts among others', ['a', 'b', 'ä', 'c', 'd', '節点', 'e', 'f']],
    ['umlauts at the end', ['a', 'b', 'ü']],
    [
      'every kind of character',
      Array.from({ length: 200 }, (_, i) => ['a', 'ä', '節', '😀'].slice(i % 4).join(`${i}`)),
    ],
    ['the character that stands for what cannot be read', ['a', '\ufffd', 'b', '\ufffd\ufffd']],
    ['Latin-1 that is no ASCII', Array.from({ length: 50 }, () => '\u00e9\u00ff\u0080')],
    ['control characters', ['\0', '\u007f', 'a\nb']],
  ])('%s', (_what, texts) => {
    expect(decoded(encoded(texts))).toEqual(texts);
  });

  const text = fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 20 }) },
    { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 30, maxLength: 140 }) },
  );

  it('is what it would be if each were decoded by itself', () => {
    check(
      fc.property(fc.array(text, { maxLength: 120, size: 'max' }), (texts) => {
        expect(decoded(encoded(texts))).toEqual(texts);
      }),
    );
  });

  const bytes = fc.oneof(
    { weight: 4, arbitrary: text.map((each) => Buffer.from(each)) },
    // what Java writes for a character above U+FFFF
    { weight: 1, arbitrary: fc.constant(Buffer.from('61eda0bdedb88062', 'hex')) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 6 }).map((each) => Buffer.from(each)) },
  );

  it.each([
    ['a client', (all: Buffer) => new JuteReader(all)],
    ['a server', (all: Buffer) => new ServerReader(all)],
  ] as const)('is to %s, whatever bytes these are, what it would be one by one', (_who, readerOf) => {
    const outcome = (read: () => readonly string[]): readonly string[] | string => {
      try {
        return read();
      } catch (error) {
        return (error as Error).message;
      }
    };
    check(
      fc.property(fc.array(bytes, { maxLength: 60, size: 'max' }), (all) => {
        const w = new JuteWriter();
        w.vector(all, (_w, each) => w.buffer(each));
        const alone = outcome(() => {
          const r = readerOf(w.bytes());
          return r.vector(4, () => r.ustring());
        });
        expect(outcome(() => readerOf(w.bytes()).ustrings())).toEqual(alone);
      }),
    );
  });

  it.each<[string, (i: number) => string | Buffer]>([
    ['ASCII', (i) => `node-${i}`],
    ['umlauts', (i) => `n\u00f6de-${i}`],
    ['Chinese', (i) => `\u8282\u70b9-${i}`],
    ['an umlaut here and there', (i) => (i % 20 === 0 ? 'ö' : `node-${i}`)],
    ['surrogates as Java writes them', () => Buffer.from('61eda0bdedb88062', 'hex')],
    ['long ones', (i) => ofLength(130 + (i % 7))],
    ['long ones and short ones', (i) => ofLength(i % 2 === 0 ? 130 : 3)],
  ])('looks at each a few times, however many there are: %s', (_what, nameOf) => {
    const count = 2000;
    const w = new JuteWriter();
    w.int(count);
    for (let i = 0; i < count; i++) w.buffer(Buffer.from(nameOf(i)));
    const looks = vi.spyOn(DataView.prototype, 'getInt32');
    try {
      expect(new JuteReader(w.bytes()).ustrings()).toHaveLength(count);
      expect(looks.mock.calls.length).toBeLessThan(4 * count);
    } finally {
      looks.mockRestore();
    }
  });

  it('is refused where it does not end, wherever it is cut', () => {
    const whole = encoded(['ab', 'cd', 'ä', ofLength(130), 'ef']);
    for (let end = 4; end < whole.length - 4; end++) {
      const r = new JuteReader(whole.subarray(0, end));
      r.int();
      expect(() => r.ustrings()).toThrow(DecodeError);
    }
  });

  it('is refused if it is null, if a text in it is, and if its length is absurd', () => {
    const refused = (hex: string): void => {
      expect(() => new JuteReader(Buffer.from(hex, 'hex')).ustrings()).toThrow(DecodeError);
    };
    refused('ffffffff');
    refused('00000003000000016100000001620000ffff');
    refused('0000000300000001610000000162ffffffff');
    refused('7fffffff00000000');
    refused('0000000200000001617fffffff');
  });
});

describe('a text', () => {
  const utf8 = (text: string): string => {
    const w = new JuteWriter(1);
    w.ustring('before');
    w.ustring(text);
    w.ustring('behind');
    const r = new JuteReader(w.bytes());
    expect(r.ustring()).toBe('before');
    const read = r.ustring();
    expect(r.ustring()).toBe('behind');
    return read;
  };

  it.each(['', 'a', '/a/b', '\0\u007f', 'ä', 'abcä', '節点', '😀'])('%j comes back', (text) => {
    expect(utf8(text)).toBe(text);
  });

  it('comes back at every length, with and without a character that takes more than a byte', () => {
    for (let length = 0; length < 200; length++) {
      expect(utf8(ofLength(length))).toBe(ofLength(length));
      expect(utf8(`${ofLength(length)}é`)).toBe(`${ofLength(length)}é`);
    }
  });

  it('with half a surrogate pair is refused, however short', () => {
    const w = new JuteWriter();
    expect(() => w.ustring('a\ud800')).toThrow(TypeError);
    expect(w.pos).toBe(0);
  });
});
