/** What is done to sockets besides reading and writing. */
import type { Socket } from 'node:net';

/** Ends a connection so that the other side sees a reset. Bytes that were written before still go to the system. */
export function resetSocket(socket: Socket): void {
  while (socket.writableCorked > 0) socket.uncork();
  // Node would wait for one that is not connected yet, perhaps for ever; there is nobody to see a reset
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** What is written in this turn of the event loop goes to the system in one piece. */
export function corkForNow(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}
