/** Only the calls with a W arm a watch. */
import type { Conn } from 'zk-conn';

export async function wait(conn: Conn): Promise<void> {
  const { watch } = await conn.get('/a'); // TS2339
  const children = await conn.children('/a');
  await children.watch.event; // TS2339
  await conn.getW('/a');
}
