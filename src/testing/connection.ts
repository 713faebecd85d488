/** One socket of a client (Java `NIOServerCnxn`): a four-letter word, or a handshake and then requests. */
import type { Socket } from 'node:net';
import { Perms } from '../protocol/constants.js';
import { ProtocolError } from '../protocol/errors.js';
import { FrameDecoder } from '../protocol/frame.js';
import type { JuteReader } from '../protocol/jute.js';
import { readConnectRequest, type Acl } from '../protocol/records.js';
import { isPermitted, withSuper, type AuthId } from './access.js';
import type { ClockTimer } from './clock.js';
import type { ConnectionHost } from './connection-host.js';
import { MiniServerError } from './errors.js';
import { corkForNow, resetSocket } from './faults/reset.js';
import { Wire, type Ending, type WireEnds } from './faults/wire.js';
import type { Direction } from './faults/wire-frame.js';
import { FrameWriter } from './frame-writer.js';
import { attachAlone, writeWelcome } from './handshake.js';
import { inBucketOrder } from './identity-order.js';
import { plainAddress } from './ip-address.js';
import type { Welcome } from './membership.js';
import type { Caller } from './request-context.js';
import { RequestPipeline } from './request-pipeline.js';
import { subjectOf } from './secure-listener.js';
import { ServerReader } from './server-reader.js';
import type { Session, SessionLink } from './session-table.js';
import { endSocket } from './socket-end.js';
import { SESSIONLESS_TIMEOUT_MS } from './words/connection-expiry.js';
import { ConnectionMeter } from './words/connection-meter.js';
import { isFourLetterWord } from './words/four-letter-words.js';
import type { ConnectionInfo } from './words/word-source.js';

/** Replies are handed to the socket when they are this long, even if there is more to read. */
const FLUSH_BYTES = 64 * 1024;
/** A client that does not read is not read from either while more than this waits for it. */
const BACKLOG_BYTES = 1024 * 1024;

type Phase = 'greeting' | 'handshake' | 'serving' | 'ended';

/** Serves one socket from its first byte to its last. */
export class Connection implements Caller, SessionLink, WireEnds, ConnectionInfo {
  /** Address of the client; also its identity of the scheme `ip`. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** When it was accepted, ms since 1970. */
  readonly established: number;
  readonly meter: ConnectionMeter;
  /** Counts connections, from 1. */
  readonly number: number;

  private phase: Phase = 'greeting';
  private attached: Session | null = null;
  private ids: readonly AuthId[];
  private readonly host: ConnectionHost<Connection>;
  private readonly socket: Socket;
  private readonly decoder: FrameDecoder;
  private readonly reader = new ServerReader();
  private readonly out: FrameWriter;
  private readonly pipeline: RequestPipeline;
  private greeting: Buffer = Buffer.alloc(0);
  private timer: ClockTimer;
  private flushScheduled = false;
  /** Waiting for the client to read; requests that came already wait in the decoder. */
  private stalled = false;
  /** Waiting for others of the ensemble; requests that came already wait in the decoder. */
  private held = false;
  private lastReply = false;
  /** Stands between the socket and us as long as there are rules, conditions or a log. */
  private wire: Wire | null = null;
  /** The socket is destroyed behind the last byte, and not when the client has closed it too. */
  private hasty = false;

  /** @param bare the TCP socket below a secure one */
  constructor(
    host: ConnectionHost<Connection>,
    socket: Socket,
    private readonly bare = socket,
  ) {
    this.host = host;
    this.socket = socket;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.established = host.state.clock.wallMs();
    this.meter = new ConnectionMeter(host.state);
    this.out = new FrameWriter(this.meter);
    this.ids = [{ scheme: 'ip', id: this.remoteAddress }];
    const subject = subjectOf(socket);
    if (subject !== null) {
      this.addAuthIds(withSuper('x509', subject, host.state.options.superUser));
    }
    this.decoder = new FrameDecoder(host.state.options.juteMaxBufferBytes);
    this.pipeline = new RequestPipeline(host.state, this, this.out, host);
    this.timer = this.sessionlessTimer();
    this.number = host.faults.nextConnection();
    this.watch();
    socket.on('data', (chunk: Buffer) => {
      if (this.wire === null) this.onData(chunk);
      else this.wire.take('toServer', chunk);
    });
    socket.on('drain', () => this.onDrain());
    // what comes after an error is always 'close'
    socket.on('error', () => undefined);
    socket.on('end', () => this.onEnd());
    socket.on('close', () => this.onClose());
  }

  /** From now on frames go through a wire, if they must and this can be between two of them. */
  watch(): void {
    if (!this.host.faults.active || this.wire !== null || this.stalled) return;
    if (this.phase === 'serving' && !this.decoder.midFrame) {
      this.wire = new Wire(this.host.faults, this, this.session.id);
    } else if (this.phase === 'greeting' && this.greeting.length === 0) {
      this.wire = new Wire(this.host.faults, this, null);
    }
  }

  get session(): Session {
    if (this.attached === null) throw new Error('no session before the handshake');
    return this.attached;
  }

