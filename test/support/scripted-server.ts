/**
 * Servers that a test plays byte by byte, and time that passes only when the test says so.
 *
 * A {@link ScriptedServer} is a dialer: each connection that a client asks for becomes a {@link Link}, which does nothing
 * of its own accord. What the test makes a link do reaches the client the way it does from a socket: in a turn of the
 * event loop of its own, never before the dialer has returned, and never after the connection was closed.
 */
import type { ConnOptions } from '../../src/client/options.js';
import { Conn } from '../../src/client/conn.js';
import type { Clock, Timer } from '../../src/net/clock.js';
import { formatServer, type ServerAddress } from '../../src/net/connect-string.js';
import type { Dialer, Transport, TransportEvents } from '../../src/net/transport.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { rowByCode } from '../../src/protocol/operations.js';
import { readConnectRequest, writeConnectResponse, type ConnectRequest } from '../../src/protocol/records.js';
import { framed, replyFrame, type SeenRequest } from './core-world.js';

/** Turns of the event loop that are enough for everything that a client does by itself. */
const SETTLING_TURNS = 6;

/** Lets everything run that needs no time to pass. */
export async function settle(): Promise<void> {
  for (let i = 0; i < SETTLING_TURNS; i++) await inOwnTurn(() => undefined);
}

