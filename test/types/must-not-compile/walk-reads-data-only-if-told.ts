/** `walk` reads data only where it is told to. */
import type { Conn } from 'zk-conn';

export async function data(conn: Conn): Promise<void> {
  for await (const node of conn.walk('/')) {
    String(node.data); // TS2339
  }
}
