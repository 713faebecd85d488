/** How a server lets go of a socket. */
import type { Socket } from 'node:net';
import type { Clock, ClockTimer } from './clock.js';

/** How long a socket that is being closed waits for the client to take what was written, so that nothing is cut off. */
const LINGER_MS = 1000;
const NO_TIMER: ClockTimer = { cancel: () => undefined };

/**
 * Closes behind what is written. A client that neither reads nor closes does not keep the socket for ever.
 * @param hasty does not wait until the client has closed too
 */
export function endSocket(socket: Socket, clock: Clock, hasty: boolean): ClockTimer {
  if (hasty) {
    socket.destroySoon();
  } else {
    socket.end();
    // unread requests would turn the close into a reset
    socket.resume();
  }
  return socket.destroyed ? NO_TIMER : clock.setTimeout(() => socket.destroy(), LINGER_MS);
}
