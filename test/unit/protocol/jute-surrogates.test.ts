import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/protocol/errors.js';
import { JuteReader } from '../../../src/protocol/jute.js';

/** As Java's `BinaryOutputArchive` encodes: each UTF-16 code unit for itself. */
function asJava(text: string): Buffer {
  const parts: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) parts.push(unit);
    else if (unit < 0x800) parts.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f));
    else parts.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(parts);
}

function read(bytes: Buffer): string {
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return new JuteReader(Buffer.concat([length, bytes])).ustring();
}

describe('a string from a Java server', () => {
  it.each(['\u{1F600}:pw', 'a\u{1F600}\u{10FFFF}b', 'é\u{10000}', '\ufffd\u{1F600}', '\u{1F600}'])(
    '%j',
    (text) => {
      expect(read(asJava(text))).toBe(text);
      expect(read(Buffer.from(text))).toBe(text);
    },
  );

  it.each([
    ['half a pair', asJava('\ud83d')],
    ['the halves the wrong way round', asJava('\ude00\ud83d')],
    ['a pair and half a pair', asJava('\u{1F600}\ud83d')],
    ['a pair behind a bad byte', Buffer.concat([Buffer.of(0xff), asJava('\u{1F600}')])],
    ['a pair cut short', asJava('\u{1F600}').subarray(0, 5)],
  ])('is refused: %s', (_name, bytes) => {
    expect(() => read(bytes)).toThrow(DecodeError);
  });
});
