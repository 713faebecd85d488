/** A plain create is never repeated. */
import { noRetry, type Conn } from 'zk-conn';

export async function created(conn: Conn): Promise<string> {
  return conn.create('/a', null, { retry: noRetry }); // TS2353
}
