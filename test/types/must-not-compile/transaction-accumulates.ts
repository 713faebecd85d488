/** A transaction knows what was added to it. */
import type { Conn } from 'zk-conn';

export async function run(conn: Conn): Promise<void> {
  const results = await conn.transaction().create('/a').check('/b').commit();
  const path: number = results[0]; // TS2322
  const third = results[2]; // TS2493
  await conn.transaction().get('/a'); // TS2339
}
