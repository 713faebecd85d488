/** What is done to sockets besides reading and writing. */
import { Socket } from 'node:net';

/**
 * Node's own `resetAndDestroy` ends the stream in good order first, so that the other side may see that and no reset. This
 * is its second half alone. Bytes that were handed to the system before still arrive.
 */
export function resetSocket(socket: Socket): void {
  if (!(socket instanceof Socket)) {
    // one without a system behind it, as `MiniServer.dialer` makes them
    (socket as Socket).resetAndDestroy();
    return;
  }
  while (socket.writableCorked > 0) socket.uncork();
  (socket as Socket & { resetAndClosing: boolean }).resetAndClosing = true;
  socket.destroy();
}

/** What is written in this turn of the event loop goes to the system in one piece. */
export function corkForNow(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  process.nextTick(() => socket.uncork());
}
