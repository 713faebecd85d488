/** TLS: the options for it, and a dialer that makes secure connections. */
import { promises as fs } from 'node:fs';
import { connect as connectTls, createSecureContext, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { InvalidOptionError, TlsError } from '../protocol/errors.js';
import { formatServer, type ServerAddress } from './connect-string.js';
import { checkedForConnect, namesOf, showsValue, whyRefused } from './tls-checks.js';
import { openSocket, readable, type Dialer, type Transport, type TransportEvents } from './transport.js';
import { asError } from './users-parts.js';

/** Options of Node's `tls.connect` that make sense here. */
type NodeTlsOptions = Pick<
  ConnectionOptions,
  | 'ALPNProtocols'
  | 'allowPartialTrustChain'
  | 'ca'
  | 'cert'
  | 'checkServerIdentity'
  | 'ciphers'
  | 'crl'
  | 'ecdhCurve'
  | 'enableTrace'
  | 'key'
  | 'maxVersion'
  | 'minDHSize'
  | 'minVersion'
  | 'passphrase'
  | 'pfx'
  | 'pskCallback'
  | 'rejectUnauthorized'
  | 'secureContext'
  | 'secureOptions'
  | 'servername'
  | 'sigalgs'
>;

/**
 * How to make a secure connection: options of Node's `tls.connect`, and names of files, which are read again for each
 * attempt. The server's name is checked unless `rejectUnauthorized` is false; `minVersion` is `TLSv1.2` by default.
 */
export interface TlsOptions extends NodeTlsOptions {
  /** PEM file of the CAs, in place of `ca`. */
  readonly caFile?: string | undefined;
  /** PEM file of our certificate and those between it and a CA, in place of `cert`. */
  readonly certFile?: string | undefined;
  /** PEM file of our key, in place of `key`. */
  readonly keyFile?: string | undefined;
  /** PKCS #12 file of our certificate and key, in place of `pfx`. */
  readonly pfxFile?: string | undefined;
}

/** `true` for the CAs that Node knows; options; or a function that is asked for them before each attempt. */
export type TlsSource = true | TlsOptions | ((server: ServerAddress) => TlsOptions | Promise<TlsOptions>);

const KNOWN: { readonly [K in keyof Required<TlsOptions>]: true } = {
  ALPNProtocols: true,
  allowPartialTrustChain: true,
  ca: true,
  caFile: true,
  cert: true,
  certFile: true,
  checkServerIdentity: true,
  ciphers: true,
  crl: true,
  ecdhCurve: true,
  enableTrace: true,
  key: true,
  keyFile: true,
  maxVersion: true,
  minDHSize: true,
  minVersion: true,
  passphrase: true,
  pfx: true,
  pfxFile: true,
  pskCallback: true,
  rejectUnauthorized: true,
  secureContext: true,
  secureOptions: true,
  servername: true,
  sigalgs: true,
};

/** Names of all TLS options. */
export const TLS_KEYS = Object.keys(KNOWN);

/** Each file and the option that it stands for. */
const FILES = { caFile: 'ca', certFile: 'cert', keyFile: 'key', pfxFile: 'pfx' } as const;

/**
 * A dialer for a server's `secureClientPort`. The option `tls` makes one; this is for those who want to wrap it, or use it
 * with `askServer`. Its failures are `TlsError`s, and the TLS handshake counts as connecting.
 * @throws InvalidOptionError for options that cannot be; those that a function gives are checked when it gives them
 */
export function tlsDialer(source: TlsSource = true): Dialer {
  const prepare = preparation(source);
  return (server, events) => new SecureTransport(server, events, prepare);
}

// ---------------------------------------------------------------- options

type Preparation = (server: ServerAddress) => ConnectionOptions | Promise<ConnectionOptions>;

function preparation(source: unknown): Preparation {
  if (typeof source === 'function') {
    const ask = source as Extract<TlsSource, (server: ServerAddress) => unknown>;
    return async (server) => prepared(await withFiles(checkTlsOptions(await ask(server))));
  }
  const options = source === true ? {} : checkTlsOptions(source);
  if (Object.keys(options).some((key) => Object.hasOwn(FILES, key)))
    return async () => prepared(await withFiles(options));
  // made once: they cannot change
  const ready = prepared(options);
  return () => ready;
}

/** A copy without what is `undefined`. */
function checkTlsOptions(given: unknown): TlsOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError('tls: must be true, an object of TLS options, or a function that gives one');
  }
  const options = readOptions(given);
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) throw new InvalidOptionError(`unknown key '${key}' of tls`);
  }
  for (const [file, inline] of Object.entries(FILES)) {
    if (!(file in options)) continue;
    if (typeof options[file] !== 'string') throw new InvalidOptionError(`tls: ${file} must be a file name`);
    if (inline in options) throw new InvalidOptionError(`tls: give ${inline} or ${file}, not both`);
  }
  return options;
}

