/** Both directions of one connection, on which rules and conditions act. */
import { Errno } from '../../protocol/error-codes.js';
import { JuteWriter } from '../../protocol/jute.js';
import { writeConnectResponse, writeReplyHeader } from '../../protocol/records.js';
import { chunksOf, framed, type Action } from './actions.js';
import { Conversation, type Exchange, type Instead } from './conversation.js';
import type { FaultBoard, Watched } from './fault-board.js';
import type { Rule } from './fault-rule.js';
import { FrameSlicer } from './frame-slicer.js';
import { Lane, Parcel, inLaterTurn } from './lane.js';
import { DIRECTIONS, type Direction, type WireFrame } from './wire-frame.js';

/** How a side ends its stream. */
export type Ending = 'fin' | 'reset';

/** What a wire joins: two sockets, or a socket and the server behind it. */
export interface WireEnds {
  /** Number of the connection. */
  readonly number: number;
  /**
   * Hands bytes on.
   * @param done called when they are out of this process
   * @returns false if no more are wanted before {@link Wire.unblock}
   */
  deliver(direction: Direction, bytes: Buffer, done?: () => void): boolean;
  /** The sender of this direction has ended it, and everything before has been handed on. */
  finish(direction: Direction, ending: Ending): void;
  /** More of this direction is to be read, or not for now. */
  read(direction: Direction, on: boolean): void;
  /** A rule ends the connection. */
  cut(ending: Ending): void;
  /** A request is answered in the server's place. @returns the zxid that the server would show, 0n if it is not known */
  answered(): bigint;
  /** Has the server answered all that was handed to it, if it answers that at all? Not known of one that is elsewhere. */
  isPrompt(): boolean;
  /** There is nothing to watch any more. @returns false to be watched all the same */
  leave(): boolean;
}

type Cut = Extract<Action, { readonly kind: 'cut' }>;

/** What is to be done when the reply to a request comes. */
interface Order {
  readonly rule: Rule;
  readonly action: Cut;
}

/** A frame that a rule has taken on. */
interface Taken {
  readonly direction: Direction;
  readonly frame: WireFrame;
  readonly bytes: Buffer;
  /** What the rule makes of them, if it does. */
  readonly changed: Buffer | null;
  readonly exchange: Exchange<Order> | null;
}

/** A sender is not read from while more than this waits. */
const BACKLOG_BYTES = 1024 * 1024;

/**
 * Servers set no limit to a reply: of a node with a million children it is far longer than any request may be. A length
 * beyond this is none, but the beginning of a text.
 */
const MAX_REPLY_BYTES = 0x1fff_ffff;

const NO_PASSWD = Buffer.alloc(16);

/** One connection that is watched. */
export class Wire implements Watched {
  /** What the connection carries, if that is no frames of ZooKeeper: a four-letter word, or what nobody here can read. */
  opaque: 'tls' | 'word' | 'unknown' | null = null;
  private readonly talk: Conversation<Order>;
  private readonly lanes: Readonly<Record<Direction, Lane>>;
  private readonly slicers: Readonly<Record<Direction, FrameSlicer>>;
  /** How a side has ended, as soon as it has. */
  private readonly endings: Record<Direction, Ending | null> = { toServer: null, toClient: null };
  /** Ends that vanished, so that the other side does not know. */
  private readonly lostEndings = new Set<Direction>();
  private readonly unread = new Set<Direction>();
  private readonly holds = new Map<() => void, Rule>();
  /** What is to be done when the answer to the handshake comes. */
  private welcome: Order | null = null;
  private greeted: boolean;
  /** Nothing gets through any more, and nobody is told. */
  private silent = false;
  private over = false;

  /** @param session of a connection that has its handshake behind it; null for a new one */
  constructor(
    private readonly board: FaultBoard,
    private readonly ends: WireEnds,
    session: bigint | null,
  ) {
    this.talk = new Conversation(ends.number, session);
    this.greeted = session !== null;
    this.lanes = { toServer: this.lane('toServer'), toClient: this.lane('toClient') };
    this.slicers = {
      toServer: new FrameSlicer(board.maxRequestBytes),
      toClient: new FrameSlicer(MAX_REPLY_BYTES),
    };
    board.watched.add(this);
  }

  /** The session of the connection; 0n for none. */
  get session(): bigint {
    return this.talk.session;
  }

