/** The low-level door knows its operations and their records. */
import type { Conn } from 'zk-conn';

export async function run(conn: Conn): Promise<void> {
  await conn.call('getDatum', { path: '/a', watch: false }); // TS2345
  await conn.call('setWatches', {}); // TS2345
  await conn.call('getData', { path: '/a' }); // TS2345
  const { children } = await conn.call('getData', { path: '/a', watch: false }); // TS2339
}
