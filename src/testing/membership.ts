/** How a server that is one of an ensemble asks the others: the seam between a server and `ensemble/`. */
import type { AnyOp } from '../protocol/op.js';
import type { ConnectRequest } from '../protocol/records.js';
import type { AnyHandler } from './handler.js';
import type { Caller } from './request-context.js';
import type { Session } from './session-table.js';

/** A request that the server cannot decide by itself: a write, or sync. */
export interface Forwarded {
  readonly caller: Caller;
  readonly row: AnyOp;
  readonly handle: AnyHandler;
  readonly request: unknown;
}

/** How a forwarded request is answered; null if the connection is hung up on instead. */
export type Outcome = {
  readonly zxid: bigint;
  readonly errno: number;
  /** `undefined` if nothing follows the header. */
  readonly response: unknown;
} | null;

/** How a connect request is answered: with a session, with none, with an error, or (null) by hanging up. */
export type Welcome =
  | { readonly session: Session | null; readonly readOnly: boolean }
  | { readonly zxid: bigint; readonly errno: number }
  | null;

/** What a server says it is (`srvr`: `Mode:`); null while it looks for a leader and serves nobody. */
export type MemberMode = 'leader' | 'follower' | 'observer' | 'read-only' | null;

/** The ensemble as one of its servers knows it. Both calls answer at once if they can, else later. */
export interface Membership {
  readonly id: number;
  readonly mode: MemberMode;
  /** Who follows this member, which may lead. */
  readonly learners?: { readonly followers: number; readonly observers: number };
  /** May this session be served here what a member does by itself? A leader alone knows better. */
  mayRead(session: Session): boolean;
  /** Has the request done, and answers as soon as this server has applied what came of it. */
  submit(request: Forwarded, done: (outcome: Outcome) => void): void;
  /** A client wants a session, or its session back. */
  attach(request: ConnectRequest, done: (welcome: Welcome) => void): void;
}
