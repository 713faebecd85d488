/** What the session core needs from the outside, tells it, and is configured with. */
import type { KeeperState } from '../protocol/constants.js';
import type { ZkError } from '../protocol/errors.js';
import type { AnyOp } from '../protocol/op.js';
import type { QueueLimits } from './queue.js';
import type { Backoff } from './timeouts.js';
import type { WatchEvent } from './watches.js';

/** What the core tells the outside, in order. */
export type SessionEvent =
  | { readonly type: 'state'; readonly state: KeeperState; readonly cause: ZkError | undefined }
  | { readonly type: 'session'; readonly what: 'new' | 'resumed' | 'expired'; readonly id: bigint }
  | { readonly type: 'attemptFailed'; readonly error: ZkError }
  | { readonly type: 'watch'; readonly event: WatchEvent }
  /** Nothing will happen any more, but for the state that `close()` sets. */
  | {
      readonly type: 'end';
      readonly state: 'Closed' | 'Expired' | 'AuthFailed';
      readonly cause: ZkError | undefined;
      readonly confirmed: boolean;
    };

/** What the core needs; implemented by the driver, faked in tests. */
export interface Ports {
  /** Connect to the next server. Answered by `dialed`, `dialFailed` or `roundDone` with this epoch. */
  dial(epoch: number): void;
  /** @returns false if the socket wants no more until `drained` */
  write(epoch: number, bytes: Buffer): boolean;
  /** Drop the socket, and whatever `dial` may still be doing for it. */
  hangUp(epoch: number): void;
  /** Call `flush` once, when this turn's requests are all in. */
  wantFlush(): void;
  /** Call `resume` when whoever waits for a promise that is settled by now has heard of it. */
  wantResume(epoch: number): void;
  /** Call `resume` for the end of a rest, when the continuations of what is settled have run and all was flushed. */
  wantRest(epoch: number): void;
  /** Call `traffic.goOn` when the event loop has had a turn. */
  wantTurn(epoch: number): void;
  /** Is there a SASL mechanism for the next connection? */
  usesSasl(): boolean;
  /** Begin the SASL exchange. Answered by `saslToken` or `saslFailed` with this epoch, and not within the call. */
  saslStart(epoch: number): void;
  /** Go on with it: the server said `challenge`. Answered as `saslStart` is. */
  saslStep(epoch: number, challenge: Uint8Array): void;
  /** Find out whether the server knows removeWatches, on another socket. Answered by `traffic.versionIs`. */
  askVersion(epoch: number): void;
  /**
   * A server has hung up on an operation: because it does not know it, as it said; or nobody knows why, and it is the first
   * of those without an answer.
   */
  hungUpOn(op: AnyOp, said: boolean): void;
  /** A server has answered an operation that not every server knows; said once a connection. */
  answeredTo(op: AnyOp): void;
  /** How many servers there are. */
  servers(): number;
  /** 0 <= r < 1 */
  random(): number;
  emit(event: SessionEvent): void;
}

/** Settings of the core; ms and bytes. */
export interface CoreConfig extends QueueLimits {
  readonly sessionTimeoutMs: number;
  /** Budget per server; null for session timeout / servers. */
  readonly connectTimeoutMs: number | null;
  /** 0 for never, null for the session timeout. */
  readonly requestTimeoutMs: number | null;
  readonly closeTimeoutMs: number;
  readonly maxResponseBytes: number;
  readonly renewSession: boolean;
  /** Will a server in read-only mode do? */
  readonly readOnly: boolean;
  /** A session to go on with; null to begin with a new one. */
  readonly session: { readonly id: bigint; readonly passwd: Uint8Array } | null;
  /** Do requests wait while there is no connection? */
  readonly queueOffline: boolean;
  /** Are watches armed again on the next connection? Else they end with the one that they were armed on. */
  readonly rearmWatches: boolean;
  readonly backoff: Backoff;
}
