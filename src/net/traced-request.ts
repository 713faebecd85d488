/**
 * A request that somebody watches through `diagnostics_channel` or `debug`. It is a class of its own, so that a request
 * that nobody watches has not a field more.
 */
import { ZkError, type Outcome } from '../protocol/errors.js';
import type { JuteReader } from '../protocol/jute.js';
import { requestPath } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { hex } from '../protocol/readable.js';
import { PendingRequest } from '../session/pending.js';
import { inMs, lateReplyChannel, requestChannel, requestLog } from './diagnostics.js';

/** How a traced request ended: `ok`, or the `outcome` of its error. */
export type TraceOutcome = 'ok' | Outcome;

/**
 * What the channels of `zk-conn:request` carry: one object per request from its start to its end, filled in as things
 * become known. It never holds data, ACLs or credentials. Do not change it, but you may use it as the key of a WeakMap.
 */
export interface RequestTrace {
  /** Name of the row, for example `getData`. */
  readonly op: string;
  /** As the caller gave it; undefined for operations without one. */
  readonly path: string | undefined;
  /** As the server knows it: with the chroot. */
  readonly serverPath: string | undefined;
  /** The session, in hexadecimal; `0x0` for none. */
  readonly sessionId: string;
  /** `host:port`; undefined before the request could be sent. */
  readonly server: string | undefined;
  /** Its number on the wire; 0 before it has one. */
  readonly xid: number;
  /** Size of the request, bytes without the length prefix; 0 before it is encoded. */
  readonly requestBytes: number;
  /** Size of the reply, bytes without the length prefix; 0 if there is none. */
  readonly responseBytes: number;
  /** From the call to its end, ms; the waiting for a connection included. */
  readonly durationMs: number;
  /** Undefined until its end. */
  readonly outcome: TraceOutcome | undefined;
  /** What the caller's promise rejects with. */
  readonly error: Error | undefined;
  /** What the server said after the caller had given up; undefined until then. */
  readonly late: LateReply | undefined;
}

/** The reply to a request that was aborted, or had timed out. */
export interface LateReply {
  /** `ok`: it was applied. `rejected`: it was not. */
  readonly outcome: 'ok' | 'rejected';
  /** Number of the error; 0 for none. */
  readonly errno: number;
  /** From the call to this reply, ms. */
  readonly durationMs: number;
}

/** Where a trace gets from what only the driver knows. */
export interface TraceSource {
  readonly clock: { now(): number };
  readonly core: { readonly sessionId: bigint };
  readonly server: string | undefined;
  readonly latestServer: string | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Does anybody listen to what a request tells? */
export function isTracing(): boolean {
  return requestChannel.hasSubscribers || lateReplyChannel.hasSubscribers;
}

export class TracedRequest extends PendingRequest {
  private readonly trace: Mutable<RequestTrace>;
  private readonly startedAt: number;
  private announceEnd: () => void = () => undefined;

  constructor(
    private readonly source: TraceSource,
    ...request: ConstructorParameters<typeof PendingRequest>
  ) {
    super(...request);
    this.startedAt = source.clock.now();
    this.trace = {
      op: this.op.name,
      path: this.path,
      serverPath: requestPath(this.op, this.request),
      sessionId: hex(source.core.sessionId),
      server: source.server,
      xid: 0,
      requestBytes: 0,
      responseBytes: 0,
      durationMs: 0,
      outcome: undefined,
      error: undefined,
      late: undefined,
    };
    this.begin();
  }

  override encoded(xid: number, bytes: number): void {
    super.encoded(xid, bytes);
    this.trace.xid = xid;
    this.trace.requestBytes = bytes;
  }

  override replied(errno: number, bytes: number, body: JuteReader): void {
    const { trace, source } = this;
    trace.responseBytes = bytes;
    if (!this.settled) return;
    trace.server = source.server;
    trace.late = this.lateReply(errno, body);
    // behind whatever the session is in the middle of
    void Promise.resolve(trace).then(announceLate);
  }

  override succeed(value: unknown): void {
    this.end('ok', undefined);
    super.succeed(value);
  }

  override fail(error: Error): void {
    this.end(ZkError.is(error) ? error.outcome : this.sent ? 'unknown' : 'not-sent', error);
    super.fail(error);
  }

  /** As `tracingChannel.tracePromise` does it, but the caller's promise stays the one that it is. */
  private begin(): void {
    const { trace } = this;
    requestChannel.start.runStores(trace, () => {
      // a promise of our own: the end is announced in the asynchronous context of the call and its span, never inside
      // the session, and before the caller goes on
      void new Promise<void>((resolve) => {
        this.announceEnd = resolve;
      }).then(() => announceEnd(trace));
      requestChannel.end.publish(trace);
    });
  }

  private end(outcome: TraceOutcome, error: Error | undefined): void {
    const { trace, source } = this;
    trace.sessionId = source.core.sessionId === 0n ? trace.sessionId : hex(source.core.sessionId);
    trace.server = outcome === 'not-sent' ? undefined : source.latestServer;
    trace.durationMs = source.clock.now() - this.startedAt;
    trace.outcome = outcome;
    trace.error = error;
    this.announceEnd();
  }

  private lateReply(errno: number, body: JuteReader): LateReply {
    const durationMs = this.source.clock.now() - this.startedAt;
    const failed = errno !== 0 && errno !== this.absentErrno ? errno : this.failureInside(errno, body);
    return { outcome: failed === 0 ? 'ok' : 'rejected', errno: failed, durationMs };
  }

  /** A multi that failed has no error in its header, but one in each result; 0 stands for "not this one's fault". */
  private failureInside(errno: number, body: JuteReader): number {
    if (errno !== 0 || this.op !== operations.multi) return 0;
    try {
      const { results } = operations.multi.readResponse(body);
      return results.find((result) => result.errno !== 0)?.errno ?? 0;
    } catch {
      // nobody waits for it: a reply that makes no sense costs nobody anything
      return 0;
    }
  }
}

function announceEnd(trace: RequestTrace): void {
  if (requestLog.enabled) {
    const { op, path, xid, outcome, durationMs, requestBytes, responseBytes, server, error } = trace;
    const what = `${op}${path === undefined ? '' : ` ${path}`} (${server ?? 'no server'}, xid ${xid})`;
    const size = `${requestBytes} bytes out, ${responseBytes} bytes in`;
    const why = error === undefined ? '' : `: ${error.message}`;
    requestLog('%s %s after %s, %s%s', what, outcome, inMs(durationMs), size, why);
  }
  if (trace.error !== undefined) requestChannel.error.publish(trace);
  requestChannel.asyncStart.publish(trace);
  requestChannel.asyncEnd.publish(trace);
}

function announceLate(trace: RequestTrace): void {
  const { op, path, xid, late } = trace;
  if (requestLog.enabled) {
    const what = `${op}${path === undefined ? '' : ` ${path}`} (xid ${xid})`;
    requestLog(
      '%s: late reply after %s: %s (%d)',
      what,
      inMs(late?.durationMs ?? 0),
      late?.outcome,
      late?.errno,
    );
  }
  lateReplyChannel.publish(trace);
}
