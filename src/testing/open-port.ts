/** A port on which a mini-server listens, plain or with TLS. */
import { createServer, type Server, type Socket } from 'node:net';
import { listenError } from './errors.js';
import { listenInMemory } from './memory-network.js';
import { secureListener, type MiniServerTls } from './secure-listener.js';

/** A port that is open. */
export interface OpenPort {
  readonly port: number;
  /** Nobody new is let in; resolves when all sockets are closed. */
  close(): Promise<void>;
}

export interface PortPlan {
  /** `*` for every address of this machine. */
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly tls: MiniServerTls | undefined;
  /** @param bare the TCP socket below a secure one */
  readonly accept: (socket: Socket, bare?: Socket) => void;
}

/** Opens it. @throws {@link ListenError} */
export async function openPort(plan: PortPlan): Promise<OpenPort> {
  const { host, port, tls, accept } = plan;
  const { listener, abandon } = createListener(plan);
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error) => reject(listenError(host, port, error)));
    listener.listen(host === '*' ? { port } : { port, host }, resolve);
  });
  listener.removeAllListeners('error');
  // a connection that cannot be accepted, for want of file handles, is the client's loss alone
  listener.on('error', () => undefined);
  const bound = (listener.address() as { port: number }).port;
  // clients reach it without sockets too
  const unlisten = listenInMemory({ host, port: bound, secure: tls !== undefined, accept });
  return {
    port: bound,
    close: () => {
      unlisten();
      const allClosed = new Promise<void>((resolve) => listener.close(() => resolve()));
      abandon();
      return allClosed;
    },
  };
}

function createListener({ tls, accept }: PortPlan): {
  readonly listener: Server;
  /** Cuts connections that are in the TLS handshake. */
  readonly abandon: () => void;
} {
  if (tls !== undefined) return secureListener(tls, accept);
  const listener = createServer({ noDelay: true }, (socket) => accept(socket));
  return { listener, abandon: () => undefined };
}