/** Each of them is read once: they may be getters. */
function readOptions(given: object): Record<string, unknown> {
  try {
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  } catch (error) {
    throw new InvalidOptionError(`tls: the options cannot be read: ${asError(error).message}`);
  }
}

async function withFiles(options: TlsOptions): Promise<TlsOptions> {
  const { caFile, certFile, keyFile, pfxFile, ...rest } = options;
  const names = { caFile, certFile, keyFile, pfxFile };
  const read = Object.entries(FILES).map(async ([file, inline]) => {
    const name = names[file as keyof typeof FILES];
    return name === undefined ? [] : [[inline, await fs.readFile(name)] as const];
  });
  return { ...rest, ...Object.fromEntries((await Promise.all(read)).flat()) };
}

/** @throws InvalidOptionError if Node cannot make sense of them; it never shows a value */
function prepared(options: TlsOptions): ConnectionOptions {
  const { rejectUnauthorized = true, minVersion = 'TLSv1.2' } = options;
  // said in so many words, as an environment variable could switch it off otherwise
  const full = checkedForConnect({ ...options, minVersion, rejectUnauthorized }) as ConnectionOptions;
  // the socket keeps what it is given, for everybody who prints it; the secrets are in the context, where nobody sees them
  const { ca, cert, crl, key, passphrase, pfx, ...open } = full;
  if (full.secureContext !== undefined) return open;
  const secrets = { ca, cert, crl, key, passphrase, pfx };
  try {
    return { ...open, secureContext: createSecureContext({ ...open, ...secrets }) };
  } catch (error) {
    throw new InvalidOptionError(`tls: ${whyRefused(error)}`);
  }
}

// ---------------------------------------------------------------- the connection

class SecureTransport implements Transport {
  private tcp: ReturnType<typeof openSocket> | null = null;
  private socket: TLSSocket | null = null;
  /** Does it keep the process alive? */
  private holds = true;
  private secured = false;
  private heard = false;
  private closed = false;
  private destroyed = false;
  private failure: Error | undefined;

  constructor(
    private readonly server: ServerAddress,
    private readonly events: TransportEvents,
    prepare: Preparation,
  ) {
    void this.start(prepare);
  }

  write(bytes: Uint8Array): boolean {
    return this.socket?.write(bytes) ?? true;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    if (this.tcp === null) process.nextTick(() => this.close());
    else (this.socket ?? this.tcp).destroy();
  }

  ref(): void {
    this.hold(true);
  }

  unref(): void {
    this.hold(false);
  }

  private hold(holds: boolean): void {
    this.holds = holds;
    // both are handles of their own; where there is none yet, it is done when there is one
    for (const socket of [this.tcp, this.socket]) {
      if (holds) socket?.ref();
      else socket?.unref();
    }
  }

  private async start(prepare: Preparation): Promise<void> {
    try {
      const options = await prepare(this.server);
      if (!this.destroyed) this.open(options);
    } catch (error) {
      const reason = asError(error).message.replace(/^tls: /, 'the TLS options: ');
      this.failure = this.tlsError(reason, error);
      this.close();
    }
  }

