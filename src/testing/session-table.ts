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
  /** True from the moment it expires or is closed: it can then not be attached to, and its requests are dropped. */
  closing = false;
  /** When it expires, by {@link Clock.now}: a multiple of the tick. */
  deadline = 0;

  readonly id: bigint;
  readonly passwd: Buffer;
  timeoutMs: number;

  constructor(id: bigint, passwd: Buffer, timeoutMs: number) {
    this.id = id;
    this.passwd = passwd;
    this.timeoutMs = timeoutMs;
  }
}

/** All live sessions. */
export class SessionTable {
  private readonly sessions = new Map<bigint, Session>();
  private readonly buckets = new Map<number, Set<Session>>();
  private nextId: bigint;

  private readonly clock: Clock;
  private readonly tickTimeMs: number;

  /** @param tickTimeMs deadlines are multiples of it */
  constructor(clock: Clock, tickTimeMs: number) {
    this.clock = clock;
    this.tickTimeMs = tickTimeMs;
    this.nextId = firstSessionId(clock.wallMs());
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
    const session = new Session(this.nextId, randomBytes(Limits.PASSWORD_BYTES), timeoutMs);
    this.nextId = BigInt.asIntN(64, this.nextId + 1n);
    this.sessions.set(session.id, session);
    this.touch(session);
    return session;
  }

  /** Takes a session over as it was elsewhere; its timeout begins now. */
  adopt(id: bigint, passwd: Buffer, timeoutMs: number): void {
    const session = new Session(id, passwd, timeoutMs);
    if (id >= this.nextId) this.nextId = BigInt.asIntN(64, id + 1n);
    this.sessions.set(id, session);
    this.touch(session);
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

  /** Sessions whose deadline has come. */
  due(): readonly Session[] {
    const now = this.clock.now();
    const due: Session[] = [];
    for (const [deadline, bucket] of this.buckets) if (deadline <= now) due.push(...bucket);
    return due;
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

const SERVER_ID = 1n;

/** Time in the middle, the server's id in the top byte (Java `SessionTrackerImpl.initializeNextSessionId`). */
export function firstSessionId(wallMs: number): bigint {
  const time = BigInt.asUintN(64, BigInt(wallMs) << 24n) >> 8n;
  return BigInt.asIntN(64, time | (SERVER_ID << 56n));
}
