/**
 * Connections between clients and mini-servers of one process, without sockets: bytes go over in turns of the event
 * loop that the server's clock knows of, so that virtual time can wait for them.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { defer, type Clock } from './clock.js';

/** What a client hears of its end; the client's `TransportEvents`. */
export interface MemoryEvents {
  onConnect(): void;
  onData(chunk: Buffer): void;
  onDrain(): void;
  onEnd(): void;
  onClose(error: Error | undefined): void;
}

/** The client's end; its `Transport`. */
export interface MemoryTransport {
  write(bytes: Uint8Array): boolean;
  destroy(): void;
}

/** A server that can be reached. */
export interface MemoryListener {
  readonly host: string;
  readonly port: number;
  /** It speaks TLS alone, which is not to be had here. */
  readonly secure: boolean;
  accept(socket: Socket): void;
}

const listeners = new Set<MemoryListener>();

/** Lets clients reach a server. @returns how to end that */
export function listenInMemory(listener: MemoryListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Connects to the mini-server of this process that listens at an address. */
export function dialInMemory(
  clock: Clock,
  { host, port }: { readonly host: string; readonly port: number },
  events: MemoryEvents,
): MemoryTransport {
  const link = new MemoryLink(clock, events);
  defer(clock, () => {
    const listener = [...listeners].find((each) => each.port === port && isAt(host, each.host));
    if (listener === undefined) link.fail(systemError('connect', 'ECONNREFUSED', `${host}:${port}`));
    else if (listener.secure) link.fail(new Error('a mini-server with the option tls has no dialer'));
    else link.connect(listener);
  });
  return link;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '::1']);
const ANY: ReadonlySet<string> = new Set(['*', '0.0.0.0', '::']);

function isAt(wanted: string, own: string): boolean {
  return wanted === own || ANY.has(own) || (LOOPBACK.has(wanted) && LOOPBACK.has(own));
}

/** So much may be on its way before its sender is told to wait, as in the buffers of a system. */
const BUFFER_BYTES = 256 * 1024;

let lastPort = 49_151;

/** One connection, seen from its client. */
class MemoryLink implements MemoryTransport {
  private server: ServerEnd | null = null;
  private closed = false;
  private queuedBytes = 0;
  private full = false;

  constructor(
    readonly clock: Clock,
    private readonly events: MemoryEvents,
  ) {}

  connect(listener: MemoryListener): void {
    if (this.closed) return;
    this.server = new ServerEnd(this);
    // all that a connection asks of a socket, and TypeScript wants the rest of it too
    listener.accept(this.server as unknown as Socket);
    this.events.onConnect();
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed) return false;
    const chunk = Buffer.from(bytes);
    this.queuedBytes += chunk.length;
    defer(this.clock, () => this.server?.receive(chunk));
    this.full = this.queuedBytes > BUFFER_BYTES;
    return !this.full;
  }

  destroy(): void {
    this.end(undefined);
  }

  /** Bytes were read. */
  taken(bytes: number): void {
    this.queuedBytes -= bytes;
    if (!this.full || this.queuedBytes > 0) return;
    this.full = false;
    this.hear(() => this.events.onDrain());
  }

  /** Something comes from the server. @param done when it was delivered, or never will be */
  deliver(chunk: Buffer, done: () => void): void {
    this.hear(() => this.events.onData(chunk), done);
  }

  /** The server has ended its stream; as a socket that is not half open, this end follows. */
  finished(done: () => void): void {
    this.hear(() => {
      this.events.onEnd();
      this.end(undefined);
    }, done);
  }

  fail(error: Error): void {
    this.end(error);
  }

  private end(error: Error | undefined): void {
    if (this.closed) return;
    this.closed = true;
    defer(this.clock, () => {
      this.server?.receive(null);
      this.events.onClose(error);
    });
  }

  private hear(tell: () => void, done?: () => void): void {
    defer(this.clock, () => {
      if (!this.closed) tell();
      done?.();
    });
  }
}

/** The server's end: what its connections need of a `net.Socket`. */
class ServerEnd extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort: number;
  private readonly incoming: (Buffer | null)[] = [];
  private wanted = false;
  private underWay = 0;
  private blocked: (() => void) | null = null;
  private hasFinished = false;

  constructor(private readonly link: MemoryLink) {
    super({ allowHalfOpen: false });
    lastPort = lastPort === 65_535 ? 49_152 : lastPort + 1;
    this.remotePort = lastPort;
  }

  /** @param chunk null for the end */
  receive(chunk: Buffer | null): void {
    this.incoming.push(chunk);
    this.pump();
  }

  override _read(): void {
    this.wanted = true;
    this.pump();
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.underWay += chunk.length;
    // the writer may use its buffer again as soon as it is called back
    this.link.deliver(Buffer.from(chunk), () => {
      this.underWay -= chunk.length;
      const { blocked } = this;
      this.blocked = null;
      blocked?.();
    });
    if (this.underWay > BUFFER_BYTES) this.blocked = callback;
    else callback();
  }

  override _final(callback: () => void): void {
    this.hasFinished = true;
    this.link.finished(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.hasFinished) this.link.finished(() => undefined);
    callback(error);
  }

  /** As `net.Socket` has it. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** As `net.Socket` has it. */
  resetAndDestroy(): void {
    this.hasFinished = true;
    this.link.fail(systemError('read', 'ECONNRESET'));
    this.destroy();
  }

  private pump(): void {
    while (this.wanted && this.incoming.length > 0 && !this.destroyed) {
      const chunk = this.incoming.shift() as Buffer | null;
      this.wanted = this.push(chunk);
      if (chunk !== null) this.link.taken(chunk.length);
    }
  }
}

/** An error as the system gives it. */
function systemError(syscall: string, code: string, where = ''): Error {
  return Object.assign(new Error(`${syscall} ${code}${where === '' ? '' : ` ${where}`}`), { code, syscall });
}
