/** Cuts a byte stream into whole frames, each with its length before it, and leaves every byte as it came. */

/** Push chunks, then take what is whole with {@link FrameSlicer.next}. */
export class FrameSlicer {
  /** This is no stream of frames (any more): what comes is passed on as it comes. */
  opaque = false;
  private chunks: Buffer[] = [];
  private size = 0;
  /** Bytes of the frame that is coming, its length included; 4 as long as that is not known. */
  private wanted = PREFIX_BYTES;

  /** @param maxBytes a longer frame is none: the stream is opaque from there on */
  constructor(private readonly maxBytes: number) {}

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  /** Is there the beginning of a frame? */
  get midFrame(): boolean {
    return this.size > 0;
  }

  /** The next whole frame, or what there is of an opaque stream; null if there is nothing. */
  next(): Buffer | null {
    if (this.opaque) return this.size === 0 ? null : this.takeBytes(this.size);
    if (this.size < this.wanted) return null;
    if (this.wanted === PREFIX_BYTES) {
      const length = this.joined().readInt32BE(0);
      if (length < 0 || length > this.maxBytes) {
        this.opaque = true;
        return this.next();
      }
      this.wanted += length;
      if (this.size < this.wanted) return null;
    }
    const frame = this.takeBytes(this.wanted);
    this.wanted = PREFIX_BYTES;
    return frame;
  }

  private joined(): Buffer {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0] as Buffer;
  }

  private takeBytes(count: number): Buffer {
    const all = this.joined();
    this.chunks = count < all.length ? [all.subarray(count)] : [];
    this.size -= count;
    return all.subarray(0, count);
  }
}

/** Bytes of the length before a frame. */
export const PREFIX_BYTES = 4;