/** Runs `work` as the event loop runs a socket's callback: with nothing on the stack. */
function inOwnTurn(work: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        work();
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

// ---------------------------------------------------------------- time

interface Alarm {
  readonly at: number;
  readonly fire: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  /** Timers that were ever set. */
  timersSet = 0;
  private ms = 1000;
  private readonly alarms = new Set<Alarm>();

  now(): number {
    return this.ms;
  }

  setTimer(fire: () => void, delayMs: number): Timer {
    if (Number.isNaN(delayMs)) throw new Error('a timer was set for NaN ms');
    this.timersSet++;
    const alarm = { at: this.ms + Math.max(0, delayMs), fire };
    this.alarms.add(alarm);
    return { cancel: () => void this.alarms.delete(alarm) };
  }

  /** Timers that are set now. */
  get timers(): number {
    return this.alarms.size;
  }

  /** When the next timer fires, counted from now; Infinity for never. */
  get nextIn(): number {
    return Math.min(Infinity, ...[...this.alarms].map(({ at }) => at - this.ms));
  }

  /** Time passes and no timer fires, as when the process is busy. */
  jump(ms: number): void {
    this.ms += ms;
  }

  /** Lets that much time pass. Timers fire one by one, and what one sets off is over before the next. */
  async advance(ms: number): Promise<void> {
    const end = this.ms + ms;
    for (;;) {
      const next = [...this.alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.ms = Math.max(this.ms, next.at);
      this.alarms.delete(next);
      await inOwnTurn(next.fire);
      await settle();
    }
    this.ms = end;
    await settle();
  }
}

// ---------------------------------------------------------------- servers

/** What an accepted session is like. */
export interface Session {
  readonly sessionId?: bigint;
  readonly timeOut?: number;
  readonly passwd?: Buffer;
  /** Made by a server in read-only mode. */
  readonly readOnly?: boolean;
}

/** One connection, or the attempt at one, from the server's side. */
export class Link implements Transport {
  /** The client has destroyed it. */
  destroyed = false;
  /** `onClose` was reported. */
  closed = false;
  /** Counts calls of `destroy`. */
  destroyCalls = 0;
  /** What `write` says. */
  writable = true;
  /** Chunks as they were written. */
  readonly written: Buffer[] = [];
  private readonly decoder = new FrameDecoder(0x7fffffff);
  private readonly decoded: Buffer[] = [];
  private taken = 0;
  /** `host:port` */
  readonly name: string;

  constructor(
    readonly server: ServerAddress,
    /** For a test that plays a transport which breaks the rules. */
    readonly events: TransportEvents,
  ) {
    this.name = formatServer(server);
  }

  // ---- the client's side

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('the client wrote to a transport that it has destroyed');
    const copy = Buffer.from(bytes);
    this.written.push(copy);
    this.decoder.push(copy);
    while (this.decoder.next()) {
      const { buf, start, end } = this.decoder;
      this.decoded.push(Buffer.from(buf.subarray(start, end)));
    }
    return this.writable;
  }

  destroy(): void {
    this.destroyCalls++;
    if (this.destroyed) return;
    this.destroyed = true;
    void this.close();
  }

  // ---- what the client said

  get handshake(): ConnectRequest {
    return readConnectRequest(new JuteReader(this.decoded[0]));
  }

  /** All requests behind the handshake. */
  get requests(): SeenRequest[] {
    return this.decoded.slice(1).map((frame) => {
      const r = new JuteReader(frame);
      const xid = r.int();
      const op = rowByCode(r.int()) as AnyOp;
      return { xid, op, request: op.readRequest(r) as Record<string, unknown> };
    });
  }

  /** Requests that came since the last call. */
  take(): SeenRequest[] {
    const fresh = this.requests.slice(this.taken);
    this.taken += fresh.length;
    return fresh;
  }

  /** The only request that came since the last call. */
  takeOne(): SeenRequest {
    const [first, ...more] = this.take();
    if (first === undefined || more.length > 0) {
      throw new Error(`${first === undefined ? 0 : more.length + 1} requests came, not one`);
    }
    return first;
  }

  // ---- what the server does

  /** The connection is up. */
  connect(): Promise<void> {
    return this.tell(() => this.events.onConnect());
  }

  /** Bytes, as one chunk. */
  send(...parts: Uint8Array[]): Promise<void> {
    const chunk = Buffer.concat(parts);
    return this.tell(() => this.events.onData(chunk));
  }

  /** Bytes, one chunk each. */
  async drip(bytes: Uint8Array): Promise<void> {
    for (const byte of bytes) await this.send(Uint8Array.of(byte));
  }

  drain(): Promise<void> {
    this.writable = true;
    return this.tell(() => this.events.onDrain());
  }

  /** The server ends the stream. */
  end(): Promise<void> {
    return this.tell(() => this.events.onEnd());
  }

  /** The connection fails, or cannot be made. */
  fail(error: Error = new Error('connect ECONNREFUSED')): Promise<void> {
    return this.close(error);
  }

  /** Answers the handshake. */
  accept(session: Session = {}): Promise<void> {
    return this.send(handshakeFrame(session));
  }

  /** Brings it from the attempt to a session. */
  async welcome(session?: Session): Promise<void> {
    await this.connect();
    await this.accept(session);
    await settle();
  }

  /** Answers a request through its row; all its fields must be there. */
  answer(seen: SeenRequest, response: unknown, zxid = 1n): Promise<void> {
    return this.send(answerFrame(seen, response, zxid));
  }

  /** Refuses a request. */
  refuse(seen: SeenRequest, err: number): Promise<void> {
    return this.send(replyFrame(seen.xid, { err }));
  }

  private async tell(report: () => void): Promise<void> {
    await inOwnTurn(() => {
      if (!this.destroyed && !this.closed) report();
    });
    await settle();
  }

  private async close(error?: Error): Promise<void> {
    await inOwnTurn(() => {
      if (this.closed) return;
      this.closed = true;
      this.events.onClose(error);
    });
    await settle();
  }
}

export function handshakeFrame({
  sessionId = 0xabcn,
  timeOut = 9000,
  passwd,
  readOnly = false,
}: Session): Buffer {
  const w = new JuteWriter();
  writeConnectResponse(w, {
    protocolVersion: 0,
    timeOut,
    sessionId,
    passwd: passwd ?? Buffer.alloc(16, 7),
    readOnly,
  });
  return framed(w);
}

export function answerFrame(seen: SeenRequest, response: unknown, zxid = 1n): Buffer {
  return replyFrame(seen.xid, { zxid, body: (w) => seen.op.writeResponse(w, response) });
}

/** All servers of a test: give {@link dialer} and {@link clock} to a Conn, or let {@link conn} make one. */
export class ScriptedServer {
  readonly clock = new ManualClock();
  /** Every connection that was asked for, the oldest first. */
  readonly links: Link[] = [];
  /** What happens to each new connection, if anything. */
  onDial: (link: Link) => Promise<void> | undefined = () => undefined;
  /** Makes the dialer throw. */
  dialError: Error | null = null;

  readonly dialer: Dialer = (server, events) => {
    if (this.dialError !== null) throw this.dialError;
    const link = new Link(server, events);
    this.links.push(link);
    void this.onDial(link);
    return link;
  };

  /** The latest connection. */
  get link(): Link {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('nobody has dialed');
    return link;
  }

  /** `host:port` of each connection that was asked for. */
  get dialed(): string[] {
    return this.links.map(({ name }) => name);
  }

  /** For one Conn. It has one connection at a time: besides that it only asks for a version, which nobody here tells. */
  dialerOfOne(): Dialer {
    let latest: Link | null = null;
    return (server, events) => {
      if (latest !== null && !latest.destroyed && !latest.closed) {
        process.nextTick(() => events.onClose(new Error('no questions')));
        return { write: () => true, destroy: () => undefined };
      }
      const transport = this.dialer(server, events);
      latest = this.links.at(-1) ?? null;
      return transport;
    };
  }

  /** A Conn of these servers, not connected. Its shuffle leaves the order of the connect string. */
  conn(options: ConnOptions = {}, connectString = 'a:1,b:1,c:1'): Conn {
    return new Conn(connectString, {
      dialer: this.dialerOfOne(),
      clock: this.clock,
      random: () => 0.999,
      sessionTimeoutMs: 9000,
      requestTimeoutMs: 0,
      ...options,
    });
  }

  /** A Conn with a session. */
  async connected(options?: ConnOptions, connectString?: string): Promise<Conn> {
    const conn = this.conn(options, connectString);
    const connecting = conn.connect();
    await settle();
    await this.link.welcome();
    return connecting;
  }

  /** Cuts the connection, and resumes the session on the next one. */
  async cutAndResume(session?: Session): Promise<void> {
    await this.link.fail(new Error('cut'));
    await this.link.welcome(session);
  }

  /** Closes a Conn; the server confirms. */
  async close(conn: Conn): Promise<void> {
    const closing = conn.close();
    await settle();
    const request = this.link.requests.at(-1);
    if (!this.link.destroyed && request?.op.name === 'closeSession') await this.link.answer(request, {});
    await closing;
  }
}

/** What a promise came to, without waiting for it: undefined while it is open. */
export function watchOutcome<T>(promise: Promise<T>): {
  current?: { readonly value: T } | { readonly error: unknown };
} {
  const outcome: { current?: { readonly value: T } | { readonly error: unknown } } = {};
  promise.then(
    (value) => {
      outcome.current = { value };
    },
    (error: unknown) => {
      outcome.current = { error };
    },
  );
  return outcome;
}

/** The reason of a rejection. It may be asked for early and awaited late; fails then if there is none. */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const reason = promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => error,
  );
  reason.catch(() => undefined);
  return reason;
}

/**
 * Collects uncaught exceptions and unhandled rejections while `work` runs, instead of letting them end the process.
 */
export async function catchingUncaught(work: () => Promise<void> | void): Promise<unknown[]> {
  const caught: unknown[] = [];
  const take = (error: unknown): void => void caught.push(error);
  const names = ['uncaughtException', 'unhandledRejection'] as const;
  const before = names.map((name) => [name, process.listeners(name as 'uncaughtException')] as const);
  for (const name of names) {
    process.removeAllListeners(name);
    process.on(name, take);
  }
  try {
    await work();
    await settle();
  } finally {
    for (const [name, listeners] of before) {
      process.removeAllListeners(name);
      for (const listener of listeners) process.on(name as 'uncaughtException', listener);
    }
  }
  return caught;
}