  /** Bytes came from the sender of this direction. They must not change any more. */
  take(direction: Direction, chunk: Buffer): void {
    const slicer = this.slicers[direction];
    slicer.push(chunk);
    while (!this.over) {
      const bytes = slicer.next();
      if (bytes === null) break;
      if (slicer.opaque) this.passOpaque(direction, bytes);
      else this.pass(direction, bytes);
      this.greeted = true;
    }
    this.moved(direction);
  }

  /** The sender of this direction has ended its stream. Harmless if that is known. */
  end(direction: Direction, ending: Ending): void {
    if (this.over || this.endings[direction] !== null) return;
    this.endings[direction] = ending;
    if (this.silent || this.board.swallows(direction)) this.lostEndings.add(direction);
    else this.pushEnding(direction, ending);
  }

  /** More of this direction is wanted again. */
  unblock(direction: Direction): void {
    this.lanes[direction].unblock();
  }

  conditionsChanged(): void {
    for (const direction of DIRECTIONS) {
      const ending = this.endings[direction];
      if (!this.silent && ending !== null && this.lostEndings.delete(direction)) {
        this.pushEnding(direction, ending);
      }
      this.lanes[direction].run();
    }
  }

  leaveIfIdle(): void {
    if (this.over || this.silent || this.board.active || this.talk.busy || this.welcome !== null) return;
    for (const direction of DIRECTIONS) {
      if (!this.lanes[direction].empty || this.slicers[direction].midFrame) return;
      if (this.endings[direction] !== null || this.slicers[direction].opaque) return;
    }
    if (this.ends.leave()) this.destroy();
  }

  /** Throws away what is on its way and all that comes. */
  destroy(): void {
    this.over = true;
    this.closeLanes();
    this.board.watched.delete(this);
  }

  // ---- frames

  private pass(direction: Direction, bytes: Buffer): void {
    const { frame, exchange } = this.talk.read(direction, bytes);
    if (this.vanishes(frame)) return;
    const order = direction === 'toClient' ? this.orderFor(frame, exchange) : null;
    const judged = order?.rule ?? this.board.judge(frame, this.lanes[direction].isSwapping);
    const change = order === null && judged !== null && 'by' in judged.action ? judged.action.by : null;
    const changed = change === null ? null : (judged?.change(change, bytes) ?? null);
    // a rule that throws does nothing
    const rule = change !== null && changed === null ? null : judged;
    const action = order?.action ?? rule?.action;
    this.log(frame, action === undefined || (order === null && isForLater(action)) ? null : action.kind);
    const taken = { direction, frame, bytes, changed, exchange };
    if (order !== null) this.cutDelivery(order.rule, order.action, taken);
    else if (rule !== null) this.act(rule, taken);
    else this.send(taken);
    rule?.settle();
    if (direction === 'toClient') this.sendAnswers();
  }

  /** Bytes that are no frames: conditions act on them, rules do not. */
  private passOpaque(direction: Direction, bytes: Buffer): void {
    if (!this.greeted) {
      this.opaque = kindOf(bytes);
      // the answer will be no frames either
      this.slicers.toClient.opaque = true;
    }
    this.opaque ??= 'unknown';
    const frame = this.talk.opaque(direction, bytes);
    if (this.vanishes(frame)) return;
    this.log(frame, null);
    this.push(direction, this.parcel(direction, [bytes]));
  }

  private vanishes(frame: WireFrame): boolean {
    if (!this.silent && !this.board.swallows(frame.direction)) return false;
    this.log(frame, this.silent ? 'lost' : 'blackhole');
    return true;
  }

  private orderFor(frame: WireFrame, exchange: Exchange<Order> | null): Order | null {
    const order = frame.kind === 'handshake' ? this.welcome : (exchange?.order ?? null);
    if (frame.kind === 'handshake') this.welcome = null;
    return order === null || order.rule.removed ? null : order;
  }

  private act(rule: Rule, taken: Taken): void {
    const { direction, frame, bytes, exchange } = taken;
    const { action } = rule;
    switch (action.kind) {
      case 'cut':
        if (direction === 'toClient') this.cutDelivery(rule, action, taken);
        else this.cutRequest(rule, action, taken);
        return;
      case 'reply':
        this.answer(rule, action.errno, taken);
        return;
      case 'drop':
        break;
      case 'delay':
        this.send(taken, [bytes], action.ms);
        break;
      case 'hold':
      case 'swap':
        this.keep(rule, taken);
        break;
      case 'duplicate':
        this.send(taken);
        this.send({ ...taken, exchange: exchange === null ? null : { ...exchange } });
        break;
      case 'chunk':
        this.send(taken, chunksOf(bytes, action.sizes));
        break;
      default: {
        const changed = taken.changed ?? bytes;
        const again = exchange !== null && direction === 'toServer' ? this.talk.reread(changed) : exchange;
        this.send({ ...taken, bytes: changed, exchange: again });
      }
    }
    rule.acted(frame);
  }

