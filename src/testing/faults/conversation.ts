/**
 * Reads the frames of one connection. Replies carry no opcode, so the requests that have gone to the server are
 * remembered until their replies come.
 */
import { Xid, eventTypeName } from '../../protocol/constants.js';
import type { MultiRequest } from '../../protocol/multi.js';
import { requestPath, type AnyOp } from '../../protocol/op.js';
import { operations, rowByCode, type OpName } from '../../protocol/operations.js';
import {
  REPLY_HEADER_BYTES,
  REQUEST_HEADER_BYTES,
  readConnectRequest,
  readConnectResponse,
  readWatcherEvent,
  type ConnectRequest,
} from '../../protocol/records.js';
import { ServerReader } from '../server-reader.js';
import { PREFIX_BYTES } from './frame-slicer.js';
import type { Direction, FrameKind, WireFrame } from './wire-frame.js';

/** A request and, in time, its reply. `Order` is what somebody wants to be done when that comes. */
export interface Exchange<Order> {
  /** The xid that the reply will have. */
  readonly xid: number;
  readonly op: OpName | null;
  readonly paths: readonly string[];
  /** Answered out of turn, as pings and credentials are. */
  readonly control: boolean;
  /** The request. */
  readonly frame: WireFrame;
  /** Requests that went to the server before it. */
  sentBefore: number;
  order: Order | null;
  /** It never went to the server: this is done when the turn of its reply comes. */
  instead: Instead | null;
}

/** An error that is answered, or something that is done. */
export type Instead = number | (() => void);

/** A frame, and the exchange that it belongs to. */
export interface Read<Order> {
  readonly frame: WireFrame;
  readonly exchange: Exchange<Order> | null;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const NO_PATHS: readonly string[] = [];

/** Of one connection. */
export class Conversation<Order> {
  /** The session; 0n before the handshake is over. */
  session: bigint;
  /** The latest zxid that either side is known to have seen. */
  lastZxid = 0n;
  /** What the client asked for in its handshake; null before that, and on a connection that was met later. */
  handshake: ConnectRequest | null = null;

  /** Frames of the handshake that are still to come. */
  private readonly greeting: Record<Direction, boolean>;
  private readonly waiting: Exchange<Order>[] = [];
  private readonly control: Exchange<Order>[] = [];
  private readonly reader = new ServerReader();
  /** Requests that went to the server. */
  private sent = 0;
  /** Of these so many are over, because one of them has been answered. */
  private passed = 0;

  /**
   * @param connection its number
   * @param session of a connection that has its handshake behind it; null for a new one
   */
  constructor(
    readonly connection: number,
    session: bigint | null,
  ) {
    this.session = session ?? 0n;
    this.greeting = { toServer: session === null, toClient: session === null };
  }

  /** Reads a frame that is whole, with its length before it. Never throws: what makes no sense is a frame all the same. */
  read(direction: Direction, bytes: Buffer): Read<Order> {
    this.reader.reset(bytes, PREFIX_BYTES, bytes.length, true);
    if (this.greeting[direction]) {
      this.greeting[direction] = false;
      return { frame: this.greet(direction, bytes), exchange: null };
    }
    return direction === 'toServer' ? this.request(bytes) : this.reply(bytes);
  }

  /** Bytes that are no frame. */
  opaque(direction: Direction, bytes: Buffer): WireFrame {
    return this.frame(direction, 'opaque', bytes);
  }

  /** The request goes to the server now, so its reply may come. */
  expect(exchange: Exchange<Order>): void {
    exchange.sentBefore = this.sent++;
    (exchange.control ? this.control : this.waiting).push(exchange);
  }

  /**
   * Whose turn it is although the server will not answer: everything that was asked for before has been answered. It never
   * went to the server (`instead`), or it is a `check` by itself, of which a server answers the errors alone, that
   * somebody wants something of (`order`).
   * @param isPrompt the server has answered all that it got
   */
  nextUnanswered(isPrompt: boolean): Exchange<Order> | null {
    for (const queue of [this.control, this.waiting]) {
      for (let [exchange] = queue; exchange !== undefined; [exchange] = queue) {
        const { op, sentBefore, instead, order } = exchange;
        const isSilent = op === 'check' && (isPrompt || sentBefore < this.passed);
        if (instead === null && !isSilent) break;
        queue.shift();
        if (instead !== null || order !== null) return exchange;
      }
    }
    return null;
  }

  /** Does anybody want something of a reply that is still to come? */
  get busy(): boolean {
    return this.waiting.some(({ order, instead }) => order !== null || instead !== null);
  }

  /** An answer in the server's place, as a frame. */
  answered({ xid, op, paths }: Exchange<Order>, errno: number, zxid: bigint, bytes: Buffer): WireFrame {
    return Object.assign(this.frame('toClient', 'reply', bytes, op, paths), { xid, errno, zxid });
  }

