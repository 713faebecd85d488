/** Output of one connection: frames in one buffer, so that a batch of replies is one write to the socket. */
import { JuteWriter } from '../protocol/jute.js';
import { WIRE_STATE_SYNC_CONNECTED, Xid } from '../protocol/constants.js';
import { writeReplyHeader, writeWatcherEvent } from '../protocol/records.js';

/** Size that a buffer has at first, in bytes, and goes back to after something big. */
const SLAB_BYTES = 4096;
const MAX_KEPT_BYTES = 256 * 1024;

/** Hears of every frame. */
export interface FrameMeter {
  /** @param bytes without its length @param isReply a reply or an event, and not the answer to a connect request */
  frameWritten(bytes: number, isReply: boolean): void;
}

/** Writes length-prefixed frames one after the other. */
export class FrameWriter extends JuteWriter {
  /** Bytes of the last whole frame, without its length. */
  lastFrameBytes = 0;
  private frameStart = 0;
  private isReply = false;

  constructor(private readonly meter: FrameMeter) {
    super(SLAB_BYTES);
  }

  /** Begins a frame; {@link endFrame} fills in its length. */
  beginFrame(): void {
    this.isReply = false;
    this.frameStart = this.pos;
    this.int(0);
  }

  /** Begins a reply. */
  beginReply(xid: number, zxid: bigint, err: number): void {
    this.beginFrame();
    this.isReply = true;
    writeReplyHeader(this, xid, zxid, err);
  }

  endFrame(): void {
    this.lastFrameBytes = this.pos - this.frameStart - 4;
    this.intAt(this.frameStart, this.lastFrameBytes);
    this.meter.frameWritten(this.lastFrameBytes, this.isReply);
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
