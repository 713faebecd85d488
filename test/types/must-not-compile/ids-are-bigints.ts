/** Session ids and zxids have 64 bits. */
import type { Conn, Stat } from 'zk-conn';

export function later(conn: Conn, stat: Stat): void {
  conn.sessionId + 1; // TS2365
  const zxid: number = stat.mzxid; // TS2322
}
