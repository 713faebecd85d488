/** TLS for the mini-server: a listener for secure connections, and the identity that a client's certificate gives. */
import { type Server, type Socket } from 'node:net';
import { createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { InvalidOptionError } from '../protocol/errors.js';
import { subjectName } from './x509-subject.js';

/** The mini-server's option `tls`. PEM texts, as Node's `tls.createServer` takes them. */
export interface MiniServerTls {
  /** The server's key. */
  readonly key: string | Uint8Array;
  /** The server's certificate. */
  readonly cert: string | Uint8Array;
  /** Who may have signed the certificates of clients. */
  readonly ca?: string | Uint8Array | undefined;
  /** Must clients show a certificate of that CA (`ssl.clientAuth=need`)? Default false. */
  readonly requestCert?: boolean | undefined;
}

/** @throws {@link InvalidOptionError} */
export function checkTls(given: unknown): MiniServerTls {
  const { key, cert, ca, requestCert, ...rest } = (given ?? {}) as Partial<MiniServerTls>;
  const pem = (value: unknown): boolean => typeof value === 'string' || value instanceof Uint8Array;
  const flag = requestCert === undefined || typeof (requestCert as unknown) === 'boolean';
  if (!pem(key) || !pem(cert) || !(ca === undefined || pem(ca)) || !flag || Object.keys(rest).length > 0) {
    throw new InvalidOptionError('tls must be { key, cert, ca?, requestCert? }');
  }
  try {
    createSecureContext({ key, cert, ca } as Parameters<typeof createSecureContext>[0]);
  } catch (error) {
    throw new InvalidOptionError(`tls: ${(error as Error).message}`);
  }
  return given as MiniServerTls;
}

/**
 * A listener that passes on sockets when their TLS handshake is done, each with the bare one below it.
 * @returns also a function that cuts those that have not got so far
 */
export function secureListener(
  tls: MiniServerTls,
  accept: (socket: TLSSocket, bare: Socket) => void,
): { readonly listener: Server; readonly abandon: () => void } {
  // what is above each bare socket is not known before the handshake is done, and then only by its other end
  const greeting = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket): string =>
    `${remoteAddress ?? ''} ${remotePort ?? 0}`;
  const { key, cert, ca, requestCert = false } = tls;
  const listener = createServer(
    { key, cert, ca, requestCert, rejectUnauthorized: requestCert, noDelay: true } as Parameters<
      typeof createServer
    >[0],
    (socket) => {
      const bare = greeting.get(nameOf(socket));
      if (bare === undefined) socket.destroy();
      else {
        greeting.delete(nameOf(socket));
        accept(socket, bare);
      }
    },
  );
  listener.on('connection', (bare: Socket) => {
    const name = nameOf(bare);
    greeting.set(name, bare);
    bare.once('close', () => {
      if (greeting.get(name) === bare) greeting.delete(name);
    });
  });
  // whoever cannot agree with us on TLS has been hung up on
  listener.on('tlsClientError', () => undefined);
  return {
    listener,
    abandon: () => {
      for (const bare of greeting.values()) bare.destroy();
    },
  };
}

/**
 * The id of the scheme `x509` that a client's certificate gives: its subject, as Java's `X500Principal` writes it.
 * @returns null without a certificate
 */
export function subjectOf(socket: Socket): string | null {
  const certificate = (socket as Partial<TLSSocket>).getPeerX509Certificate?.();
  if (certificate === undefined) return null;
  return subjectName(certificate.raw);
}
