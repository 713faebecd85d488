/** Create modes have names, and options too. */
import type { Conn } from 'zk-conn';

export async function make(conn: Conn): Promise<void> {
  await conn.create('/a', null, { mode: 'EPHEMERAL_SEQUENCE' }); // TS2820
  await conn.create('/b', null, { ephemeral: true }); // TS2353
  await conn.create('/c', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: '5s' }); // TS2322
}
