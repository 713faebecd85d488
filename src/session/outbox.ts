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

/** Size of a slab, as soon as a turn has asked for more than half of a small one; many connections never do. */
const SLAB_BYTES = 64 * 1024;
const SMALL_SLAB_BYTES = 4 * 1024;
/** Room in a slab for what stands behind a large value in its frame. */
const SPARE_BYTES = 256;

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
  private slabBytes = SMALL_SLAB_BYTES;

  constructor() {
    super(SMALL_SLAB_BYTES);
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
    const isLarge = this.buf.length > SLAB_BYTES;
    if (isLarge && this.frameStart - this.chunkStart <= SMALL_SLAB_BYTES) this.startSlab(SLAB_BYTES);
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
    const unfinished = this.pos - this.frameStart;
    // a frame that has outgrown its slab once may do so again and again
    const needed = Math.max(unfinished + bytes, unfinished * 2) + SPARE_BYTES;
    let finished = this.frameStart - this.chunkStart;
    if (finished + needed > SMALL_SLAB_BYTES / 2) this.slabBytes = SLAB_BYTES;
    // a little is copied, so that it leaves in one write with what follows; more stays where it is, as a chunk of its own
    if (finished > SMALL_SLAB_BYTES) {
      this.sealOpen();
      finished = 0;
    }
    const { slabBytes } = this;
    // as many large ones as go into a usual slab, and no room that none of them can use: it would be held, and not counted
    const isSmall = needed * 8 <= slabBytes;
    this.startSlab(isSmall ? slabBytes : finished + needed * Math.max(1, Math.floor(slabBytes / needed)));
  }

  /** Makes the finished frames a chunk. What waits behind another one may wait for long: then it is not to hold much besides. */
  private sealOpen(): void {
    const { bytes, frames } = this.takeOpen() as Chunk;
    const isWasteful = this.sealed.length > 0 && (this.buf.length - bytes.length) * 8 > bytes.length;
    this.seal(isWasteful ? Buffer.from(bytes) : bytes, frames);
  }

  /** Goes on in a new slab with what is in the open chunk, and the frame that is being written. */
  private startSlab(size: number): void {
    this.replace(size, this.chunkStart);
    this.frameStart -= this.chunkStart;
    this.chunkStart = 0;
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
