/** A proxy in front of any server of the protocol, on which the same rules and conditions act as on a mini-server. */
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { InvalidOptionError } from '../../protocol/errors.js';
import { checkClock, systemClock, type Clock } from '../clock.js';
import { listenError } from '../errors.js';
import { known } from './actions.js';
import { FaultBoard } from './fault-board.js';
import { FaultTarget } from './fault-target.js';
import { LOG_CAPACITY, checkCapacity } from './frame-log.js';
import { resetSocket } from './reset.js';
import { ProxiedConnection, type Target } from './proxied-connection.js';

/** Options of `FaultProxy.start`. `undefined` is the same as absent. */
export interface FaultProxyOptions {
  /** `host:port` of the server behind it. It need not be there yet. */
  readonly target: string;
  /** Port to listen on; 0 takes a free one. Default 0. */
  readonly port?: number | undefined;
  /** Address to listen on. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Does {@link FaultProxy.log} record from the start? Default true. */
  readonly log?: boolean | undefined;
  /** How many frames the log keeps. Default 10 000. */
  readonly logCapacity?: number | undefined;
  /** Where time comes from: for `delay`, `lag`, and the times in the log. Default the machine's clock. */
  readonly clock?: Clock | undefined;
}

/** A connection through a proxy, at the time it was looked at. */
export interface ProxiedConnectionView {
  /** Its number, as frames have it. */
  readonly connection: number;
  /** Its session; 0n before the handshake is over. */
  readonly session: bigint;
  /**
   * What it carries, if rules cannot see it: a four-letter word (`word`), TLS (`tls`), or something `unknown`. Conditions
   * act on that too. `null` for frames.
   */
  readonly opaque: 'tls' | 'word' | 'unknown' | null;
}

/** Requests longer than this are taken for something else. */
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

const OPTIONS = ['target', 'port', 'host', 'log', 'logCapacity', 'clock'];

/**
 * Stands in front of one server, real or not, and lets a test meddle with what goes through. What is encrypted passes
 * unseen: then conditions act and rules do not.
 */
export class FaultProxy extends FaultTarget implements AsyncDisposable {
  /** The address it listens on. */
  readonly host: string;
  private readonly target: Target;
  private readonly listener: Server;
  private boundPort = 0;
  private readonly open = new Set<ProxiedConnection>();
  private closing: Promise<void> | null = null;

  private constructor(
    target: Target,
    { host = '127.0.0.1', log = true, logCapacity, clock }: FaultProxyOptions,
  ) {
    super(
      new FaultBoard({
        clock: clock ?? systemClock,
        maxRequestBytes: MAX_REQUEST_BYTES,
        log,
        logCapacity: logCapacity ?? LOG_CAPACITY,
        // it watches from the first byte in any case
        watchAll: () => undefined,
      }),
    );
    this.host = host;
    this.target = target;
    this.listener = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  /**
   * Starts a proxy and resolves when it listens.
   * @throws {@link InvalidOptionError} on an option that cannot be
   * @throws {@link ListenError} if the port is taken or the host is not of this machine
   */
  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    known('FaultProxy.start()', options, OPTIONS);
    const { log = true, logCapacity = LOG_CAPACITY } = options;
    if (typeof log !== 'boolean') throw new InvalidOptionError('log must be true or false');
    checkCapacity(logCapacity);
    if (options.clock !== undefined) checkClock(options.clock);
    if (options.host !== undefined) checkHost(options.host);
    const proxy = new FaultProxy(parseTarget(options.target), options);
    await proxy.listen(portOf(options.port ?? 0));
    return proxy;
  }

  /** The port it listens on. */
  get port(): number {
    return this.boundPort;
  }

  /** `host:port` for a client on this machine. */
  get connectString(): string {
    return `${isIPv6(this.host) ? `[${this.host}]` : this.host}:${this.boundPort}`;
  }

  /** The connections through it, oldest first. */
  get connections(): readonly ProxiedConnectionView[] {
    return [...this.open].map(({ number, wire }) => ({
      connection: number,
      session: wire.session,
      opaque: wire.opaque,
    }));
  }

  /** Resets every connection, on both sides. What a rule or condition holds back is lost. @returns how many there were */
  dropConnections(): number {
    const all = [...this.open];
    for (const connection of all) connection.reset();
    this.board.count('dropConnections', all.length);
    return all.length;
  }

  /**
   * Ends it and all its connections. Resolves when they are closed; harmless if it is closed. Whoever waits for a frame
   * ({@link FrameLog.next}, {@link FaultRule.reached}) gets a `UsageError`.
   */
  close(): Promise<void> {
    this.closing ??= new Promise<void>((resolve) => {
      this.listener.close(() => {
        this.board.waits.close('proxy');
        resolve();
      });
      for (const connection of this.open) connection.reset();
    });
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async listen(port: number): Promise<void> {
    const { listener, host } = this;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error) => reject(listenError(host, port, error)));
      listener.listen({ port, host }, resolve);
    });
    listener.removeAllListeners('error');
    // a connection that cannot be accepted, for want of file handles, is the client's loss alone
    listener.on('error', () => undefined);
    this.boundPort = (listener.address() as { port: number }).port;
  }

  private accept(client: Socket): void {
    if (this.board.refuses()) {
      resetSocket(client);
      return;
    }
    this.open.add(
      new ProxiedConnection(this.board, client, this.target, (each) => void this.open.delete(each)),
    );
  }
}

function parseTarget(target: unknown): Target {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(String(target)) ?? [];
  const host = bracketed ?? plain;
  if (typeof target !== 'string' || host === undefined) {
    throw new InvalidOptionError(`target must be "host:port", not ${String(target)}`);
  }
  if (Number(port) === 0) throw new InvalidOptionError(`target must have a port, not ${target}`);
  return { host, port: portOf(Number(port)) };
}

function portOf(port: unknown): number {
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidOptionError(`a port is a whole number from 0 to 65535, not ${String(port)}`);
  }
  return port;
}

function checkHost(host: unknown): void {
  if (typeof host !== 'string' || host === '' || host === '*') {
    throw new InvalidOptionError(`host must be an address or a name of this machine, not ${String(host)}`);
  }
}
