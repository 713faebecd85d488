/** A relay of bytes, whatever they mean, that breaks the next connection after so many of them. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Direction = 'to the server' | 'to the client';
export const DIRECTIONS: readonly Direction[] = ['to the server', 'to the client'];

/** By a reset, by the end of the stream, or so that nothing comes through any more and both sockets stay. */
export type CutKind = 'rst' | 'fin' | 'silence';

export interface Cut {
  readonly direction: Direction;
  readonly after: number;
  readonly how: CutKind;
}

export class CuttingRelay implements AsyncDisposable {
  /** What has come on the connection that was to be cut. */
  seen: Record<Direction, number> = { 'to the server': 0, 'to the client': 0 };
  /** Has it been cut? */
  happened = false;
  private cut: Cut | null = null;
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly listener: Server,
    private readonly target: number,
  ) {}

  static async start(target: number): Promise<CuttingRelay> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true });
    const relay = new CuttingRelay(listener, target);
    listener.on('connection', (client) => relay.accept(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return relay;
  }

  get connectString(): string {
    return `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Breaks the next connection like this; those behind it are left alone. */
  next(cut: Cut): void {
    this.cut = cut;
    this.happened = false;
    this.seen = { 'to the server': 0, 'to the client': 0 };
  }

  /** Resolves when clients have closed all that they had opened. */
  async quiet(): Promise<void> {
    for (const socket of this.open) await once(socket, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.listener, 'close');
    this.listener.close();
    for (const socket of this.open) socket.destroy();
    await closed;
  }

  private accept(client: Socket): void {
    const server = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const { cut } = this;
    this.cut = null;
    let left = cut?.after ?? Infinity;
    let isBroken = false;
    const breakIt = (how: CutKind): void => {
      isBroken = true;
      this.happened = true;
      for (const socket of [client, server]) {
        if (how === 'rst') socket.resetAndDestroy();
        else if (how === 'fin') socket.end();
      }
    };
    const pass = (direction: Direction, from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (isBroken) return;
        if (cut !== null) this.seen[direction] += chunk.length;
        if (direction !== cut?.direction) {
          to.write(chunk);
          return;
        }
        const part = chunk.subarray(0, left);
        left -= part.length;
        // what goes before the cut must get out
        to.write(part, () => {
          if (left === 0 && !isBroken) breakIt(cut.how);
        });
      });
      from.on('end', () => {
        if (isBroken) from.destroy();
        else to.end();
      });
      from.on('error', () => undefined);
    };
    pass('to the server', client, server);
    pass('to the client', server, client);
    this.open.add(client);
    client.on('close', () => {
      this.open.delete(client);
      server.destroy();
    });
    // the client has its own reasons to stay
    server.on('close', () => {
      if (!isBroken) client.end();
    });
  }
}
