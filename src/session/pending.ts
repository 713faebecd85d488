/** A request on its way, and the ring in which requests wait: first for the socket, then for their replies. */
import type { ZkError } from '../protocol/errors.js';
import type { JuteReader } from '../protocol/jute.js';
import type { AnyOp, WatchKind } from '../protocol/op.js';
import type { Removal } from './removal.js';
import type { Watcher } from './watches.js';

/**
 * One request. It is the whole cost of a call besides its promise, and is settled once.
 *
 * `shape` makes the caller's result from the response, so that no second promise is needed; it gets null for the one
 * error code that counts as a result (`absentErrno`). What it throws becomes the rejection.
 */
export class PendingRequest {
  xid = 0;
  /** How long the caller waits, ms; 0 for ever, null for as long as the Conn's calls do. */
  timeoutMs: number | null = null;
  /** When the caller stops waiting, ms on the monotonic clock; Infinity for never. */
  deadline = Infinity;
  /** A persistent watch brings the events that it wants: it is sent without its watch flag, and armed here alone. */
  isCovered = false;
  /** The watches that its reply ends. */
  removal: Removal | null = null;
  /** Hears that it is settled, before its caller does. */
  whenSettled: { settled(): void } | null = null;
  /** Was it handed to a socket? */
  sent = false;
  /** Its length on the wire, prefix included; 0 before it is encoded. */
  frameBytes = 0;
  /** It is among those of which it is known who gives up first. */
  isTimed = false;
  /** Keeps it in order with them, until it hears that it is settled. */
  ordered: { settled(): void } | null = null;
  settled = false;

  constructor(
    readonly op: AnyOp,
    /** The record that is written. */
    readonly request: unknown,
    /** The path as the caller gave it, for errors. */
    readonly path: string | undefined,
    readonly resolve: (value: never) => void,
    readonly reject: (error: Error) => void,
    readonly shape: ((response: never, pending: PendingRequest) => unknown) | null,
    /** What to register when the reply says that the watch is armed. */
    readonly watcher: Watcher | null,
    /** An error code that is a result and not an error; 0 for none. */
    readonly absentErrno: number,
  ) {}

  /** It has its place on the wire. @param bytes its length without the prefix */
  encoded(xid: number, bytes: number): void {
    this.xid = xid;
    this.frameBytes = bytes + 4;
  }

  /** Its reply came, also if nobody waits for it any more. For those who trace requests. */
  replied(_errno: number, _bytes: number, _body: JuteReader): void {
    // nobody does
  }

  /** Settles with a result. */
  succeed(value: unknown): void {
    this.once();
    this.resolve(value as never);
  }

  /** Settles with an error. */
  fail(error: Error): void {
    this.once();
    this.reject(error);
  }

  /** Table in which this reply arms a watch, or null. */
  arms(errno: number): WatchKind | null {
    return this.watcher === null || this.op.arms === null ? null : this.op.arms(this.request, errno);
  }

  /** The path, if its reply may change which watches there are. */
  get watchedPath(): string | null {
    if (this.watcher === null && this.removal === null) return null;
    return (this.request as { readonly path: string }).path;
  }

  private once(): void {
    if (this.settled) throw new Error(`zk-conn: ${this.op.name} (xid ${this.xid}) was settled twice`);
    this.settled = true;
    if (this.ordered !== null) this.ordered.settled();
    if (this.whenSettled !== null) this.whenSettled.settled();
  }
}

/** Makes the error for a request that was cut off, or for something else that waits as one does. */
export type Fate = (
  pending: Pick<PendingRequest, 'path'> & { readonly op: Pick<AnyOp, 'name' | 'mutates'> },
) => ZkError;

const FIRST_CAPACITY = 16;

/** First in, first out, over a power-of-two array: replies come in the order of the requests, so no look-up is needed. */
export class RequestRing {
  private slots: (PendingRequest | undefined)[] = new Array<PendingRequest | undefined>(FIRST_CAPACITY);
  private head = 0;
  length = 0;

  push(pending: PendingRequest): void {
    if (this.length === this.slots.length) this.resize(this.length * 2);
    this.slots[(this.head + this.length) & (this.slots.length - 1)] = pending;
    this.length++;
  }

  peek(): PendingRequest | undefined {
    return this.slots[this.head];
  }

  shift(): PendingRequest | undefined {
    const first = this.slots[this.head];
    if (first === undefined) return undefined;
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.length--;
    // a burst is over: do not keep its array
    if (this.length === 0 && this.slots.length > 4096) this.reset();
    return first;
  }

  /** The request at a place counted from the oldest. */
  at(index: number): PendingRequest | undefined {
    return index < this.length ? this.slots[(this.head + index) & (this.slots.length - 1)] : undefined;
  }

  /** Empties the ring and fails everything that was in it and not settled, in order. */
  failAll(fate: Fate): void {
    const all = this.drain();
    for (const pending of all) if (!pending.settled) pending.fail(fate(pending));
  }

  /** Removes those that are settled. */
  removeSettled(): void {
    for (const pending of this.drain()) if (!pending.settled) this.push(pending);
  }

  private drain(): PendingRequest[] {
    const all: PendingRequest[] = [];
    for (let i = 0; i < this.length; i++) all.push(this.at(i) as PendingRequest);
    this.reset();
    return all;
  }

  private reset(): void {
    this.slots = new Array<PendingRequest | undefined>(FIRST_CAPACITY);
    this.head = 0;
    this.length = 0;
  }

  private resize(capacity: number): void {
    const slots = new Array<PendingRequest | undefined>(capacity);
    for (let i = 0; i < this.length; i++) slots[i] = this.at(i);
    this.slots = slots;
    this.head = 0;
  }
}
