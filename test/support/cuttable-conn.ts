/** A Conn on a mini-server whose connection a test can cut. */
import { Conn, type ConnOptions, type ConnectionState } from '../../src/index.js';
import type { MiniServer } from '../../src/testing.js';
import { CuttableDialer } from './cuttable-dialer.js';

export interface CuttableConn {
  readonly conn: Conn;
  readonly link: CuttableDialer;
  /** Cuts the connection, and waits until the session goes on and all watches are armed again. */
  readonly reconnect: () => Promise<void>;
}

export async function cuttableConn(server: MiniServer, options?: ConnOptions): Promise<CuttableConn> {
  const link = new CuttableDialer();
  const conn = new Conn(server.connectString, {
    dialer: link.dial,
    backoff: { baseMs: 1, maxMs: 1 },
    ...options,
  });
  await conn.connect();
  const reconnect = async (): Promise<void> => {
    const back = nextState(conn, 'RECONNECTED');
    link.cut();
    await back;
    // behind the watches that were armed again
    await conn.exists('/');
  };
  return { conn, link, reconnect };
}

/** Resolves when a Conn next says so. */
export function nextState(conn: Conn, wanted: ConnectionState): Promise<void> {
  return new Promise((resolve) => {
    const look = (state: ConnectionState): void => {
      if (state !== wanted) return;
      conn.off('connection', look);
      resolve();
    };
    conn.on('connection', look);
  });
}
