/**
 * From the bytes of a request to the bytes of its reply, for one connection (Java `ZooKeeperServer.processPacket` and
 * the processors behind it). Everything happens at once, so replies are in order and effects precede them.
 */
import { Xid } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import { DecodeError } from '../protocol/errors.js';
import type { JuteReader } from '../protocol/jute.js';
import type { AnyOp } from '../protocol/op.js';
import { operations } from '../protocol/operations.js';
import { REQUEST_HEADER_BYTES } from '../protocol/records.js';
import type { FrameWriter } from './frame-writer.js';
import { handlers } from './handlers.js';
import type { Membership, Outcome } from './membership.js';
import { lacksAclFirst } from './multi-handler.js';
import { performWrite, refusalOf } from './perform-write.js';
import { Refusal } from './refusal.js';
import { RequestContext, type Caller } from './request-context.js';
import { asksForOwner, routesOf, type Route } from './routes.js';
import type { ServerState } from './server-state.js';
import { lettersOf, REFUSED_WRITE } from './words/operation-letters.js';

/** Replies to unknown operations carry the zxid of a request that never got one. */
const UNSET_ZXID = -1n;

/** A request of which others must know. */
interface Asked {
  readonly xid: number;
  readonly startedAt: number;
  readonly route: Route;
  readonly request: unknown;
}

/** Serves one connection. */
export class RequestPipeline {
  private readonly ctx: RequestContext;

  private readonly routes: ReadonlyMap<number, Route>;

  constructor(
    private readonly state: ServerState,
    private readonly caller: Caller,
    private readonly out: FrameWriter,
    private readonly host: { readonly membership: Membership | null },
  ) {
    this.ctx = new RequestContext(state, caller);
    this.routes = routesOf(state.options);
  }

  /**
   * Does one request and writes what there is to answer.
   * @returns false if the frame cannot even be told for a request, so that the connection has to be closed
   */
  serve(r: JuteReader): boolean {
    if (r.remaining < REQUEST_HEADER_BYTES) return false;
    const xid = r.int();
    const type = r.int();
    if (type === operations.auth.code) return this.authenticate(xid, r);
    if (type === operations.sasl.code) return this.saslStep(xid, r);
    if (!this.isAuthenticated()) {
      this.refuse(xid, 0n, Errno.SessionClosedRequireSaslAuth);
      this.caller.closeAfterReply();
      return true;
    }
    const { session } = this.caller;
    if (session.closing) return true;
    this.state.sessions.touch(session);
    const route = this.routes.get(type);
    if (route === undefined) {
      if (this.state.options.unknownOperations === 'hangUp') return false;
      this.refuse(xid, UNSET_ZXID, Errno.Unimplemented);
      this.caller.closeAfterReply();
      return true;
    }
    this.state.stats.counters.prep_processor_request_queued++;
    this.dispatch(type === operations.ping.code ? Xid.PING : xid, route, r);
    return true;
  }

  private dispatch(xid: number, route: Route, r: JuteReader): void {
    const { row, handle, isSilent } = route;
    const startedAt = this.millis();
    const body = r.pos;
    const request: unknown = decode(row, r);
    const { membership } = this.host;
    if (membership !== null) {
      if (row.mutates || !row.readOnlyOk) {
        r.pos = body;
        this.forward(membership, {
          xid,
          startedAt,
          route: request === undefined ? this.unreadable(route, r) : route,
          request,
        });
        return;
      }
      if (!membership.mayRead(this.caller.session)) {
        this.caller.hangUp();
        return;
      }
    }
    if (this.caller.hasMoved && asksForOwner(row, request)) {
      // it has reached the leader, who gave it a zxid before he looked
      this.state.useZxid();
      this.caller.hangUp();
      return;
    }
    if (request === undefined) {
      r.pos = body;
      if (row.mutates && !this.isFree(row, r)) this.state.useZxid();
      this.refuse(xid, this.state.lastZxid, Errno.Marshalling);
      this.processed(row, xid, startedAt, row.mutates);
      return;
    }
    let response: unknown;
    try {
      response = row.mutates ? performWrite(this.ctx, handle, request) : handle(this.ctx, request);
    } catch (error) {
      const { errno, partial } = refusalOf(error, this.caller, row, request);
      this.out.beginReply(xid, this.state.lastZxid, errno);
      if (partial !== undefined) row.writeResponse(this.out, partial);
      this.out.endFrame();
      this.processed(row, xid, startedAt, row.mutates && partial === undefined);
      return;
    }
    if (!isSilent) this.reply(xid, this.state.lastZxid, row, response);
    this.processed(row, xid, startedAt, false);
  }

