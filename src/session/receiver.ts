/**
 * Turns the chunks of a connection into messages. Between two messages it can pause, where user code must hear of the
 * first before the second is looked at, or where there has been much to read; what comes meanwhile waits.
 */
import { Limits } from '../protocol/constants.js';
import { FrameDecoder } from '../protocol/frame.js';
import { REPLY_HEADER_BYTES } from '../protocol/records.js';

/**
 * What to do behind a message: read the next one, read it later, or never, since the connection is gone; `again` reads this
 * one later.
 */
export type Verdict = 'next' | 'pause' | 'again' | 'stop';

/**
 * Behind so many messages there may be a rest, if as much again is to be read: what they set off goes out first, so that the
 * server works while we read on.
 */
const BATCH = 32;

export class Receiver {
  private decoder = new FrameDecoder(Limits.HANDSHAKE_BYTES);
  private paused = false;
  /** Chunks that came while it paused, as copies; those before `nextChunk` are read. */
  private backlog: Buffer[] = [];
  private nextChunk = 0;
  /** The message at which it paused was not read. */
  private isUnread = false;
  /** It paused for a rest, and not because of a message. */
  private rests = false;
  /** Is there any use in one? */
  private mayRest = false;

  /**
   * @param read reads one message, which lies in the decoder; what it throws comes out of `push` and `resume`
   * @param wantRest calls `resume(true)` when what the messages have set off is on its way
   */
  constructor(
    private readonly read: (frame: FrameDecoder) => Verdict,
    private readonly wantRest: () => void,
  ) {}

  /** Is it between two messages, and reads none? */
  get isPaused(): boolean {
    return this.paused;
  }

  /** A new connection: what is left of the old one is forgotten. */
  reset(): void {
    this.decoder = new FrameDecoder(Limits.HANDSHAKE_BYTES);
    this.paused = false;
    this.backlog = [];
    this.nextChunk = 0;
    this.isUnread = false;
    this.rests = false;
  }

  /** Longest message from now on, in bytes. */
  limit(maxBytes: number): void {
    this.decoder.maxBytes = maxBytes;
    // one reply that is too long is the failure of one request
    this.decoder.headBytes = REPLY_HEADER_BYTES;
  }

  /**
   * Reads what a chunk brings, now or behind what waits. The chunk is the caller's again when this returns.
   * @param mayRest may it rest in the middle of it?
   */
  push(chunk: Buffer, mayRest = false): void {
    this.mayRest = mayRest;
    if (this.paused || this.backlog.length > 0) {
      this.backlog.push(Buffer.from(chunk));
    } else {
      this.decoder.push(chunk);
      this.run();
    }
  }

  /** Goes on behind the message at which it paused; at the end of a rest only if it is at rest. */
  resume(fromRest = false): void {
    if (!this.paused || (fromRest && !this.rests)) return;
    const { decoder } = this;
    this.paused = false;
    this.rests = false;
    this.run();
    for (let chunk = this.takeBacklog(decoder); chunk !== null; chunk = this.takeBacklog(decoder)) {
      this.mayRest = false;
      decoder.push(chunk, true);
      this.run();
    }
  }

  /** The next chunk that waited, or null if none is to be read now. */
  private takeBacklog(decoder: FrameDecoder): Buffer | null {
    // a message may have ended the connection, and with it this stream
    if (this.paused || this.decoder !== decoder) return null;
    const chunk = this.backlog[this.nextChunk];
    if (chunk === undefined) return null;
    // what is read is let go of, and what is not is moved once in a halving
    if (++this.nextChunk * 2 > this.backlog.length) {
      this.backlog = this.backlog.slice(this.nextChunk);
      this.nextChunk = 0;
    }
    return chunk;
  }

  private run(): void {
    const { decoder } = this;
    const atFirst = decoder.left;
    let count = 0;
    while (this.isUnread || decoder.next()) {
      this.isUnread = false;
      let verdict = this.read(decoder);
      if (verdict === 'next') {
        if (!this.mayRest || ++count !== BATCH || decoder.left * 2 < atFirst) continue;
        verdict = 'pause';
        this.rests = true;
        this.wantRest();
      }
      // unless reading it has begun a new stream
      if (verdict !== 'stop' && this.decoder === decoder) {
        this.paused = true;
        this.isUnread = verdict === 'again';
        decoder.keep(this.isUnread);
      }
      return;
    }
  }
}
