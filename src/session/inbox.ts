/**
 * Messages of a connection that has a session: replies go to their requests, notifications to their watches. A message
 * that makes no sense throws a ProtocolError, which costs the connection.
 */
import { Xid, eventTypeName } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import {
  AuthFailedError,
  DecodeError,
  FrameTooLargeError,
  LinkError,
  ProtocolError,
  ResponseTooLargeError,
  ZkError,
  keeperError,
} from '../protocol/errors.js';
import { JuteReader } from '../protocol/jute.js';
import { EVERYWHERE, refusalOf } from '../protocol/op.js';
import { REPLY_HEADER_BYTES, readWatcherEvent } from '../protocol/records.js';
import type { Liveness } from './liveness.js';
import type { PendingRequest } from './pending.js';
import type { Traffic } from './traffic.js';
import { WatchEventRecord, isOneShot, type WatchEvent, type Watcher } from './watches.js';

/** Where messages go. */
export interface InboxPorts {
  readonly traffic: Traffic;
  readonly liveness: Liveness;
  readonly maxResponseBytes: number;
  /** The first since `userCodeRan` of what user code must hear of: call that when it has run. */
  wantUserCode(): void;
  watchFired(event: WatchEvent): void;
  authRefused(error: ZkError): void;
}

export class Inbox {
  private readonly reader = new JuteReader();
  /** Halves of the highest zxid: two ints are compared ten times faster than one bigint is made. */
  private zxidHigh = 0;
  private zxidLow = 0;
  /** Highest zxid of an event; servers before 3.9 do not tell it. */
  private eventZxid = 0n;

  /** Watchers armed since user code last ran for certain. */
  private readonly justArmed = new Set<Watcher>();
  /** Events since then. A loop over a stream hears of the first at once, and of each further one a little later. */
  private events = 0;

  /**
   * A watch fired before anybody can have listened to it, because the reply that armed it came just before. The
   * messages behind it must wait until its owner has been told, or their data would be seen before the event.
   */
  mustYield = false;

  constructor(private readonly to: InboxPorts) {}

  /** User code has run since the last message: whoever wanted to listen to a watch does. */
  userCodeRan(): void {
    this.mustYield = false;
    this.justArmed.clear();
    this.events = 0;
  }

  /** The connection is gone, and with it whoever would have said that user code has run. */
  connectionLost(): void {
    this.userCodeRan();
  }

  /**
   * A message has come, and the server is heard.
   * @returns true if it is a reply that would overtake events on their way through a loop: it is to be read when user code
   * has run
   */
  arrived(buf: Buffer, start: number, end: number, now: number): boolean {
    const xid = end - start < REPLY_HEADER_BYTES ? 0 : buf.readInt32BE(start);
    // an event comes by itself: it does not say that the server hears us
    if (xid !== Xid.NOTIFICATION) this.to.liveness.heard(now);
    return this.events > 1 && xid > 0;
  }

  /** Highest zxid seen in an ordinary reply of this session. */
  get lastZxid(): bigint {
    return (BigInt(this.zxidHigh) << 32n) | BigInt(this.zxidLow >>> 0);
  }

  /**
   * What the next server must have come to. An event may be ahead of every reply, and a server that is behind it would tell
   * it again. Watches are armed by {@link lastZxid} all the same: other events of that zxid may be missing.
   */
  get lastZxidSeen(): bigint {
    const { lastZxid } = this;
    return this.eventZxid > lastZxid ? this.eventZxid : lastZxid;
  }

  /** The next session may be another ensemble's: it must not be refused for what this one has seen. */
  forgetZxid(): void {
    this.zxidHigh = 0;
    this.zxidLow = 0;
    this.eventZxid = 0n;
  }

  /** Lets go of the last message's buffer. */
  release(): void {
    this.reader.release();
  }

  /**
   * @param owned true if `buf` holds this message alone, so that its parts may be handed out without a copy
   * @param cutFrom length of a message that was too long, and of which there is the header alone; else 0
   */
  message(buf: Buffer, start: number, end: number, owned: boolean, cutFrom: number): void {
    const { reader, to } = this;
    reader.reset(buf, start, end, owned);
    if (reader.remaining < REPLY_HEADER_BYTES) {
      throw new DecodeError(`a message of ${reader.remaining} bytes, shorter than its header`);
    }
    const xid = reader.int();
    const zxidHigh = reader.int();
    const zxidLow = reader.int();
    const errno = reader.int();
    // only a reply may be longer than anybody wants it
    if (cutFrom > 0 && xid < 0) throw new FrameTooLargeError(cutFrom, to.maxResponseBytes);
    switch (xid) {
      case Xid.NOTIFICATION:
        this.notification(zxidHigh, zxidLow);
        return;
      case Xid.PING:
        to.liveness.pingAnswered();
        break;
      case Xid.AUTH: {
        const refused = to.traffic.credentials.replied(errno);
        if (refused !== null) to.authRefused(refused);
        break;
      }
      default: {
        const pending = to.traffic.queue.replied(xid, end - start);
        this.sawZxid(zxidHigh, zxidLow);
        pending.replied(errno, cutFrom === 0 ? end - start : cutFrom, reader);
        if (pending.op.since !== EVERYWHERE) to.traffic.answeredTo(pending.op);
        // before its caller hears of it, and also if he has given up: the server has done it
        if (pending.removal !== null)
          to.traffic.unwatching.answered(pending.removal, pending.path, errno, this.lastZxid);
        if (cutFrom > 0 && !pending.settled) pending.fail(this.tooLarge(pending, cutFrom));
        // if the caller has given up, the reply had to be taken off the stream all the same
        if (!pending.settled) this.reply(pending, errno);
        else if (pending.watcher !== null) this.armedForNobody(pending, errno);
        if (pending.watchedPath !== null) to.traffic.watchAnswered(pending);
        if (errno === Errno.Unimplemented && zxidHigh < 0) {
          to.traffic.hangsUpOn(pending.op);
          throw hangingUp();
        }
      }
    }
    // in answer to anything at all, the first ping included; then the server hangs up, and would do so again for ever
    if (errno === Errno.SessionClosedRequireSaslAuth) to.authRefused(authRequired());
  }

