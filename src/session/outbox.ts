/**
 * Requests that are encoded and not written yet: frames one after the other in slabs, so that a turn's requests leave
 * in one write. A frame never spans two chunks. What was handed out is never touched again, so a socket may keep it.
 */
import { JuteWriter } from '../protocol/jute.js';

/** Bytes for one write, and how many frames they hold. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly frames: number;
}

const SLAB_BYTES = 64 * 1024;

/** Writer of frames. Use: `begin()`, write the record, then `end()` or `abandon()`. */
export class Outbox extends JuteWriter {
  /** Bytes that wait to be written. */
  get waitingBytes(): number {
    return this.sealedBytes + this.frameStart - this.chunkStart;
  }

  private sealed: Chunk[] = [];
  private sealedBytes = 0;
  /** The open chunk is `buf[chunkStart, frameStart)` and holds `openFrames` frames. */
  private chunkStart = 0;
  private openFrames = 0;
  /** Where the frame that is being written begins. */
  private frameStart = 0;

  constructor() {
    super(SLAB_BYTES);
  }

  /** Starts a frame: leaves room for its length. */
  begin(): void {
    this.frameStart = this.pos;
    this.int(0);
  }

  /** Length of the frame that is being written, without its prefix. */
  get frameBytes(): number {
    return this.pos - this.frameStart - 4;
  }

  /** Ends the frame that was begun. */
  end(): void {
    this.intAt(this.frameStart, this.frameBytes);
    this.frameStart = this.pos;
    this.openFrames++;
  }

  /** Forgets the frame that was begun, and the room that was made for it. */
  abandon(): void {
    this.pos = this.frameStart;
    if (this.buf.length > SLAB_BYTES && this.openFrames === 0) this.startSlab(SLAB_BYTES);
  }

  /** The next chunk to write, or null. Everything that is encoded when it is called is in it or behind it. */
  shift(): Chunk | null {
    const first = this.sealed.shift();
    if (first !== undefined) {
      this.sealedBytes -= first.bytes.length;
      return first;
    }
    return this.takeOpen();
  }

  /** Forgets everything. */
  clear(): void {
    this.sealed = [];
    this.sealedBytes = 0;
    this.takeOpen();
  }

  /** Keeps only the frames for which `keep` says so; it is asked once per frame, in order. */
  filter(keep: (index: number) => boolean): void {
    const chunks: Chunk[] = [];
    for (let chunk = this.shift(); chunk !== null; chunk = this.shift()) chunks.push(chunk);
    let index = 0;
    for (const { bytes, frames } of chunks) {
      const kept: Buffer[] = [];
      for (let at = 0; at < bytes.length;) {
        const next = at + 4 + bytes.readInt32BE(at);
        if (keep(index++)) kept.push(bytes.subarray(at, next));
        at = next;
      }
      if (kept.length > 0) this.seal(kept.length === frames ? bytes : Buffer.concat(kept), kept.length);
    }
  }

  protected override grow(bytes: number): void {
    // the finished frames stay where they are, as a chunk of their own; only the unfinished one moves on
    const open = this.takeOpen();
    if (open !== null) this.seal(open.bytes, open.frames);
    const unfinished = this.pos - this.frameStart;
    let size = SLAB_BYTES;
    while (size < unfinished + bytes) size *= 2;
    this.startSlab(size);
  }

  /** Goes on in a new slab with the frame that is being written. */
  private startSlab(size: number): void {
    this.replace(size, this.frameStart);
    this.chunkStart = 0;
    this.frameStart = 0;
  }

  private takeOpen(): Chunk | null {
    if (this.openFrames === 0) return null;
    const chunk = { bytes: this.buf.subarray(this.chunkStart, this.frameStart), frames: this.openFrames };
    this.chunkStart = this.frameStart;
    this.openFrames = 0;
    return chunk;
  }

  private seal(bytes: Buffer, frames: number): void {
    this.sealed.push({ bytes, frames });
    this.sealedBytes += bytes.length;
  }
}
