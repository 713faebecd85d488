/**
 * Sessions and when they expire (Java `SessionTrackerImpl`, `ExpiryQueue`). A session that was heard of expires between
 * its timeout and one tick more afterwards, because deadlines are rounded up to ticks.
 */
import { randomBytes } from 'node:crypto';
import { Limits } from '../protocol/constants.js';
import type { Clock } from './clock.js';

/** The connection that a session is attached to. */
export interface SessionLink {
  /** Closes it without a word. */
  hangUp(): void;
}

/** A session of a client. */
export class Session {
  /** The connection it is attached to now. */
  link: SessionLink | null = null;
  /** Connections from before it moved to another server, which have not noticed. */
  readonly left = new Set<SessionLink>();
  /** True from the moment it expires or is closed: it can then not be attached to, and its requests are dropped. */
  closing = false;
  /** When it expires, by {@link Clock.now}: a multiple of the tick. */
  deadline = 0;

  readonly id: bigint;
  readonly passwd: Buffer;
  timeoutMs: number;

  /** @param isLocal does this server alone know it? It was opened without a zxid, then, and owns nothing */
  constructor(
    id: bigint,
    passwd: Buffer,
    timeoutMs: number,
    readonly isLocal = false,
  ) {
    this.id = id;
    this.passwd = passwd;
    this.timeoutMs = timeoutMs;
  }

  /** It moves to another server, and its connection does not know. @returns false if it has none */
  moveAway(): boolean {
    const { link } = this;
    if (link === null) return false;
    this.left.add(link);
    this.link = null;
    return true;
  }

  /** A connection has ended, or serves it no more. */
  detach(link: SessionLink): void {
    this.left.delete(link);
    if (this.link === link) this.link = null;
  }

  /** Closes every connection of it without a word, but the one that is to be spared. */
  hangUp(spared: SessionLink | null = null): void {
    for (const link of [...this.left, this.link]) if (link !== spared) link?.hangUp();
  }
}

/** All live sessions. */
export class SessionTable {
  private readonly sessions = new Map<bigint, Session>();
  private readonly buckets = new Map<number, Set<Session>>();
  private nextId: bigint;

  private readonly clock: Clock;
  private readonly tickTimeMs: number;

  /**
   * @param tickTimeMs deadlines are multiples of it
   * @param serverId makes the ids of one server different from those of another
   */
  constructor(clock: Clock, tickTimeMs: number, serverId = 1) {
    this.clock = clock;
    this.tickTimeMs = tickTimeMs;
    this.nextId = firstSessionId(clock.wallMs(), serverId);
  }

  get size(): number {
    return this.sessions.size;
  }

  /** In the order of their creation. */
  [Symbol.iterator](): IterableIterator<Session> {
    return this.sessions.values();
  }

  get(id: bigint): Session | undefined {
    return this.sessions.get(id);
  }

  /** Opens a session. Its password is random: ids can be guessed, so the password must not follow from the id. */
  create(timeoutMs: number): Session {
    const { id, passwd } = this.draft();
    return this.add(id, passwd, timeoutMs);
  }

  /** Opens a session of which no other server hears. */
  createLocal(timeoutMs: number): Session {
    const { id, passwd } = this.draft();
    return this.add(id, passwd, timeoutMs, true);
  }

  /** Id and password of a session that is still to be opened. */
  draft(): { readonly id: bigint; readonly passwd: Buffer } {
    const id = this.nextId;
    this.nextId = BigInt.asIntN(64, id + 1n);
    return { id, passwd: randomBytes(Limits.PASSWORD_BYTES) };
  }

  /** Knows a session from now on that may have been opened elsewhere, or by a server of the same id: nobody gets its id again. */
  add(id: bigint, passwd: Buffer, timeoutMs: number, isLocal = false): Session {
    const isOurs = id >> SERVER_BITS === this.nextId >> SERVER_BITS;
    if (isOurs && id >= this.nextId) this.nextId = BigInt.asIntN(64, id + 1n);
    const session = new Session(id, passwd, timeoutMs, isLocal);
    this.sessions.set(id, session);
    this.touch(session);
    return session;
  }

  /** The client was heard of: its timeout starts again. */
  touch(session: Session): void {
    const tick = this.tickTimeMs;
    const deadline = (Math.floor((this.clock.now() + session.timeoutMs) / tick) + 1) * tick;
    if (deadline === session.deadline) return;
    this.leaveBucket(session);
    session.deadline = deadline;
    const bucket = this.buckets.get(deadline);
    if (bucket === undefined) this.buckets.set(deadline, new Set([session]));
    else bucket.add(session);
  }

  /** Forgets a session that has ended. */
  remove(session: Session): void {
    session.closing = true;
    this.leaveBucket(session);
    this.sessions.delete(session.id);
  }

  /** Forgets all of them. */
  clear(): void {
    for (const session of [...this.sessions.values()]) this.remove(session);
  }

  /** Sessions whose deadline has come, the earliest first. Those of one tick are in no order that can be relied upon. */
  due(): readonly Session[] {
    const now = this.clock.now();
    const past = [...this.buckets].filter(([deadline]) => deadline <= now).sort(([a], [b]) => a - b);
    return past.flatMap(([, bucket]) => [...bucket]);
  }

  /** Ms until the next multiple of the tick, when {@link due} may have something new. */
  msToNextTick(): number {
    const now = this.clock.now();
    return (Math.floor(now / this.tickTimeMs) + 1) * this.tickTimeMs - now;
  }

  /** After a restart all timeouts start again, as when a server reads its sessions from the disk. */
  restart(): void {
    for (const session of this.sessions.values()) this.touch(session);
  }

  private leaveBucket(session: Session): void {
    const bucket = this.buckets.get(session.deadline);
    bucket?.delete(session);
    if (bucket?.size === 0) this.buckets.delete(session.deadline);
  }
}

/** The byte above these is the id of the server. */
const SERVER_BITS = 56n;

/** Time in the middle, the server's id in the top byte (Java `SessionTrackerImpl.initializeNextSessionId`). */
export function firstSessionId(wallMs: number, serverId = 1): bigint {
  const time = BigInt.asUintN(64, BigInt(wallMs) << 24n) >> 8n;
  return BigInt.asIntN(64, time | (BigInt(serverId) << SERVER_BITS));
}
