/**
 * A session core with everything around it made of data: the test owns the clock, plays the servers, and sees every
 * byte and event. Nothing here takes time.
 */
import { Xid } from '../../src/protocol/constants.js';
import type { ZkError } from '../../src/protocol/errors.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { operations, rowByCode } from '../../src/protocol/operations.js';
import {
  readConnectRequest,
  writeConnectResponse,
  writeReplyHeader,
  writeStat,
  writeWatcherEvent,
  type ConnectRequest,
  type Stat,
} from '../../src/protocol/records.js';
import { SessionCore } from '../../src/session/core.js';
import { PendingRequest } from '../../src/session/pending.js';
import type { CoreConfig, Ports, SessionEvent } from '../../src/session/ports.js';
import type { Watcher } from '../../src/session/watches.js';

export const DEFAULT_CONFIG: CoreConfig = {
  sessionTimeoutMs: 9000,
  connectTimeoutMs: null,
  requestTimeoutMs: 0,
  closeTimeoutMs: 1000,
  maxRequests: 1000,
  maxBytes: 1 << 20,
  maxRequestBytes: 0xfffff,
  maxResponseBytes: 1 << 20,
  renewSession: true,
  readOnly: false,
  session: null,
  queueOffline: true,
  rearmWatches: true,
  backoff: { baseMs: 100, maxMs: 1000 },
};

export const STAT: Stat = {
  czxid: 1n,
  mzxid: 1n,
  ctime: 1,
  mtime: 1,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1n,
};

/** One request as the server sees it. */
export interface SeenRequest {
  readonly xid: number;
  readonly op: AnyOp;
  readonly request: Record<string, unknown>;
}

/** What became of a request. */
export interface Fate {
  readonly pending: PendingRequest;
  /** undefined while it is open. */
  result?: { readonly value: unknown } | { readonly error: ZkError } | undefined;
}

export class CoreWorld implements Ports {
  now = 1000;
  readonly core: SessionCore;
  readonly events: SessionEvent[] = [];
  readonly dials: number[] = [];
  readonly hungUp: number[] = [];
  readonly resumes: number[] = [];
  readonly turns: number[] = [];
  readonly rests: number[] = [];
  readonly versionsAsked: number[] = [];
  readonly hungUpOps: string[] = [];
  readonly answeredOps: string[] = [];
  /** Names and results in the order of settlement. */
  readonly settled: Fate[] = [];
  flushWanted = 0;
  /** What the socket says to a write. */
  writable = true;
  randomValue = 0.5;
  serverCount = 3;
  /** Is there a SASL mechanism? */
  sasl = false;
  /** What it was asked; null for the beginning. */
  readonly saslAsked: { readonly epoch: number; readonly challenge: Uint8Array | null }[] = [];
  /** Everything written, per socket epoch. */
  private readonly written = new Map<number, Buffer[]>();
  private readonly taken = new Map<number, number>();

  constructor(config: Partial<CoreConfig> = {}) {
    this.core = new SessionCore(this, { ...DEFAULT_CONFIG, ...config });
  }

  // ---- ports

  dial(epoch: number): void {
    this.dials.push(epoch);
  }

  write(epoch: number, bytes: Buffer): boolean {
    const list = this.written.get(epoch) ?? [];
    list.push(Buffer.from(bytes));
    this.written.set(epoch, list);
    return this.writable;
  }

  hangUp(epoch: number): void {
    this.hungUp.push(epoch);
  }

  wantFlush(): void {
    this.flushWanted++;
  }

  wantResume(epoch: number): void {
    this.resumes.push(epoch);
  }

  wantRest(epoch: number): void {
    this.rests.push(epoch);
  }

  wantTurn(epoch: number): void {
    this.turns.push(epoch);
  }

  usesSasl(): boolean {
    return this.sasl;
  }

  saslStart(epoch: number): void {
    this.saslAsked.push({ epoch, challenge: null });
  }

  saslStep(epoch: number, challenge: Uint8Array): void {
    this.saslAsked.push({ epoch, challenge });
  }

  askVersion(epoch: number): void {
    this.versionsAsked.push(epoch);
  }

  hungUpOn(op: AnyOp, said: boolean): void {
    this.hungUpOps.push(`${op.name} ${said ? 'said' : 'silent'}`);
  }

  answeredTo(op: AnyOp): void {
    this.answeredOps.push(op.name);
  }

  servers(): number {
    return this.serverCount;
  }

  random(): number {
    return this.randomValue;
  }

  emit(event: SessionEvent): void {
    this.events.push(event);
  }

  // ---- what tests do

  get epoch(): number {
    return this.dials.at(-1) ?? 0;
  }

  /** Number of writes on the current socket. */
  get writes(): number {
    return this.written.get(this.epoch)?.length ?? 0;
  }

  /** Names of the states that were announced. */
  get states(): string[] {
    return this.events.flatMap((e) => (e.type === 'state' ? [e.state] : []));
  }

  /** Session events, as words. */
  get sessions(): string[] {
    return this.events.flatMap((e) => (e.type === 'session' ? [e.what] : []));
  }

  /** All frames written on a socket. The first one is the ConnectRequest. */
  frames(epoch = this.epoch): Buffer[] {
    const decoder = new FrameDecoder(0x7fffffff);
    const frames: Buffer[] = [];
    for (const chunk of this.written.get(epoch) ?? []) {
      decoder.push(chunk);
      while (decoder.next()) frames.push(Buffer.from(decoder.buf.subarray(decoder.start, decoder.end)));
    }
    return frames;
  }

