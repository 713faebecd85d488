/** A view cannot be closed: its Conn can. */
import type { Conn } from 'zk-conn';

export async function closed(conn: Conn): Promise<void> {
  await conn.chroot('/a').close(); // TS2339
}