  /** The session, or null before the handshake. */
  get sessionOrNull(): Session | null {
    return this.attached;
  }

  /** Is there TLS below it? */
  get isSecure(): boolean {
    return this.bare !== this.socket;
  }

  get hasMoved(): boolean {
    return this.attached?.left.has(this) === true;
  }

  get authIds(): readonly AuthId[] {
    return this.ids;
  }

  /** Requests that wait for their answers: the one that others must know of. */
  get outstanding(): number {
    return this.held && this.attached !== null ? 1 : 0;
  }

  get interestOps(): number {
    if (this.meter.asksWord) return 0;
    return (this.stalled ? 0 : READS) + (this.queuedBytes > 0 ? WRITES : 0);
  }

  /** Bytes that the socket has not taken yet. */
  get queuedBytes(): number {
    return this.socket.writableLength + this.out.pos;
  }

  addAuthIds(ids: readonly AuthId[]): void {
    const fresh = ids.filter(
      ({ scheme, id }) => !this.ids.some((own) => own.scheme === scheme && own.id === id),
    );
    if (fresh.length > 0) this.ids = inBucketOrder([...this.ids, ...fresh]);
  }

  closeAfterReply(): void {
    this.lastReply = true;
  }

  hold(): () => void {
    this.held = true;
    return () => {
      this.held = false;
      if (!this.hasEnded()) this.serveFrames();
    };
  }

  notify(type: number, path: string, zxid: bigint, acl: readonly Acl[] | null): void {
    if (this.phase !== 'serving') return;
    const { eventsNeedRead, eventZxids } = this.host.state.options.traits;
    if (eventsNeedRead && acl !== null && !isPermitted(acl, Perms.READ, this.ids)) return;
    this.out.event(type, path, eventZxids ? zxid : NO_ZXID);
    this.host.state.stats.counters.watch_bytes += this.out.lastFrameBytes;
    this.scheduleFlush();
  }

  report(doing: string, error: unknown): void {
    this.host.faults.report(new MiniServerError(doing, error));
  }

  hangUp(): void {
    this.close(true);
  }

  /** Cuts the connection, if possible so that the client sees a reset. */
  reset(): void {
    this.detach();
    this.wire?.destroy();
    resetSocket(this.bare);
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.detach();
    this.wire?.destroy();
    this.socket.destroy();
  }

  // ---- the ends of the wire

  deliver(direction: Direction, bytes: Buffer, done?: () => void): boolean {
    if (direction === 'toServer') {
      this.onData(bytes);
      done?.();
      return !this.stalled;
    }
    if (this.socket.writable) {
      corkForNow(this.socket);
      this.socket.write(bytes, done);
      this.stallIfFull();
    } else done?.();
    return true;
  }

  finish(direction: Direction, _ending: Ending): void {
    if (direction === 'toClient') {
      this.closeSocket();
      return;
    }
    this.hangUp();
    if (this.socket.closed) this.wire?.destroy();
  }

