/** One connection through a proxy: the client's socket, the one to the server, and the wire between them. */
import { createConnection, type Socket } from 'node:net';
import type { FaultBoard } from './fault-board.js';
import { corkForNow, resetSocket } from './reset.js';
import { Wire, type Ending, type WireEnds } from './wire.js';
import type { Direction } from './wire-frame.js';

/** Where a proxy leads. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A connection of a {@link FaultProxy}. */
export class ProxiedConnection implements WireEnds {
  readonly number: number;
  readonly wire: Wire;
  private readonly server: Socket;

  /** @param over called when both sockets are closed */
  constructor(
    board: FaultBoard,
    private readonly client: Socket,
    target: Target,
    private readonly over: (connection: ProxiedConnection) => void,
  ) {
    this.number = board.nextConnection();
    this.wire = new Wire(board, this, null);
    // each side ends by itself: a side that has said all may still want to hear the answer
    this.server = createConnection({ ...target, noDelay: true, allowHalfOpen: true });
    this.join(client, 'toServer');
    this.join(this.server, 'toClient');
  }

  deliver(direction: Direction, bytes: Buffer, done?: () => void): boolean {
    const socket = this.receiver(direction);
    if (!socket.writable) {
      done?.();
      return true;
    }
    corkForNow(socket);
    return socket.write(bytes, done);
  }

  finish(direction: Direction, ending: Ending): void {
    const socket = this.receiver(direction);
    if (ending === 'reset') resetSocket(socket);
    else socket.end();
  }

  read(direction: Direction, on: boolean): void {
    const sender = this.receiver(direction === 'toServer' ? 'toClient' : 'toServer');
    if (on) sender.resume();
    else sender.pause();
  }

  cut(ending: Ending): void {
    for (const socket of [this.client, this.server]) {
      if (ending === 'reset') {
        resetSocket(socket);
      } else {
        socket.end();
        // what still comes must not turn the end into a reset
        socket.resume();
      }
    }
  }

  answered(): bigint {
    return 0n;
  }

  isPrompt(): boolean {
    return false;
  }

  leave(): boolean {
    // requests are under way at any time, and their replies would be strangers to whoever watches later
    return false;
  }

  /** Resets both sides. */
  reset(): void {
    this.wire.destroy();
    this.cut('reset');
  }

  private receiver(direction: Direction): Socket {
    return direction === 'toServer' ? this.server : this.client;
  }

  /** @param direction of what this socket sends */
  private join(socket: Socket, direction: Direction): void {
    const back: Direction = direction === 'toServer' ? 'toClient' : 'toServer';
    let ending: Ending = 'fin';
    socket.on('data', (chunk: Buffer) => this.wire.take(direction, chunk));
    socket.on('drain', () => this.wire.unblock(back));
    socket.on('end', () => this.wire.end(direction, 'fin'));
    socket.on('error', () => (ending = 'reset'));
    socket.on('close', () => {
      this.wire.end(direction, ending);
      // nothing can be handed to it any more, so nothing has to wait for it
      this.wire.unblock(back);
      if (!this.client.closed || !this.server.closed) return;
      this.wire.destroy();
      this.over(this);
    });
  }
}