  connectRequest(epoch = this.epoch): ConnectRequest {
    return readConnectRequest(new JuteReader(this.frames(epoch)[0]));
  }

  /** Requests written on the current socket since the last call, without the handshake. */
  newRequests(): SeenRequest[] {
    const list = this.written.get(this.epoch) ?? [];
    const from = this.taken.get(this.epoch) ?? 0;
    this.taken.set(this.epoch, list.length);
    const fresh: SeenRequest[] = [];
    const decoder = new FrameDecoder(0x7fffffff);
    // the handshake is the first write, alone
    for (const chunk of list.slice(Math.max(1, from))) {
      decoder.push(chunk);
      while (decoder.next()) fresh.push(seen(decoder.buf.subarray(decoder.start, decoder.end)));
    }
    return fresh;
  }

  /** Requests written on a socket, without the handshake. */
  requests(epoch = this.epoch): SeenRequest[] {
    return this.frames(epoch).slice(1).map(seen);
  }

  /** Bytes from the server. */
  receive(bytes: Buffer, epoch = this.epoch): void {
    this.core.bytes(epoch, bytes, this.now);
    // as the driver does, behind the continuations
    for (let at = this.rests.shift(); at !== undefined; at = this.rests.shift())
      this.core.resume(at, this.now, true);
    for (let at = this.resumes.shift(); at !== undefined; at = this.resumes.shift())
      this.core.resume(at, this.now);
  }

  /** Answers the handshake. */
  accept(sessionId: bigint, timeOut = 9000, readOnly: boolean | undefined = false): void {
    const w = new JuteWriter();
    writeConnectResponse(w, {
      protocolVersion: 0,
      timeOut,
      sessionId,
      passwd: Buffer.alloc(16, 7),
      readOnly,
    });
    this.receive(framed(w));
  }

  /** From the start, or from a lost connection, to a session. */
  goLive(sessionId = 0xabcn, timeOut = 9000): void {
    const { phase } = this.core;
    if (phase.name === 'idle') this.core.open(this.now);
    if (phase.name === 'backoff') this.advance(Math.max(0, phase.until - this.now));
    this.core.dialed(this.epoch);
    this.accept(sessionId, timeOut);
  }

  advance(ms: number): void {
    this.now += ms;
    this.core.tick(this.now);
  }

  /** Submits `op` and records what becomes of it. */
  submit(op: AnyOp, request: Record<string, unknown>, watcher: Watcher | null = null, absentErrno = 0): Fate {
    const settle = (result: Fate['result']): void => {
      fate.result = result;
      this.settled.push(fate);
    };
    const pending = new PendingRequest(
      op,
      request,
      request['path'] as string | undefined,
      (value: unknown) => settle({ value }),
      (error) => settle({ error: error as unknown as ZkError }),
      null,
      watcher,
      absentErrno,
    );
    const fate: Fate = { pending };
    this.core.submit(pending, this.now);
    return fate;
  }

  get(path: string, watcher: Watcher | null = null): Fate {
    return this.submit(operations.getData, { path, watch: watcher !== null }, watcher);
  }

  set(path: string): Fate {
    return this.submit(operations.setData, { path, data: Buffer.from('x'), version: -1 });
  }

  flush(): void {
    this.core.flush(this.now);
  }

  reply(xid: number, options: { zxid?: bigint; err?: number; body?: (w: JuteWriter) => void } = {}): void {
    this.receive(replyFrame(xid, options));
  }

  /** Answers getData. */
  replyData(xid: number, zxid = 5n): void {
    this.reply(xid, { zxid, body: dataBody });
  }

  notify(type: number, path: string, zxid = 9n): void {
    this.receive(notification(type, path, zxid));
  }
}

function seen(frame: Buffer): SeenRequest {
  const r = new JuteReader(frame);
  const xid = r.int();
  const op = rowByCode(r.int()) as AnyOp;
  return { xid, op, request: op.readRequest(r) as Record<string, unknown> };
}

export function errorOf(fate: Fate): ZkError {
  if (fate.result === undefined || !('error' in fate.result)) throw new Error('the request was not rejected');
  return fate.result.error;
}

export const dataBody = (w: JuteWriter): void => {
  w.buffer(Buffer.from('data'));
  writeStat(w, STAT);
};

export function replyFrame(
  xid: number,
  { zxid = 1n, err = 0, body }: { zxid?: bigint; err?: number; body?: (w: JuteWriter) => void } = {},
): Buffer {
  const w = new JuteWriter();
  writeReplyHeader(w, xid, zxid, err);
  body?.(w);
  return framed(w);
}

export function notification(type: number, path: string, zxid = 9n): Buffer {
  return replyFrame(Xid.NOTIFICATION, { zxid, body: (w) => writeWatcherEvent(w, { type, state: 3, path }) });
}

export function framed(w: JuteWriter): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(w.pos);
  return Buffer.concat([length, w.bytes()]);
}

/** A watcher that keeps what it hears. */
export class RecordingWatcher implements Watcher {
  readonly heard: string[] = [];

  armed(kind: string, path: string): void {
    this.heard.push(`armed ${kind} ${path}`);
  }

  fired(event: { type: string; path: string; zxid: bigint | undefined }): void {
    this.heard.push(`${event.type} ${event.path} ${event.zxid === undefined ? '-' : String(event.zxid)}`);
  }

  suspended(): void {
    this.heard.push('suspended');
  }

  missed(): void {
    this.heard.push('missed');
  }

  ended(error: ZkError): void {
    this.heard.push(error.code);
  }
}
