/**
 * Jute primitives: big-endian ints and longs, strings, buffers, vectors (Java `BinaryOutputArchive`,
 * `BinaryInputArchive`). The writer encodes in place into a slab that it is given room in; the reader checks every
 * length against the bytes that are there before it touches them.
 *
 * null and empty differ on the wire (length -1 and 0) and stay apart here. What cannot be written as it is (a fraction, a
 * text with half a surrogate pair, an object where bytes must be) is a TypeError, never something else on the wire.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { DecodeError } from './errors.js';

/** UTF-16 code units of a text that is written one by one. */
const SHORT_TEXT = 40;

/** Writes primitives into one growing buffer. `pos` is the next free byte. */
export class JuteWriter {
  buf: Buffer;
  pos = 0;
  private view: DataView;

  constructor(bytes = 256) {
    this.buf = Buffer.allocUnsafeSlow(bytes);
    this.view = new DataView(this.buf.buffer);
  }

  /** Makes sure that `bytes` more fit. */
  reserve(bytes: number): void {
    if (this.pos + bytes > this.buf.length) this.grow(bytes);
  }

  /** Replaces the buffer by a larger one. A subclass may keep less than everything. */
  protected grow(bytes: number): void {
    this.replace(Math.max(this.buf.length * 2, this.pos + bytes), 0);
  }

  /** Goes on in a new buffer of `size` bytes, into which what lies from `keepFrom` on is copied. */
  protected replace(size: number, keepFrom: number): void {
    const fresh = Buffer.allocUnsafeSlow(size);
    this.buf.copy(fresh, 0, keepFrom, this.pos);
    this.buf = fresh;
    this.view = new DataView(fresh.buffer);
    this.pos -= keepFrom;
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') throw unwritable('a boolean', value);
    this.reserve(1);
    this.buf[this.pos++] = value ? 1 : 0;
  }

  int(value: number): void {
    if ((value | 0) !== value) throw unwritable('a 32-bit integer', value);
    this.reserve(4);
    this.view.setInt32(this.pos, value);
    this.pos += 4;
  }

  /** Writes an int at a place that was passed already. */
  intAt(pos: number, value: number): void {
    this.view.setInt32(pos, value);
  }

  long(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.pos, value);
    this.pos += 8;
  }

  /** A long that is a time or another number below 2^53. */
  longNumber(value: number): void {
    if (!Number.isSafeInteger(value)) throw unwritable('an integer below 2^53', value);
    this.reserve(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.view.setInt32(this.pos, high);
    this.view.setUint32(this.pos + 4, value - high * 0x1_0000_0000);
    this.pos += 8;
  }

  ustring(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    if (typeof value !== 'string') throw unwritable('well-formed text', value);
    if (value.length <= SHORT_TEXT && this.shortAscii(value)) return;
    if (!isWellFormed(value)) throw unwritable('well-formed text', value);
    // three bytes is the most that one UTF-16 code unit can take
    this.reserve(4 + value.length * 3);
    const length = this.buf.write(value, this.pos + 4, 'utf8');
    this.view.setInt32(this.pos, length);
    this.pos += 4 + length;
  }

  /** Writes a text if it is ASCII: unit by unit, which for a short one is faster than a call out of JavaScript. */
  private shortAscii(value: string): boolean {
    const { length } = value;
    this.reserve(4 + length);
    const { buf, pos } = this;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return false;
      buf[pos + 4 + i] = unit;
    }
    this.view.setInt32(pos, length);
    this.pos = pos + 4 + length;
    return true;
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    if (!(value instanceof Uint8Array)) throw unwritable('bytes', value);
    this.reserve(4 + value.length);
    this.view.setInt32(this.pos, value.length);
    this.buf.set(value, this.pos + 4);
    this.pos += 4 + value.length;
  }

  vector<T>(values: readonly T[] | null, write: (w: this, value: T) => void): void {
    if (values === null) {
      this.int(-1);
      return;
    }
    if (!isList(values)) throw unwritable('a list', values);
    this.int(values.length);
    for (const value of values) write(this, value);
  }

  /** What was written so far, as a copy. */
  bytes(): Buffer {
    return Buffer.from(this.buf.subarray(0, this.pos));
  }
}

/** Data of at most this is handed out of a copy of so much, which holds what lies behind it, too. */
const RUN_PART_BYTES = 1024;
/** The most that Node takes out of its pool. */
const COPIED_RUN_BYTES = 4095;

/** So many bytes of strings are decoded at once. */
const RUN_BYTES = 1024;

/** Reads primitives from a range of a buffer and throws {@link DecodeError} rather than read past its end. */
export class JuteReader {
  pos = 0;
  end = 0;
  private buf: Buffer = EMPTY;
  private view: DataView = EMPTY_VIEW;
  private owned = false;
  /** A copy of what lies in `buf` from `runStart` on. */
  private run: Buffer = EMPTY;
  private runStart = 0;

