/** `exists` gives null for a node that is not there. */
import type { Conn } from 'zk-conn';

export async function versionOf(conn: Conn): Promise<number> {
  const stat = await conn.exists('/a');
  return stat.version; // TS18047
}
