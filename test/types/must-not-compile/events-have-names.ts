/** Events have names, and each its payload. */
import type { Conn } from 'zk-conn';

export function listen(conn: Conn): void {
  conn.on('connected', () => undefined); // TS2345
  conn.on('connection', (state: number) => void state); // TS2345
  conn.on('state', ({ status }) => void status); // TS2339
  conn.on('connection', (state) => state === 'lost'); // TS2367
}