  private reply(pending: PendingRequest, errno: number): void {
    const { op, path } = pending;
    if (errno !== 0 && errno !== pending.absentErrno) {
      pending.fail(refusalOf(op, errno, path));
      return;
    }
    let value: unknown;
    try {
      value = this.result(pending, errno);
    } catch (error) {
      // a ZkError that is no ProtocolError is the result's own: a multi of which an operation failed
      const own = ZkError.is(error) && !(error instanceof ProtocolError);
      const text = error instanceof Error ? error.message : String(error);
      pending.fail(own ? error : new DecodeError(text, { op: op.name, path, cause: error }));
      if (own) return;
      throw error;
    }
    pending.succeed(value);
  }

  private result(pending: PendingRequest, errno: number): unknown {
    const response: unknown = errno === 0 ? pending.op.readResponse(this.reader) : null;
    const kind = pending.arms(errno);
    if (kind !== null && pending.watcher !== null) {
      // before the caller hears of it: the event may lie in the next frame
      const { path } = pending.request as { path: string };
      if (pending.isCovered && isOneShot(kind) && !this.to.traffic.watches.covers(kind, path)) {
        this.to.traffic.unwatching.uncovered(path, this.lastZxid);
      }
      this.to.traffic.watches.arm(kind, path, pending.watcher);
      // before 3.9 the recursive watch has just taken the place of the other
      if (kind === 'persistentRecursive' && this.to.traffic.watches.childComesLast(path)) {
        this.to.traffic.unwatching.uncovered(path, this.lastZxid);
      }
      if (this.justArmed.size === 0 && this.events === 0) this.to.wantUserCode();
      this.justArmed.add(pending.watcher);
    }
    return pending.shape === null ? response : pending.shape(response as never, pending);
  }

  private tooLarge({ op, path }: PendingRequest, size: number): ResponseTooLargeError {
    return new ResponseTooLargeError(size, this.to.maxResponseBytes, {
      op: op.name,
      path,
      outcome: 'unknown',
    });
  }

  private armedForNobody(pending: PendingRequest, errno: number): void {
    const kind = pending.arms(errno);
    if (kind !== null) this.to.traffic.unwatching.left(kind, (pending.request as { path: string }).path);
  }

  private notification(zxidHigh: number, zxidLow: number): void {
    const { type: code, path } = readWatcherEvent(this.reader);
    const type = eventTypeName(code);
    // a type of a newer server: nobody can have asked for it
    if (type === undefined) return;
    // servers before 3.9 send -1, as all do for changes that were missed meanwhile
    const zxid = zxidHigh < 0 ? undefined : (BigInt(zxidHigh) << 32n) | BigInt(zxidLow >>> 0);
    if (zxid !== undefined && zxid > this.eventZxid) this.eventZxid = zxid;
    const event = new WatchEventRecord(type, path, zxid);
    if (this.events === 0 && this.justArmed.size === 0) this.to.wantUserCode();
    this.events++;
    for (const watcher of this.to.traffic.watches.take(type, path)) {
      watcher.fired(event);
      if (this.justArmed.has(watcher)) this.mustYield = true;
    }
    this.to.watchFired(event);
  }

  /** Never falls, and a notification does not raise it: its multi may hold events that did not come yet. */
  private sawZxid(high: number, low: number): void {
    if (high > this.zxidHigh || (high === this.zxidHigh && low >>> 0 > this.zxidLow >>> 0)) {
      this.zxidHigh = high;
      this.zxidLow = low;
    }
  }
}

/**
 * A server that does not know an operation hangs up behind its answer, which has no zxid. What is asked from now on would
 * be lost with the connection, so it is given up first.
 */
function hangingUp(): ZkError {
  return new LinkError('the server', new Error('it hangs up on an operation that it does not know'));
}

function authRequired(): AuthFailedError {
  const cause = keeperError(Errno.SessionClosedRequireSaslAuth, { outcome: 'rejected' });
  return new AuthFailedError(
    { outcome: 'rejected', cause },
    'the server demands it, see its enforce.auth.enabled',
  );
}
