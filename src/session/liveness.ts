/** Is the server still there? When bytes went each way, the ping that is out, and what the clock says to that. */
import { Xid } from '../protocol/constants.js';
import { operations } from '../protocol/operations.js';
import { LATE_MS, expiryMs, graceMs, pingAfterMs, readTimeoutMs } from './timeouts.js';

/** What to do now. */
export type Check = 'nothing' | 'ping' | 'dead';

export class Liveness {
  /**
   * When the last whole answer came, ms. A byte of one is no sign of life: a drip would pass for it; nor is an event, which
   * comes also where the server hears nothing of us.
   */
  lastHeard = 0;
  /** When bytes were last written, ms. */
  lastSent = 0;
  private pingOut = false;
  private pingedAt = 0;
  /** Round trip of the last ping that was answered, ms; -1 before the first. */
  pingMs = -1;
  /** End of the extra time that a late check gave; 0 for none. */
  private graceUntil = 0;

  /** A new connection. */
  start(now: number): void {
    this.lastHeard = now;
    this.lastSent = now;
    this.pingOut = false;
    this.graceUntil = 0;
  }

  heard(now: number): void {
    this.lastHeard = now;
    this.graceUntil = 0;
  }

  sent(now: number): void {
    this.lastSent = now;
  }

  pinged(now: number): void {
    this.pingOut = true;
    this.pingedAt = now;
    this.lastSent = now;
  }

  /** The message that was just heard is the answer to a ping. */
  pingAnswered(): void {
    // one that nobody asked for says nothing
    if (this.pingOut) this.pingMs = this.lastHeard - this.pingedAt;
    this.pingOut = false;
  }

  /** When `check` must be called next, for a session timeout of `sessionMs`. */
  nextDeadline(sessionMs: number): number {
    const ping = this.pingOut ? Infinity : this.lastSent + pingAfterMs(sessionMs);
    return Math.min(this.readDeadline(sessionMs), ping);
  }

  /** Nobody keeps a session so long of which he hears nothing: what lies unread is of a session that is over. */
  isOutlived(now: number, sessionMs: number): boolean {
    return now - Math.max(this.lastSent, this.lastHeard) >= expiryMs(sessionMs);
  }

  check(now: number, sessionMs: number): Check {
    // ahead of all deadlines: whoever asks for the state has heard it already
    if (this.isOutlived(now, sessionMs)) return 'dead';
    const deadline = this.readDeadline(sessionMs);
    if (now < deadline)
      return !this.pingOut && now >= this.lastSent + pingAfterMs(sessionMs) ? 'ping' : 'nothing';
    if (this.graceUntil !== 0 || now - deadline <= LATE_MS) return 'dead';
    // we stood still, not the server: what it sent lies unread, and a ping brings an answer if it lives
    this.graceUntil = now + graceMs(sessionMs);
    return this.pingOut ? 'nothing' : 'ping';
  }

  private readDeadline(sessionMs: number): number {
    return this.graceUntil !== 0 ? this.graceUntil : this.lastHeard + readTimeoutMs(sessionMs);
  }
}

/** A ping on the wire: length, xid, type. */
export const PING_FRAME = ((): Buffer => {
  const frame = Buffer.alloc(12);
  frame.writeInt32BE(8, 0);
  frame.writeInt32BE(Xid.PING, 4);
  frame.writeInt32BE(operations.ping.code, 8);
  return frame;
})();