  constructor(buf?: Buffer) {
    if (buf !== undefined) this.reset(buf, 0, buf.length, false);
  }

  /**
   * Points the reader at `buf[start, end)`.
   * @param owned true if nothing else lives in `buf`: then {@link buffer} may return a view instead of a copy
   */
  reset(buf: Buffer, start: number, end: number, owned: boolean): void {
    if (buf !== this.buf) {
      this.buf = buf;
      this.view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
      this.run = EMPTY;
    }
    this.pos = start;
    this.end = end;
    this.owned = owned;
  }

  /** Lets go of the buffer, so that a chunk is not kept alive between two reads. */
  release(): void {
    this.buf = EMPTY;
    this.view = EMPTY_VIEW;
    this.run = EMPTY;
    this.pos = 0;
    this.end = 0;
  }

  /** Bytes that are left. */
  get remaining(): number {
    return this.end - this.pos;
  }

  bool(): boolean {
    // Java takes any byte but 0 as true
    return this.buf[this.take(1)] !== 0;
  }

  int(): number {
    return this.view.getInt32(this.take(4));
  }

  long(): bigint {
    return this.view.getBigInt64(this.take(8));
  }

  /** A long whose both halves are usually 0; avoids making a bigint then. */
  longOrZero(): bigint {
    const at = this.take(8);
    if (this.view.getInt32(at) === 0 && this.view.getInt32(at + 4) === 0) return 0n;
    return this.view.getBigInt64(at);
  }

  /** A long that is a time in ms or another number below 2^53. */
  longNumber(): number {
    const at = this.take(8);
    return this.view.getInt32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4);
  }

  ustringOrNull(): string | null {
    const length = this.int();
    if (length === -1) return null;
    const start = this.takeLength(length, 'string');
    const text = this.buf.toString('utf8', start, start + length);
    // two different names must never become one string; U+FFFD shows up only where decoding may have failed
    if (!text.includes('\ufffd')) return text;
    const bytes = this.buf.subarray(start, start + length);
    if (isUtf8(bytes)) return text;
    return this.decodeBadUtf8(bytes);
  }

  /** Text from bytes that are no UTF-8: what Java servers write for characters above U+FFFF, or an error. */
  protected decodeBadUtf8(bytes: Buffer): string {
    const text = decodeSurrogateBytes(bytes);
    if (text === null) throw new DecodeError(`a string of ${bytes.length} bytes is not valid UTF-8`);
    return text;
  }

  ustring(): string {
    const text = this.ustringOrNull();
    if (text === null) throw new DecodeError('null where a string must be');
    return text;
  }

  buffer(): Buffer | null {
    const length = this.int();
    if (length === -1) return null;
    const start = this.takeLength(length, 'buffer');
    // one view at most, of more than half of it: whoever transfers its memory empties nothing else, and keeps little else alive
    if (this.owned && length * 2 > this.buf.length) return this.buf.subarray(start, start + length);
    if (length <= RUN_PART_BYTES && this.buf.length - start >= 2 * RUN_PART_BYTES)
      return this.fromRun(start, length);
    return this.copied(start, length);
  }

  /**
   * A view of a copy that holds the next few kibibytes as well: what lies in them need not be copied one by one. It is taken out
   * of Node's pool, whose memory cannot be transferred, so that nobody can take that of all others away with his own.
   */
  private fromRun(start: number, length: number): Buffer {
    let at = start - this.runStart;
    if (at < 0 || at + length > this.run.length) {
      const run = this.copied(start, Math.min(COPIED_RUN_BYTES, this.buf.length - start));
      // not out of the pool: its size can be changed by anybody
      if (run.length === run.buffer.byteLength) return this.copied(start, length);
      this.run = run;
      this.runStart = start;
      at = 0;
    }
    return this.run.subarray(at, at + length);
  }

  private copied(start: number, length: number): Buffer {
    const copy = Buffer.allocUnsafe(length);
    this.buf.copy(copy, 0, start, start + length);
    return copy;
  }

  /** @param minBytes the least that one element takes, so that an absurd count is refused before anything is allocated */
  vectorOrNull<T>(minBytes: number, read: (r: this) => T): T[] | null {
    const count = this.count(minBytes);
    if (count === null) return null;
    const values: T[] = [];
    for (let i = 0; i < count; i++) values.push(read(this));
    return values;
  }

  vector<T>(minBytes: number, read: (r: this) => T): T[] {
    const values = this.vectorOrNull(minBytes, read);
    if (values === null) throw new DecodeError('null where a vector must be');
    return values;
  }

  /** A vector of strings. */
  ustrings(): string[] {
    const count = this.count(4);
    if (count === null) throw new DecodeError('null where a vector must be');
    // there are bytes for so many; a list that grew would be copied again and again
    const texts = new Array<string>(count);
    for (let at = 0; at < count;) {
      const after = this.shortTexts(texts, at);
      if (after === at) texts[at++] = this.ustring();
      else at = after;
    }
    return texts;
  }

  /** How many elements follow; null for no vector. */
  private count(minBytes: number): number | null {
    const count = this.int();
    if (count === -1) return null;
    if (count < 0) return this.absurdCount(count);
    if (count * minBytes > this.remaining) throw badVector(count, this.remaining);
    return count;
  }

  /** What a count below -1 stands for. */
  protected absurdCount(count: number): number {
    throw badVector(count, this.remaining);
  }

  /**
   * Decodes as many of the next strings as make up a kibibyte at once, if all are short, as names mostly are: one call out of
   * JavaScript for each of them would be most of what they cost. Not more than that, since each of them keeps the whole run
   * alive. What was looked at is decoded here in any case: nothing is looked at twice.
   * @returns the place behind them in `into`
   */
  private shortTexts(into: string[], from: number): number {
    const { view, pos: start } = this;
    const limit = Math.min(this.end, start + RUN_BYTES) - 4;
    let end = start;
    let last = from;
    while (end <= limit && last < into.length) {
      const length = view.getInt32(end);
      if (length < 0 || length > 0x7f || end + 4 + length > this.end) break;
      end += 4 + length;
      last++;
    }
    if (last - from < 2) return from;
    const run = this.buf.subarray(start, end);
    // their length prefixes are ASCII, too, so that no character spans two of them
    if (isAscii(run)) {
      const text = run.toString('latin1');
      for (let at = start, i = from; i < last; i++) {
        const begin = at + 4;
        at = begin + view.getInt32(at);
        into[i] = text.slice(begin - start, at - start);
      }
    } else if (isUtf8(run)) {
      const text = run.toString('utf8');
      for (let at = 0, unit = 0, i = from; i < last; i++) {
        const begin = unit + 4;
        const next = at + 4 + view.getInt32(start + at);
        unit = begin + codeUnits(run, at + 4, next);
        at = next;
        into[i] = text.slice(begin, unit);
      }
    } else {
      for (let i = from; i < last; i++) into[i] = this.ustring();
    }
    this.pos = end;
    return last;
  }

  private take(bytes: number): number {
    const at = this.pos;
    if (at + bytes > this.end)
      throw new DecodeError(`a record ends ${at + bytes - this.end} bytes too early`);
    this.pos = at + bytes;
    return at;
  }

  private takeLength(length: number, what: string): number {
    if (length < 0 || length > this.remaining) {
      throw new DecodeError(`a ${what} of ${length} bytes where ${this.remaining} are left`);
    }
    return this.take(length);
  }
}

