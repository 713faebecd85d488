/** What a Conn and its results tell cannot be changed. */
import type { Conn } from 'zk-conn';

export async function change(conn: Conn): Promise<void> {
  conn.state = 'Closed'; // TS2540
  conn.sessionId = 0n; // TS2540
  const result = await conn.get('/a');
  result.data = null; // TS2540
  const { children } = await conn.children('/a');
  children.sort(); // TS2339
}
