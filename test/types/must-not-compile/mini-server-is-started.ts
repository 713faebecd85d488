/** A MiniServer is started, not constructed, and its options have names. */
import { MiniServer } from 'zk-conn/testing';

export const made = new MiniServer(undefined); // TS2674
export const slow = MiniServer.start({ tickTime: 500 }); // TS2561
export const byNumber = (server: MiniServer): boolean => server.expireSession(5); // TS2345
