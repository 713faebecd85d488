/** Output of one connection: frames in one buffer, so that a batch of replies is one write to the socket. */
import { JuteWriter } from '../protocol/jute.js';
import { WIRE_STATE_SYNC_CONNECTED, Xid } from '../protocol/constants.js';
import { writeReplyHeader, writeWatcherEvent } from '../protocol/records.js';

/** Size that a buffer has at first, in bytes, and goes back to after something big. */
const SLAB_BYTES = 4096;
const MAX_KEPT_BYTES = 256 * 1024;

/** Writes length-prefixed frames one after the other. */
export class FrameWriter extends JuteWriter {
  /** Frames written so far. */
  frames = 0;
  private frameStart = 0;

  constructor() {
    super(SLAB_BYTES);
  }

  /** Begins a frame; {@link endFrame} fills in its length. */
  beginFrame(): void {
    this.frameStart = this.pos;
    this.int(0);
  }

  /** Begins a reply. */
  beginReply(xid: number, zxid: bigint, err: number): void {
    this.beginFrame();
    writeReplyHeader(this, xid, zxid, err);
  }

  endFrame(): void {
    this.intAt(this.frameStart, this.pos - this.frameStart - 4);
    this.frames++;
  }

  /** A whole notification. */
  event(type: number, path: string, zxid: bigint): void {
    this.beginReply(Xid.NOTIFICATION, zxid, 0);
    writeWatcherEvent(this, { type, state: WIRE_STATE_SYNC_CONNECTED, path });
    this.endFrame();
  }

  /** What was written since the last {@link recycle}; valid until then. */
  pending(): Buffer {
    return this.buf.subarray(0, this.pos);
  }

  /** Begins again. @param kept the old bytes are still being sent, so they must stay as they are */
  recycle(kept: boolean): void {
    if (kept || this.buf.length > MAX_KEPT_BYTES) this.replace(SLAB_BYTES, this.pos);
    else this.pos = 0;
  }
}