  /** Sends a frame on its way. */
  private send(taken: Taken, parts: readonly Buffer[] = [taken.bytes], extraMs = 0): void {
    this.push(
      taken.direction,
      this.parcel(taken.direction, parts, { extraMs, before: this.expecting(taken) }),
    );
  }

  /** From when a request goes to the server its reply may come. */
  private expecting({ direction, exchange }: Taken): (() => void) | undefined {
    if (direction !== 'toServer' || exchange === null) return undefined;
    return () => this.talk.expect(exchange);
  }

  /** Puts a frame in that does not move before it is let go, or another one has come. */
  private keep(rule: Rule, taken: Taken): void {
    const { direction } = taken;
    const lane = this.lanes[direction];
    const expecting = this.expecting(taken);
    const begin = (): void => {
      this.holds.delete(release);
      rule.forget(release);
      expecting?.();
    };
    const parcel = this.parcel(direction, [taken.bytes], { before: begin });
    const isSwap = rule.action.kind === 'swap';
    const release = (): void => (isSwap ? lane.endSwap() : lane.release(parcel));
    rule.hold(release);
    this.holds.set(release, rule);
    if (isSwap) {
      lane.pushSwapped(parcel);
    } else {
      parcel.held = true;
      this.push(direction, parcel);
    }
  }

  private cutRequest(rule: Rule, action: Cut, taken: Taken): void {
    const { frame, exchange } = taken;
    if (isForLater(action)) {
      if (frame.kind === 'handshake') this.welcome = { rule, action };
      else if (exchange !== null) exchange.order = { rule, action };
      this.send(taken);
      return;
    }
    const cut = this.cutting(rule, action, frame);
    // the turn of the reply that never comes: what was asked for before is answered, as it would be by itself
    const last = (): void => (exchange === null ? cut() : this.doInstead(exchange, cut));
    this.push('toServer', this.parcel('toServer', headOf(taken.bytes, action), { last }));
  }

  private cutDelivery(rule: Rule, action: Cut, taken: Taken): void {
    const isWhole = action.point === 'afterAnswered' || action.point === 'afterDelivered';
    const parts = isWhole ? [taken.bytes] : headOf(taken.bytes, action);
    const last = this.cutting(rule, action, taken.frame);
    this.push('toClient', this.parcel('toClient', parts, { last }));
  }

  /** What ends the connection. */
  private cutting(rule: Rule, { how }: Cut, frame: WireFrame): () => void {
    return () => {
      if (this.over || this.silent) return;
      this.silent = true;
      this.closeLanes();
      if (how === 'silence') {
        rule.acted(frame);
        return;
      }
      // whoever reads with libuv sees the end of the stream, and no reset, if that comes together with bytes
      inLaterTurn(this.board.clock, () => {
        if (this.over) return;
        this.destroy();
        this.ends.cut(how);
        rule.acted(frame);
      });
    };
  }

  /** When the turn of a reply comes that the server will never send. */
  private doInstead(exchange: Exchange<Order>, instead: Instead): void {
    exchange.instead = instead;
    this.talk.expect(exchange);
    this.sendAnswers();
  }

  // ---- answers in the server's place

  private answer(rule: Rule, errno: number, taken: Taken): void {
    const { frame, exchange } = taken;
    const isHandshake = frame.kind === 'handshake';
    if (exchange === null && !isHandshake) {
      // too short to have an xid: there is nothing to answer
      this.send(taken);
      return;
    }
    const before = (): void => {
      rule.acted(frame);
      if (exchange === null) {
        this.refuseHandshake(errno);
        return;
      }
      this.doInstead(exchange, errno);
    };
    this.push('toServer', this.parcel('toServer', [], { before }));
  }

  private sendAnswers(): void {
    for (;;) {
      const exchange = this.talk.nextUnanswered(this.ends.isPrompt());
      if (exchange === null) return;
      const { instead, order, frame } = exchange;
      if (typeof instead === 'number') this.sendAnswer(exchange, instead);
      else if (instead !== null) this.push('toClient', this.parcel('toClient', [], { last: instead }));
      else if (order !== null && !order.rule.removed) {
        const last = this.cutting(order.rule, order.action, frame);
        this.push('toClient', this.parcel('toClient', [], { last }));
      }
    }
  }

