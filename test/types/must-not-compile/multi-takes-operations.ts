/** A multi takes what `op` makes. */
import { op, type Conn } from 'zk-conn';

export async function run(conn: Conn): Promise<void> {
  await conn.multi(['/a']); // TS2322
  await conn.multi([42]); // TS2322
  await conn.multi(op.check('/a')); // TS2345
  await conn.multi([op.get('/a')]); // TS2739, built TS2741
  await conn.multiRead([op.check('/a')]); // TS2739, built TS2741
  op.exists('/a'); // TS2339
}