/**
 * Java writes a character above U+FFFF as its two surrogates, three bytes each (`BinaryOutputArchive.stringToByteBuffer`),
 * which is no UTF-8. An ACL id may hold one.
 * @returns null if the bytes are not even that
 */
function decodeSurrogateBytes(bytes: Buffer): string | null {
  let text = '';
  let plain = 0;
  for (let i = 0; i + 5 < bytes.length; i++) {
    if (!isSurrogate(bytes, i, 0xa0) || !isSurrogate(bytes, i + 3, 0xb0)) continue;
    const before = bytes.subarray(plain, i);
    if (!isUtf8(before)) return null;
    text += before.toString('utf8') + String.fromCharCode(codeUnit(bytes, i), codeUnit(bytes, i + 3));
    plain = i + 6;
    i += 5;
  }
  const rest = bytes.subarray(plain);
  return plain > 0 && isUtf8(rest) ? text + rest.toString('utf8') : null;
}

/** UTF-16 code units of what well-formed UTF-8 stands for. */
function codeUnits(bytes: Buffer, start: number, end: number): number {
  let units = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    // one for the first byte of each character, and one more for one above U+FFFF
    if ((byte & 0xc0) !== 0x80) units += byte < 0xf0 ? 1 : 2;
  }
  return units;
}

/** Do three bytes stand here that encode a high (0xa0) or low (0xb0) surrogate? */
function isSurrogate(bytes: Buffer, at: number, kind: 0xa0 | 0xb0): boolean {
  return (
    bytes[at] === 0xed && ((bytes[at + 1] ?? 0) & 0xf0) === kind && ((bytes[at + 2] ?? 0) & 0xc0) === 0x80
  );
}

function codeUnit(bytes: Buffer, at: number): number {
  return 0xd000 | (((bytes[at + 1] ?? 0) & 0x3f) << 6) | ((bytes[at + 2] ?? 0) & 0x3f);
}

/** Half a surrogate pair would be encoded as U+FFFD, and so become another text. */
export function isWellFormed(text: string): boolean {
  // in every Node since 20, and not yet in the library of ES2022
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function badVector(count: number, bytes: number): DecodeError {
  return new DecodeError(`a vector of ${count} elements in ${bytes} bytes`);
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function unwritable(what: string, value: unknown): TypeError {
  return new TypeError(`${what} is wanted, not ${value === null ? 'null' : typeof value}`);
}

const EMPTY = Buffer.alloc(0);
const EMPTY_VIEW = new DataView(new ArrayBuffer(0));
