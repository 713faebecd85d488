/** A byte stream to a server: what the driver needs of a socket and no more. */
import { lookup, type LookupAddress } from 'node:dns';
import { getDefaultAutoSelectFamilyAttemptTimeout, Socket, type OnReadOpts } from 'node:net';
import type { ServerAddress } from './connect-string.js';

/** What a transport reports. After `onClose` nothing follows; it comes once, also after `destroy`. */
export interface TransportEvents {
  /** The connection is up: bytes may be written. */
  onConnect(): void;
  /** Bytes came. The chunk is not looked at any more when this has returned. */
  onData(chunk: Buffer): void;
  /** What was written has left: more may be. */
  onDrain(): void;
  /** The peer ended the stream; what it sent before was delivered. */
  onEnd(): void;
  /** It is over, or the attempt has failed; `error` says why, unless it simply ended. */
  onClose(error: Error | undefined): void;
}

/** A connection, or the attempt at one. */
export interface Transport {
  /**
   * Takes bytes, which nobody writes to any more. Their memory holds those of other writes too: it must not be transferred.
   * @returns false if nothing more should be written until `onDrain`
   */
  write(bytes: Uint8Array): boolean;
  /** Ends it at once. `onClose` follows; after 1000 ms without it the transport counts as closed. */
  destroy(): void;
  /** Keeps the process alive, or not, as Node's sockets do. Without both, `conn.unref()` has no effect on it. */
  ref?(): void;
  unref?(): void;
}

/** Starts to connect to a server. Replaceable, for tunnels and tests. */
export type Dialer = (server: ServerAddress, events: TransportEvents) => Transport;

/** So much may lie in a socket before it says "no more". */
const WRITE_BUFFER_BYTES = 256 * 1024;

/**
 * How long one of several addresses has before the next is tried, ms; Node comes back to none. Its own 250 ms (500 from 25 on)
 * give up a living server at the other end of the world. More would leave too little of an attempt for the others.
 */
const ADDRESS_MS = 500;

/**
 * A socket that is on its way to a server. The name is resolved anew each time; all its addresses are tried, in random
 * order within each family, so that one name may stand for a whole ensemble and a dead address does not hide a living one.
 */
export function openSocket(server: ServerAddress, onread?: OnReadOpts): Socket {
  const socket = new Socket({
    writableHighWaterMark: WRITE_BUFFER_BYTES,
    ...(onread === undefined ? {} : { onread }),
  } as ConstructorParameters<typeof Socket>[0]);
  return socket.connect({
    host: server.host,
    port: server.port,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.max(ADDRESS_MS, getDefaultAutoSelectFamilyAttemptTimeout()),
    lookup: shuffledLookup,
    noDelay: true,
    keepAlive: true,
  });
}

/** So much is read at once into a buffer that is read into again and again. */
const READ_BUFFER_BYTES = 64 * 1024;

const borrowers = new WeakSet<TransportEvents>();

/**
 * Marks callbacks that are done with a chunk when `onData` returns. A transport may read the next one into the same
 * buffer then, which spares making one for each read. Callbacks that somebody has put around these do not have the mark.
 */
export function borrowing(events: TransportEvents): TransportEvents {
  borrowers.add(events);
  return events;
}

function readingInto(buffer: Buffer, onData: (chunk: Buffer) => void): OnReadOpts {
  return {
    buffer,
    callback: (bytes) => {
      onData(buffer.subarray(0, bytes));
      return true;
    },
  };
}

/** Plain TCP. */
export const tcpDialer: Dialer = (server, events) => {
  const lends = borrowers.has(events);
  const socket = lends
    ? openSocket(
        server,
        readingInto(Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), (chunk) => events.onData(chunk)),
      )
    : openSocket(server);
  let failure: Error | undefined;
  socket.on('connect', () => events.onConnect());
  if (!lends) socket.on('data', (chunk: Buffer) => events.onData(chunk));
  socket.on('drain', () => events.onDrain());
  socket.on('end', () => events.onEnd());
  // stays for the socket's whole life: an error after destroy must not become an uncaught exception
  socket.on('error', (error) => {
    failure = readable(error);
  });
  socket.on('close', () => events.onClose(failure));
  return {
    write: (bytes) => socket.write(bytes),
    destroy: () => void socket.destroy(),
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
  };
};

/** Where several addresses were tried, Node puts their errors into one that has no message of its own. */
export function readable(error: Error): Error {
  if (error instanceof AggregateError && error.message === '') {
    error.message = error.errors
      .map((each) => (each instanceof Error ? each.message : String(each)))
      .join('; ');
  }
  return error;
}

type LookupCallback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

function shuffledLookup(hostname: string, options: object, callback: LookupCallback): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const keyed = addresses.map((address) => ({ address, key: Math.random() }));
    keyed.sort((a, b) => a.key - b.key);
    callback(
      null,
      keyed.map(({ address }) => address),
    );
  });
}
