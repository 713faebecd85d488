/**
 * A client without a client's cleverness: it writes the frames it is told to and hands back what comes, in order. For
 * tests that look at single frames, on a mini-server or a real one.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely, type ConnectionOptions } from 'node:tls';
import { Xid } from '../../src/protocol/constants.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import { operations, type OpName, type RequestOf, type ResponseOf } from '../../src/protocol/operations.js';
import {
  readConnectResponse,
  readWatcherEvent,
  writeConnectRequest,
  type ConnectRequest,
  type ConnectResponse,
} from '../../src/protocol/records.js';

/** Where a server listens. */
export interface Address {
  readonly host?: string;
  readonly port: number;
  /** Speaks TLS; left out: plain TCP. */
  readonly tls?: ConnectionOptions | undefined;
}

/** An open socket to it. */
async function dial({ host = '127.0.0.1', port, tls }: Address): Promise<Socket> {
  const socket = tls === undefined ? connect({ host, port }) : connectSecurely({ host, port, ...tls });
  await once(socket, tls === undefined ? 'connect' : 'secureConnect');
  return socket;
}

/** A reply with its header. */
export interface RawReply {
  readonly xid: number;
  readonly zxid: bigint;
  readonly errno: number;
  /** What follows the header. */
  readonly body: Buffer;
}

/** A notification; `zxid` is its header's. */
export interface RawEvent {
  readonly zxid: bigint;
  readonly type: number;
  readonly path: string;
}

/** A reply with its response decoded; `null` if it is an error. */
export interface TypedReply<K extends OpName> extends RawReply {
  readonly response: ResponseOf<K> | null;
}

/** One connection. */
export class RawClient {
  /** Events that came while {@link call} waited for a reply, oldest first. */
  readonly events: RawEvent[] = [];
  /** What the server answered to the handshake. */
  session: ConnectResponse | null = null;

  private readonly socket: Socket;
  private readonly decoder = new FrameDecoder(64 * 1024 * 1024);
  private readonly frames: Buffer[] = [];
  private readonly waiting: ((frame: Buffer | null) => void)[] = [];
  private over = false;
  private nextXid = 1;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.decoder.push(chunk);
      while (this.decoder.next()) {
        this.deliver(Buffer.from(this.decoder.buf.subarray(this.decoder.start, this.decoder.end)));
      }
    });
    const end = (): void => {
      this.over = true;
      for (const resolve of this.waiting.splice(0)) resolve(null);
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  /** Opens a socket and says nothing. */
  static async connect(address: Address): Promise<RawClient> {
    return new RawClient(await dial(address));
  }

  /** Opens a socket and a session. */
  static async open(address: Address, request: Partial<ConnectRequest> = {}): Promise<RawClient> {
    const client = await RawClient.connect(address);
    const response = await client.handshake(request);
    if (response === null || response.timeOut <= 0) throw new Error('the server refused the session');
    return client;
  }

  /** Opens a socket and attaches it to the session of another client. */
  static reattach(address: Address, other: RawClient): Promise<RawClient> {
    const { sessionId, passwd } = other.session as ConnectResponse;
    return RawClient.open(address, { sessionId, passwd });
  }

  /** Sends a connect request; null if the server closes instead of answering. */
  async handshake(request: Partial<ConnectRequest> = {}): Promise<ConnectResponse | null> {
    const w = new JuteWriter();
    writeConnectRequest(w, {
      protocolVersion: 0,
      lastZxidSeen: 0n,
      timeOut: 30_000,
      sessionId: 0n,
      passwd: Buffer.alloc(16),
      readOnly: false,
      ...request,
    });
    this.sendFrame(w.bytes());
    const frame = await this.frame();
    if (frame === null) return null;
    this.session = readConnectResponse(new JuteReader(frame));
    return this.session;
  }

  /** Sends one request and waits for its reply; events that come before go to {@link events}. */
  async call<K extends OpName>(name: K, request: RequestOf<K>, xid?: number): Promise<TypedReply<K>> {
    this.send(name, request, xid);
    const reply = await this.reply();
    if (reply === null) throw new Error(`${name}: the server hung up`);
    return { ...reply, response: reply.errno === 0 ? decodeResponse(name, reply.body) : null };
  }

  /** Sends one request and does not wait. @returns its xid */
  send<K extends OpName>(name: K, request: RequestOf<K>, xid = this.nextXid++): number {
    this.sendFrame(requestBytes(name, request, xid));
    return xid;
  }

  /** Sends a frame with that body; the length is put before it. */
  sendFrame(body: Uint8Array): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    this.socket.write(Buffer.concat([length, body]));
  }

  /** Sends bytes as they are. */
  sendBytes(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  /** The next reply; null if the server hangs up first. Events on the way go to {@link events}. */
  async reply(): Promise<RawReply | null> {
    for (;;) {
      const frame = await this.frame();
      if (frame === null) return null;
      const reply = decodeReply(frame);
      if (reply.xid !== Xid.NOTIFICATION) return reply;
      this.events.push(decodeEvent(reply));
    }
  }

  /** The oldest event that was not asked for yet; waits for it if need be. */
  async event(): Promise<RawEvent> {
    const known = this.events.shift();
    if (known !== undefined) return known;
    const frame = await this.frame();
    if (frame === null) throw new Error('the server hung up');
    const reply = decodeReply(frame);
    if (reply.xid !== Xid.NOTIFICATION) throw new Error(`a reply to ${reply.xid} where an event should be`);
    return decodeEvent(reply);
  }

  /** All events up to now: a ping is answered behind them. */
  async drainEvents(): Promise<readonly RawEvent[]> {
    this.send('ping', {}, Xid.PING);
    await this.reply();
    return this.events.splice(0);
  }

  /** The next frame without its length, whatever it is; null once the server has hung up. */
  frame(): Promise<Buffer | null> {
    const frame = this.frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.over) return Promise.resolve(null);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Resolves when the server has hung up; frames that come before are thrown away. */
  async hungUp(): Promise<void> {
    while ((await this.frame()) !== null);
  }

  /** Closes the socket and leaves the session alone. */
  destroy(): void {
    this.socket.destroy();
  }

  private deliver(frame: Buffer): void {
    const resolve = this.waiting.shift();
    if (resolve === undefined) this.frames.push(frame);
    else resolve(frame);
  }
}

/** A request frame without its length. */
export function requestBytes<K extends OpName>(name: K, request: RequestOf<K>, xid: number): Buffer {
  const w = new JuteWriter();
  const row = operations[name];
  w.int(xid);
  w.int(row.code);
  (row.writeRequest as (w: JuteWriter, q: RequestOf<K>) => void)(w, request);
  return w.bytes();
}

/** The header of a reply frame, and the rest. */
export function decodeReply(frame: Buffer): RawReply {
  const r = new JuteReader(frame);
  return { xid: r.int(), zxid: r.long(), errno: r.int(), body: frame.subarray(16) };
}

/** The body of a reply without an error. */
export function decodeResponse<K extends OpName>(name: K, body: Buffer): ResponseOf<K> {
  return operations[name].readResponse(new JuteReader(body)) as ResponseOf<K>;
}

function decodeEvent({ zxid, body }: RawReply): RawEvent {
  const { type, path } = readWatcherEvent(new JuteReader(body));
  return { zxid, type, path };
}

/** Sends a four-letter word and reads the answer to its end. */
export async function fourLetterWord(address: Address, word: string): Promise<string> {
  const socket = await dial(address);
  socket.write(word);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