  private sendAnswer(exchange: Exchange<Order>, errno: number): void {
    const known = this.ends.answered();
    const zxid = known > this.talk.lastZxid ? known : this.talk.lastZxid;
    const w = new JuteWriter();
    writeReplyHeader(w, exchange.xid, zxid, errno);
    const bytes = framed(w.bytes());
    const frame = this.talk.answered(exchange, errno, zxid, bytes);
    if (this.vanishes(frame)) return;
    this.log(frame, 'reply');
    this.push('toClient', this.parcel('toClient', [bytes]));
  }

  /** As a server does it: SessionExpired by a time-out of 0, anything else by a bare reply header; then it hangs up. */
  private refuseHandshake(errno: number): void {
    const w = new JuteWriter();
    if (errno === Errno.SessionExpired) {
      const readOnly = this.talk.handshake?.readOnly === undefined ? undefined : false;
      writeConnectResponse(w, { protocolVersion: 0, timeOut: 0, sessionId: 0n, passwd: NO_PASSWD, readOnly });
    } else {
      writeReplyHeader(w, 0, this.talk.lastZxid, errno);
    }
    const bytes = framed(w.bytes());
    const { frame } = this.talk.read('toClient', bytes);
    if (this.vanishes(frame)) return;
    this.log(frame, 'reply');
    const last = (): void => {
      this.destroy();
      this.ends.cut('fin');
    };
    this.push('toClient', this.parcel('toClient', [bytes], { last }));
  }

  // ---- lanes

  private lane(direction: Direction): Lane {
    return new Lane(this.board.clock, {
      deliver: (bytes, done) => this.ends.deliver(direction, bytes, done),
      flowing: () => !this.board.isPaused(direction),
      moved: () => this.moved(direction),
    });
  }

  private parcel(
    direction: Direction,
    parts: readonly Buffer[],
    {
      extraMs = 0,
      before,
      last,
    }: { extraMs?: number; before?: (() => void) | undefined; last?: () => void } = {},
  ): Parcel {
    const wait = this.board.lagOf(direction) + extraMs;
    return new Parcel(parts, wait === 0 ? 0 : this.board.clock.now() + wait, { before, last });
  }

  private push(direction: Direction, parcel: Parcel): void {
    if (this.board.isPaused(direction)) this.board.countPaused(direction);
    this.lanes[direction].push(parcel);
  }

  private pushEnding(direction: Direction, ending: Ending): void {
    const lane = this.lanes[direction];
    lane.endSwap();
    lane.push(this.parcel(direction, [], { before: () => this.ends.finish(direction, ending) }));
  }

  /** Something has moved in this direction: more may be read, and perhaps nobody is interested any longer. */
  private moved(direction: Direction): void {
    if (this.over) return;
    if (direction === 'toServer' && this.talk.busy) this.sendAnswers();
    const isFull = this.lanes[direction].queuedBytes > BACKLOG_BYTES;
    if (isFull !== this.unread.has(direction)) {
      if (isFull) this.unread.add(direction);
      else this.unread.delete(direction);
      this.ends.read(direction, !isFull);
    }
    this.leaveIfIdle();
  }

  private closeLanes(): void {
    for (const direction of DIRECTIONS) this.lanes[direction].close();
    for (const [release, rule] of this.holds) rule.forget(release);
    this.holds.clear();
  }

  private log(frame: WireFrame, fault: string | null): void {
    const { log, clock } = this.board;
    if (log.recording) log.add(Object.assign(frame, { at: clock.now(), fault }));
  }
}

/** Is the frame itself left alone, and its reply meant? */
function isForLater(action: Action): boolean {
  return action.kind === 'cut' && (action.point === 'beforeAnswered' || action.point === 'afterAnswered');
}

/** The bytes that still get through, which are never all of them. */
function headOf(bytes: Buffer, { afterBytes }: Cut): readonly Buffer[] {
  return afterBytes === 0 ? [] : [bytes.subarray(0, Math.min(afterBytes, bytes.length - 1))];
}

/** What begins like this, if it is not a frame? */
function kindOf(bytes: Buffer): 'tls' | 'word' | 'unknown' {
  if (bytes[0] === TLS_HANDSHAKE && bytes[1] === TLS_MAJOR_VERSION) return 'tls';
  return /^[a-z]{4}/.test(bytes.toString('latin1', 0, 4)) ? 'word' : 'unknown';
}

/** The record type and the version that every TLS connection begins with. */
const TLS_HANDSHAKE = 0x16;
const TLS_MAJOR_VERSION = 3;
