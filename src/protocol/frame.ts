/**
 * Splits a byte stream into frames: `int32 length` + that many bytes. Frames that lie whole in a chunk are passed as a
 * range of it, without a copy; one that spans chunks is assembled once into a buffer of its exact size.
 */
import { FrameTooLargeError } from './errors.js';

/** Pull decoder: `push(chunk)`, then `next()` until it says false. */
export class FrameDecoder {
  /** Longest frame that is accepted, in bytes without the prefix. May be changed between frames. */
  maxBytes: number;
  /** Where the current frame lies: `buf[start, end)`. Valid after `next()` said true, until the next call. */
  buf: Buffer = NOTHING;
  start = 0;
  end = 0;
  /** True if `buf` holds this frame and nothing else. */
  owned = false;
  /**
   * How many bytes of a frame that is over `maxBytes` are wanted: it is then passed as those first bytes, and the rest is
   * dropped as it comes. null: such a frame is an error.
   */
  headBytes: number | null = null;
  /** Whole length of the current frame, if that is over `maxBytes` and only its head was kept; else 0. */
  cutFrom = 0;

  private chunk: Buffer = NOTHING;
  /** Nobody else will write to the chunk. */
  private isChunkOurs = false;
  private pos = 0;
  /** Frame that spans chunks, and how much of it is there. */
  private partial: Buffer | null = null;
  private filled = 0;
  /** Up to three bytes of a length prefix that spans chunks. */
  private prefix = 0;
  private prefixBytes = 0;
  /** Bytes to drop before the next frame begins. */
  private skipBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /**
   * Takes the next chunk. The one before must have been drained by `next()`.
   * @param isOurs nobody else will write to it, so that {@link keep} need not copy it
   */
  push(chunk: Buffer, isOurs = false): void {
    this.chunk = chunk;
    this.isChunkOurs = isOurs;
    this.pos = 0;
  }

  /**
   * Copies what is left of the chunk, which is somebody else's from now on; once, however often it is kept.
   * @param current the current frame will be looked at again
   */
  keep(current = false): void {
    if (!current) this.buf = NOTHING;
    if (this.isChunkOurs) return;
    const isInChunk = current && !this.owned;
    const from = isInChunk ? this.start : this.pos;
    this.chunk = Buffer.from(this.chunk.subarray(from));
    this.isChunkOurs = true;
    this.pos -= from;
    if (!isInChunk) return;
    this.buf = this.chunk;
    this.start = 0;
    this.end -= from;
  }

  /** Bytes of the chunk that were not looked at. */
  get left(): number {
    return this.chunk.length - this.pos;
  }

  /** Is there the beginning of a frame that has not ended yet? */
  get midFrame(): boolean {
    return this.partial !== null || this.prefixBytes > 0 || this.skipBytes > 0;
  }

  /**
   * Finds the next whole frame.
   * @throws {@link FrameTooLargeError} on a negative length or one over `maxBytes`; the stream is then unusable
   */
  next(): boolean {
    if (this.partial !== null) return this.fillPartial();
    this.cutFrom = 0;
    if (this.skipBytes > 0 && !this.skip()) return false;
    const length = this.readLength();
    if (length === null) return false;
    if (length < 0 || length > this.maxBytes) return this.beginCut(length);
    const available = this.chunk.length - this.pos;
    if (available >= length) {
      this.buf = this.chunk;
      this.start = this.pos;
      this.end = this.pos + length;
      this.owned = false;
      this.pos = this.end;
      return true;
    }
    this.partial = Buffer.allocUnsafeSlow(length);
    this.filled = 0;
    return this.fillPartial();
  }

  /** Keeps the head of a frame that is too long. */
  private beginCut(length: number): boolean {
    const { headBytes } = this;
    if (headBytes === null || length < headBytes) throw new FrameTooLargeError(length, this.maxBytes);
    this.cutFrom = length;
    this.skipBytes = length - headBytes;
    this.partial = Buffer.allocUnsafeSlow(headBytes);
    this.filled = 0;
    return this.fillPartial();
  }

  /** Drops what is left of a frame that was too long. @returns false if more of it is to come */
  private skip(): boolean {
    const here = Math.min(this.skipBytes, this.chunk.length - this.pos);
    this.skipBytes -= here;
    this.pos += here;
    if (this.skipBytes === 0) return true;
    this.drained();
    return false;
  }

  private fillPartial(): boolean {
    const partial = this.partial as Buffer;
    const take = Math.min(partial.length - this.filled, this.chunk.length - this.pos);
    this.chunk.copy(partial, this.filled, this.pos, this.pos + take);
    this.filled += take;
    this.pos += take;
    if (this.filled < partial.length) {
      this.drained();
      return false;
    }
    this.partial = null;
    this.buf = partial;
    this.start = 0;
    this.end = partial.length;
    this.owned = true;
    return true;
  }

  private readLength(): number | null {
    if (this.prefixBytes === 0 && this.chunk.length - this.pos >= 4) {
      const length = this.chunk.readInt32BE(this.pos);
      this.pos += 4;
      return length;
    }
    while (this.pos < this.chunk.length) {
      this.prefix = (this.prefix << 8) | (this.chunk[this.pos++] as number);
      if (++this.prefixBytes === 4) {
        const length = this.prefix | 0;
        this.prefix = 0;
        this.prefixBytes = 0;
        return length;
      }
    }
    this.drained();
    return null;
  }

  /** Lets go of a chunk that has been read to its end, so that it is not kept alive while nothing comes. */
  private drained(): void {
    this.chunk = NOTHING;
    this.pos = 0;
    this.buf = NOTHING;
  }
}

const NOTHING = Buffer.alloc(0);
