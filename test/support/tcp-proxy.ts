/**
 * A TCP proxy that can be cut, silenced and taken away, for what servers of an ensemble say to one another: a `FaultProxy`
 * would look for frames of clients there.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private stalled = false;

  private constructor(
    private readonly listener: Server,
    private readonly target: { host: string; port: number },
  ) {}

  static async start(connectString: string): Promise<TcpProxy> {
    const [host = '', port = ''] = connectString.split(':');
    const listener = createServer();
    const proxy = new TcpProxy(listener, { host, port: Number(port) });
    listener.on('connection', (client) => proxy.accept(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get connectString(): string {
    return `127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** From now on bytes are accepted and go nowhere, in both directions; connections stay. */
  stall(): void {
    this.stalled = true;
    for (const pair of this.pairs) for (const socket of pair) socket.pause();
  }

  /** Takes {@link stall} back. */
  goOn(): void {
    this.stalled = false;
    for (const pair of this.pairs) for (const socket of pair) socket.resume();
  }

  /** Resets every connection. */
  cut(): void {
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Resets every connection and refuses new ones. */
  async die(): Promise<void> {
    const closed = this.listener.listening ? once(this.listener, 'close') : null;
    this.listener.close();
    this.cut();
    await closed;
  }

  private accept(client: Socket): void {
    const server = connect(this.target);
    const pair = [client, server] as const;
    this.pairs.add(pair);
    for (const [from, to] of [pair, [server, client] as const]) {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (!this.stalled) from.resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.stalled) from.pause();
    }
  }
}