  private open(options: ConnectionOptions): void {
    const tcp = openSocket(this.server);
    this.tcp = tcp;
    this.hold(this.holds);
    tcp.on('error', (error) => {
      if (this.socket === null) this.failure = readable(error);
    });
    tcp.on('close', () => {
      if (this.socket === null) this.close();
    });
    tcp.once('connect', () => {
      try {
        this.secure(tcp, options);
      } catch (error) {
        // nobody else catches it: we are called by the event loop
        this.failure = this.optionError(error);
        tcp.destroy();
      }
    });
  }

  private secure(tcp: ReturnType<typeof openSocket>, options: ConnectionOptions): void {
    const { events } = this;
    const { servername, ...rest } = options;
    const socket = connectTls({ ...rest, ...namesOf(this.server.host, servername), socket: tcp });
    this.socket = socket;
    this.hold(this.holds);
    socket.on('secureConnect', () => {
      this.secured = true;
      events.onConnect();
    });
    socket.on('data', (chunk: Buffer) => {
      this.heard = true;
      events.onData(chunk);
    });
    socket.on('drain', () => events.onDrain());
    socket.on('end', () => {
      if (this.heard) events.onEnd();
      // in the handshake, an error follows that says more
      else if (this.secured) this.failure ??= new Error(CLOSED_AT_ONCE);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.failure ??= this.explain(error, socket);
    });
    socket.on('close', () => this.close());
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.events.onClose(this.failure);
  }

  private explain(error: NodeJS.ErrnoException, { authorizationError }: TLSSocket): Error {
    const { code = '', message } = error;
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      return this.tlsError(`the server's certificate is for another name: ${message}`, error);
    }
    // null, until Node has looked at the server's certificate
    if (!this.secured && Boolean(authorizationError)) {
      return this.tlsError(
        `the server's certificate is not accepted: ${message}${code && ` (${code})`}`,
        error,
      );
    }
    // a pskCallback
    if (showsValue(error)) return this.optionError(error);
    const alert = /ALERT_(.*)$/.exec(code)?.[1];
    if (alert !== undefined) {
      const hint = CERTIFICATE_ALERTS.test(alert)
        ? '; does it want a certificate of ours, or another one?'
        : '';
      return this.tlsError(`the server refused the TLS handshake: ${words(alert)}${hint}`, error);
    }
    if (NO_TLS.has(code)) {
      return this.tlsError(`the server does not speak TLS: is this its clientPort? (${code})`, error);
    }
    if (/^ERR_(?:SSL|TLS)_/.test(code) || code === 'EPROTO') return this.tlsError(message, error);
    if (this.secured) return this.heard ? readable(error) : new Error(CLOSED_AT_ONCE, { cause: error });
    const text = 'the server closed the connection in the TLS handshake: is this its secureClientPort?';
    return this.tlsError(code === 'ECONNRESET' ? text : message, error);
  }

  private optionError(thrown: unknown): TlsError {
    return this.tlsError(`the TLS options: ${whyRefused(thrown)}`, showsValue(thrown) ? undefined : thrown);
  }

  private tlsError(text: string, cause: unknown): TlsError {
    return new TlsError(formatServer(this.server), text, cause);
  }
}

/** TLS 1.3 tells a client that all is well before the server has seen its certificate. */
const CLOSED_AT_ONCE =
  'the server closed the connection right after the TLS handshake: ' +
  'it may want a certificate of ours, or another one, or have no quorum';

/** What a server says that wants a certificate, and got none, or none that it likes. */
const CERTIFICATE_ALERTS = /CERTIFICATE|HANDSHAKE_FAILURE|UNKNOWN_CA/;

/** What OpenSSL calls bytes that are not TLS. */
const NO_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
]);

const words = (alert: string): string => alert.toLowerCase().replaceAll('_', ' ');