  private millis(): number {
    return Math.floor(this.state.clock.now());
  }

  /** A request was answered: counts it for the four-letter words. */
  private processed(row: AnyOp, xid: number, startedAt: number, isRefusedWrite: boolean): void {
    const { stats, lastZxid } = this.state;
    const endedAt = this.millis();
    stats.processed(endedAt - startedAt, row.mutates);
    if (xid !== Xid.PING) stats.counters.response_bytes += this.out.lastFrameBytes;
    const operation = isRefusedWrite ? REFUSED_WRITE : lettersOf(row);
    this.caller.meter.stats.processed({ operation, xid, zxid: lastZxid, startedAt, endedAt });
  }

  /** Does a write that cannot be read take no zxid? */
  private isFree(row: AnyOp, r: JuteReader): boolean {
    const { unreadableWritesAreFree, multiIsReadStrictly } = this.state.options.traits;
    return row.code === operations.multi.code
      ? multiIsReadStrictly && lacksAclFirst(r)
      : unreadableWritesAreFree;
  }

  /** A write, or sync, of which others must know. What comes behind it waits until it is answered. */
  private forward(membership: Membership, asked: Asked): void {
    const { caller } = this;
    const { route, request } = asked;
    let isAnswered = false as boolean;
    let goOn: (() => void) | null = null;
    membership.submit({ caller, ...route, request }, (outcome) => {
      isAnswered = true;
      this.answer(asked, outcome);
      goOn?.();
    });
    if (!isAnswered) goOn = caller.hold();
  }

  private answer({ xid, startedAt, route: { row, isSilent } }: Asked, outcome: Outcome): void {
    if (outcome === null) {
      this.caller.hangUp();
    } else if (outcome.errno !== 0 || !isSilent) {
      this.out.beginReply(xid, outcome.zxid, outcome.errno);
      if (outcome.response !== undefined) row.writeResponse(this.out, outcome.response);
      this.out.endFrame();
      this.processed(row, xid, startedAt, row.mutates && outcome.errno !== 0);
    }
  }

  /** The route of a request that cannot be read. */
  private unreadable(route: Route, r: JuteReader): Route {
    const refusal = new Refusal('Marshalling', { zxid: this.isFree(route.row, r) ? 'not taken' : 'logged' });
    const handle = (): never => {
      throw refusal;
    };
    return { ...route, handle };
  }

  /** Comes before the session is looked at, keeps no session alive, and is answered with zxid 0. */
  private authenticate(xid: number, r: JuteReader): boolean {
    const request = decode(operations.auth, r);
    if (request === undefined) return false;
    try {
      this.reply(xid, 0n, operations.auth, handlers.auth(this.ctx, request));
    } catch (error) {
      if (!(error instanceof Refusal)) this.caller.report('auth', error);
      this.refuse(xid, 0n, error instanceof Refusal ? error.errno : Errno.AuthFailed);
      this.caller.closeAfterReply();
    }
    return true;
  }

  /** As {@link authenticate}; what cannot be borne closes the connection without an answer. */
  private saslStep(xid: number, r: JuteReader): boolean {
    const request = decode(operations.sasl, r);
    if (request === undefined) return false;
    try {
      this.reply(xid, 0n, operations.sasl, handlers.sasl(this.ctx, request));
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) this.caller.report('sasl', error);
      if (!(error instanceof Refusal) || error.errno === Errno.Marshalling) return false;
      this.out.beginReply(xid, 0n, error.errno);
      operations.sasl.writeResponse(this.out, { token: null });
      this.out.endFrame();
      this.caller.closeAfterReply();
      return true;
    }
  }

  /** Has the connection an identity of those that are demanded, if any are? */
  private isAuthenticated(): boolean {
    const { enforcedAuthSchemes: demanded } = this.state.options;
    return demanded.length === 0 || this.caller.authIds.some(({ scheme }) => demanded.includes(scheme));
  }

  private reply(xid: number, zxid: bigint, row: AnyOp, response: unknown): void {
    this.out.beginReply(xid, zxid, 0);
    row.writeResponse(this.out, response);
    this.out.endFrame();
  }

  private refuse(xid: number, zxid: bigint, errno: number): void {
    this.out.beginReply(xid, zxid, errno);
    this.out.endFrame();
  }
}

function decode<Q>(row: { readonly readRequest: (r: JuteReader) => Q }, r: JuteReader): Q | undefined {
  try {
    return row.readRequest(r);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
