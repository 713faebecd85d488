/**
 * The phases of a connection and the moves between them. What a phase needs exists only in that phase, so "live without
 * a session" cannot be written down.
 */
import { ConnectTimeoutError, type ZkError } from '../protocol/errors.js';

/** Where the session core stands. Times are ms on the monotonic clock that every input carries. */
export type Phase =
  /** `connect()` was not called yet. */
  | { readonly name: 'idle' }
  /** All servers were tried; the next round begins at `until`. */
  | { readonly name: 'backoff'; readonly until: number }
  /** A server is being looked up and connected to. */
  | { readonly name: 'dialing'; readonly epoch: number; readonly deadline: number }
  /** Connected; the ConnectRequest is out, the answer is not here. `resumeId` is 0n for a new session. */
  | {
      readonly name: 'handshaking';
      readonly epoch: number;
      readonly deadline: number;
      readonly resumeId: bigint;
    }
  /** There is a session on this connection; the server is being convinced by SASL before anything else is sent. */
  | {
      readonly name: 'securing';
      readonly epoch: number;
      readonly deadline: number;
      readonly readOnly: boolean;
    }
  /** There is a session on this connection, and it may be used. */
  | { readonly name: 'live'; readonly epoch: number; readonly since: number; readonly readOnly: boolean }
  /** closeSession is out, its answer is not here. */
  | { readonly name: 'closing'; readonly epoch: number; readonly deadline: number }
  /** Terminal. `confirmed`: the server acknowledged the end of the session. */
  | { readonly name: 'closed'; readonly confirmed: boolean }
  /** The server refused the credentials; only other ones lead out of it. */
  | { readonly name: 'authFailed'; readonly cause: ZkError }
  /** Terminal, only with `sessionExpiry: 'close'`. */
  | { readonly name: 'expired'; readonly cause: ZkError };

export type PhaseName = Phase['name'];

export type PhaseOf<Name extends PhaseName> = Extract<Phase, { name: Name }>;

const MOVES: ReadonlyMap<PhaseName, ReadonlySet<PhaseName>> = new Map<PhaseName, ReadonlySet<PhaseName>>([
  ['idle', new Set<PhaseName>(['dialing', 'closed'])],
  ['backoff', new Set<PhaseName>(['dialing', 'expired', 'closed'])],
  // dialing → dialing: the next server, or a new session after our own clock said that the old one is over
  ['dialing', new Set<PhaseName>(['dialing', 'handshaking', 'backoff', 'expired', 'closed'])],
  ['handshaking', new Set<PhaseName>(['dialing', 'backoff', 'securing', 'live', 'expired', 'closed'])],
  ['securing', new Set<PhaseName>(['dialing', 'backoff', 'live', 'authFailed', 'expired', 'closed'])],
  ['live', new Set<PhaseName>(['dialing', 'backoff', 'closing', 'authFailed', 'closed'])],
  ['closing', new Set<PhaseName>(['closed'])],
  ['closed', new Set<PhaseName>()],
  ['authFailed', new Set<PhaseName>(['dialing', 'closed'])],
  ['expired', new Set<PhaseName>(['closed'])],
]);

/** May the core move from one phase to the other? False for a phase that is not in the table. */
export function mayMove(from: PhaseName, to: PhaseName): boolean {
  return MOVES.get(from)?.has(to) ?? false;
}

/** @throws Error on a move that the table does not have; that is a bug of ours, never the peer's doing */
export function assertMove(from: PhaseName, to: PhaseName): void {
  if (!mayMove(from, to)) throw new Error(`zk-conn: no move from phase '${from}' to '${to}'`);
}

/** Nothing leads out of these but `close()`. */
export function isTerminal(name: PhaseName): boolean {
  return name === 'closed' || name === 'authFailed' || name === 'expired';
}

/** What the phases before `live` wait for. */
const AWAITED = {
  dialing: 'the connection',
  handshaking: 'the answer to the handshake',
  securing: 'the end of the SASL exchange',
} as const satisfies Partial<Record<PhaseName, string>>;

/** Why a connection is given up whose budget is used up. */
export function overdue(name: keyof typeof AWAITED): ConnectTimeoutError {
  return new ConnectTimeoutError(`${AWAITED[name]} did not come in time`);
}
