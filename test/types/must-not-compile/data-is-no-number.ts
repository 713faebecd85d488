/** Data is bytes, text or null; nothing is turned into text by itself. */
import type { Conn } from 'zk-conn';

export async function store(conn: Conn): Promise<void> {
  await conn.set('/a', 5); // TS2345
  await conn.create('/b', { json: true }); // TS2353
}
