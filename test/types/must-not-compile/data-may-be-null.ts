/** The data of a node may be null. */
import type { Conn } from 'zk-conn';

export async function textOf(conn: Conn): Promise<string> {
  const { data } = await conn.get('/a');
  return data.toString('utf8'); // TS18047
}
