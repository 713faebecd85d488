/** Rules on frames: what makes no sense together is no type. */
import type { FaultProxy, MiniServer } from 'zk-conn/testing';

export function nonsense(server: MiniServer, proxy: FaultProxy): void {
  server.when({ op: 'creat' }).drop(); // TS2769
  server.when({ notification: true, op: 'create' }).drop(); // TS2769
  server.when({ handshake: true, path: '/a' }).drop(); // TS2769
  server.when({ op: 'create', direction: 'toClient' }).reply('NoNode'); // TS2339
  server.when({ handshake: true }).reply('NoNode'); // TS2345
  server.when({ op: 'create' }).cut('afterDelivered'); // TS2345
  server.when({ op: 'create', direction: 'toClient' }).cut('beforeApplied'); // TS2345
  server.when({ op: 'create' }).drop().release(); // TS2339
  proxy.readOnly(); // TS2339
}