  read(direction: Direction, on: boolean): void {
    if (direction === 'toClient' || this.stalled) return;
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  cut(ending: Ending): void {
    if (ending === 'reset') {
      this.reset();
      return;
    }
    this.detach();
    this.closeSocket();
  }

  answered(): bigint {
    const { state } = this.host;
    if (this.attached !== null && !this.attached.closing) state.sessions.touch(this.attached);
    return state.lastZxid;
  }

  isPrompt(): boolean {
    return !this.held && !this.stalled;
  }

  leave(): boolean {
    this.wire = null;
    return true;
  }

  private sessionlessTimer(): ClockTimer {
    return this.host.state.clock.setTimeout(() => {
      // a server that is stopped judges nobody
      if (this.host.faults.isStopped) this.timer = this.sessionlessTimer();
      else {
        this.host.state.stats.counters.sessionless_connections_expired++;
        this.hangUp();
      }
    }, SESSIONLESS_TIMEOUT_MS);
  }

  private onEnd(): void {
    if (this.attached !== null && !this.attached.closing) this.meter.dropped();
    if (this.wire === null) this.hangUp();
    else this.wire.end('toServer', 'fin');
  }

  private onClose(): void {
    if (this.wire === null || this.hasEnded()) {
      this.detach();
      this.wire?.destroy();
      this.timer.cancel();
    } else {
      // requests that are still on their way arrive all the same
      this.wire.end('toServer', 'reset');
    }
  }

  private onData(chunk: Buffer): void {
    if (this.phase === 'ended') return;
    if (this.phase === 'greeting') {
      this.greet(chunk);
      return;
    }
    this.serve(chunk);
  }

  /** The first four bytes are a word or the length of the first frame. */
  private greet(chunk: Buffer): void {
    const bytes = this.greeting.length === 0 ? chunk : Buffer.concat([this.greeting, chunk]);
    if (bytes.length < 4) {
      this.greeting = bytes;
      return;
    }
    this.greeting = NO_BYTES;
    const word = bytes.toString('latin1', 0, 4);
    const { state } = this.host;
    if (!isFourLetterWord(word, state.options.traits)) {
      this.phase = 'handshake';
      this.serve(bytes);
      return;
    }
    this.answerWord(word, bytes.subarray(4));
  }

  private answerWord(word: string, behind: Buffer): void {
    this.meter.wordReceived();
    const answer = this.host.answerWord(word, behind, this.isSecure);
    if (answer === null) {
      this.hangUp();
      return;
    }
    this.meter.wordAnswered(answer);
    if (this.wire === null) this.socket.write(answer);
    else this.wire.take('toClient', Buffer.from(answer));
    this.end();
  }

  private onDrain(): void {
    if (!this.stalled) return;
    this.stalled = false;
    this.socket.resume();
    // what waits may stall it again before anything new is read
    if (!this.hasEnded()) this.serveFrames();
    this.wire?.unblock('toServer');
  }

  private serve(chunk: Buffer): void {
    this.decoder.push(chunk);
    if (this.held) {
      // whoever waits is alive
      if (this.attached !== null) this.host.state.sessions.touch(this.attached);
      return;
    }
    this.serveFrames();
  }

  private serveFrames(): void {
    let good: boolean;
    try {
      good = this.frames();
    } catch (error) {
      // bytes that make no sense cost the connection they came on, and nothing else
      if (!(error instanceof ProtocolError)) this.report('what a client sent', error);
      good = false;
    }
    this.reader.release();
    if (good && !this.hasSaidAll()) this.flush();
    else this.end();
    if (this.wire === null && this.host.faults.active) this.watch();
  }

  /** @returns false if the connection has to be closed */
  private frames(): boolean {
    const { decoder, reader, out } = this;
    // a reply that was waited for may be the last
    if (this.hasSaidAll()) return true;
    while (!this.stalled && !this.held && decoder.next()) {
      this.meter.packetReceived(decoder.end - decoder.start + 4);
      reader.reset(decoder.buf, decoder.start, decoder.end, decoder.owned);
      const good = this.phase === 'handshake' ? this.handshake(reader) : this.pipeline.serve(reader);
      if (!good || this.hasSaidAll()) return good;
      // a request may end the session of this very connection, or a callback of the user may stop the server
      if (this.hasEnded()) return true;
      if (out.pos >= FLUSH_BYTES) this.flush();
    }
    return true;
  }

  /** Was the last reply given? */
  private hasSaidAll(): boolean {
    return this.lastReply && !this.held;
  }

  private handshake(r: JuteReader): boolean {
    const { state, membership } = this.host;
    const q = readConnectRequest(r);
    const startedAt = this.meter.millis();
    state.stats.counters.connection_request_count++;
    let answer: Welcome | undefined;
    let goOn: (() => void) | null = null;
    const done = (welcome: Welcome): void => {
      answer = welcome;
      if (this.hasEnded()) return;
      if (welcome !== null) {
        this.begin(writeWelcome(this.out, q, welcome));
        if (q.sessionId === 0n && this.attached !== null) this.meter.sessionOpened(startedAt);
      } else if (goOn !== null) this.hangUp();
      goOn?.();
    };
    if (membership === null) done(attachAlone(state, q));
    else membership.attach(q, done);
    if (answer === undefined) goOn = this.hold();
    return answer !== null;
  }

  private begin(session: Session | null): void {
    if (session === null) {
      this.closeAfterReply();
      return;
    }
    this.timer.cancel();
    this.phase = 'serving';
    this.attached = session;
    session.link = this;
  }

  private hasEnded(): boolean {
    return this.phase === 'ended';
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    process.nextTick(() => {
      this.flushScheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    const { out, socket } = this;
    if (out.pos === 0) return;
    if (this.wire !== null) {
      const bytes = Buffer.from(out.pending());
      out.recycle(false);
      this.wire.take('toClient', bytes);
      return;
    }
    if (!socket.writable) {
      out.recycle(false);
      return;
    }
    socket.write(out.pending());
    // no byte left in the socket means that the kernel has them all and the buffer is free again
    out.recycle(socket.writableLength > 0);
    this.stallIfFull();
  }

  private stallIfFull(): void {
    if (this.socket.writableLength <= BACKLOG_BYTES) return;
    this.stalled = true;
    this.socket.pause();
  }

  /** Closes after what is written. */
  private end(): void {
    this.close(false);
  }

  private close(hasty: boolean): void {
    if (this.phase === 'ended') return;
    this.flush();
    this.detach();
    this.hasty = hasty;
    if (this.wire === null) this.closeSocket();
    else this.wire.end('toClient', 'fin');
  }

  private closeSocket(): void {
    this.timer = endSocket(this.socket, this.host.state.clock, this.hasty);
  }

  private detach(): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.timer.cancel();
    this.host.state.watches.removeWatcher(this);
    this.attached?.detach(this);
    this.host.ended(this);
  }
}

const NO_BYTES = Buffer.alloc(0);
const NO_ZXID = -1n;
/** Java's `SelectionKey.OP_READ` and `OP_WRITE`. */
const READS = 1;
const WRITES = 4;
