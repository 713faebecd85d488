/** Each result of a multi has the type of its operation, and there are as many as operations. */
import { op, type Conn } from 'zk-conn';

export async function run(conn: Conn): Promise<void> {
  const [path, stat] = await conn.multi([op.create('/a'), op.set('/b', 'x')]);
  const number: number = path; // TS2322
  const text: string = stat; // TS2322
  const [, , third] = await conn.multi([op.check('/a'), op.delete('/a')]); // TS2493
  const [none] = await conn.multi([op.check('/a')]);
  none.version; // TS18048
}
