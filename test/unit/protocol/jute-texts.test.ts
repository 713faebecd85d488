import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/protocol/errors.js';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';

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
    ['Latin-1 that is no ASCII', Array.from({ length: 50 }, () => '\u00e9\u00ff\u0080')],
    ['control characters', ['\0', '\u007f', 'a\nb']],
  ])('%s', (_what, texts) => {
    expect(decoded(encoded(texts))).toEqual(texts);
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