  /** A request that was changed on its way, as the server sees it. */
  reread(bytes: Buffer): Exchange<Order> | null {
    this.reader.reset(bytes, PREFIX_BYTES, bytes.length, true);
    return this.request(bytes).exchange;
  }

  private greet(direction: Direction, bytes: Buffer): WireFrame {
    let zxid: bigint | null = null;
    let readOnly = false;
    let { session } = this;
    try {
      if (direction === 'toServer') {
        this.handshake = readConnectRequest(this.reader);
        zxid = this.handshake.lastZxidSeen;
        session = this.handshake.sessionId;
        readOnly = this.handshake.readOnly === true;
        if (zxid > this.lastZxid) this.lastZxid = zxid;
      } else {
        const answer = readConnectResponse(this.reader);
        readOnly = answer.readOnly === true;
        session = answer.timeOut > 0 ? answer.sessionId : 0n;
      }
    } catch {
      // what this is remains between the two
    }
    this.session = session;
    return Object.assign(this.frame(direction, 'handshake', bytes), { zxid, readOnly });
  }

  private request(bytes: Buffer): Read<Order> {
    const r = this.reader;
    if (r.remaining < REQUEST_HEADER_BYTES) {
      return { frame: this.frame('toServer', 'request', bytes), exchange: null };
    }
    const xid = r.int();
    const row = rowByCode(r.int());
    const op = (row?.name as OpName | undefined) ?? null;
    const paths = row === undefined ? NO_PATHS : this.pathsOf(row);
    const isPing = op === 'ping';
    const frame = this.frame('toServer', 'request', bytes, op, paths);
    frame.xid = xid;
    const exchange: Exchange<Order> = {
      xid: isPing ? Xid.PING : xid,
      op,
      paths,
      control: isPing || op === 'auth',
      frame,
      sentBefore: 0,
      order: null,
      instead: null,
    };
    return { frame, exchange };
  }

  private pathsOf(row: AnyOp): readonly string[] {
    try {
      const request: unknown = row.readRequest(this.reader);
      if (row.code === operations.multi.code || row.code === operations.multiRead.code) {
        return (request as MultiRequest).ops.flatMap(({ op, request: part }) => requestPath(op, part) ?? []);
      }
      const path = requestPath(row, request);
      return path === undefined ? NO_PATHS : [path];
    } catch {
      return NO_PATHS;
    }
  }

  private reply(bytes: Buffer): Read<Order> {
    const r = this.reader;
    if (r.remaining < REPLY_HEADER_BYTES) {
      return { frame: this.frame('toClient', 'reply', bytes), exchange: null };
    }
    const xid = r.int();
    const zxid = r.long();
    const errno = r.int();
    if (zxid > this.lastZxid) this.lastZxid = zxid;
    if (xid === Xid.NOTIFICATION) return { frame: this.notification(bytes, zxid), exchange: null };
    const exchange = this.takeExchange(xid);
    const frame = this.frame('toClient', 'reply', bytes, exchange?.op, exchange?.paths);
    frame.xid = xid;
    frame.zxid = zxid;
    frame.errno = errno;
    return { frame, exchange };
  }

  private notification(bytes: Buffer, zxid: bigint): WireFrame {
    try {
      const { type, path } = readWatcherEvent(this.reader);
      const frame = this.frame('toClient', 'notification', bytes, null, [path]);
      return Object.assign(frame, { xid: Xid.NOTIFICATION, zxid, event: eventTypeName(type) ?? null });
    } catch {
      return Object.assign(this.frame('toClient', 'notification', bytes), { xid: Xid.NOTIFICATION, zxid });
    }
  }

  private takeExchange(xid: number): Exchange<Order> | null {
    for (const queue of [this.waiting, this.control]) {
      const index = queue.findIndex((exchange) => exchange.xid === xid && exchange.instead === null);
      if (index < 0) continue;
      const exchange = queue.splice(index, 1)[0] as Exchange<Order>;
      // credentials are looked at before what was sent ahead of them
      if (exchange.op !== 'auth') this.passed = Math.max(this.passed, exchange.sentBefore);
      return exchange;
    }
    return null;
  }

  private frame(
    direction: Direction,
    kind: FrameKind,
    bytes: Buffer,
    op: OpName | null = null,
    paths: readonly string[] = NO_PATHS,
  ): Writable<WireFrame> {
    return {
      connection: this.connection,
      direction,
      kind,
      op,
      xid: null,
      path: paths[0] ?? null,
      paths,
      event: null,
      errno: null,
      zxid: null,
      readOnly: null,
      session: this.session,
      bytes: bytes.length,
    };
  }
}
