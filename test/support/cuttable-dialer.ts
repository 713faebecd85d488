/** A dialer whose connections a test can cut, and whose new ones it can keep waiting. */
import { JuteReader } from '../../src/protocol/jute.js';
import { readConnectResponse, type ConnectResponse } from '../../src/protocol/records.js';
import { tcpDialer, type Dialer, type Transport, type TransportEvents } from '../../src/net/transport.js';

/** Give {@link CuttableDialer.dial} to a Conn as its option `dialer`. */
export class CuttableDialer {
  /** How often the client wrote to a socket. */
  writes = 0;
  /** What the server answered to the latest handshake; holds the password that a Conn tells nobody. */
  session: ConnectResponse | null = null;

  private readonly open = new Set<Transport>();
  /** Connections that wait for {@link release}; null if they need not. */
  private held: (() => void)[] | null = null;

  readonly dial: Dialer = (server, events) => {
    let inner: Transport | null = null;
    let destroyed = false;
    const outer: Transport = {
      write: (bytes) => {
        this.writes++;
        return inner?.write(bytes) ?? true;
      },
      destroy: () => {
        if (destroyed) return;
        destroyed = true;
        if (inner !== null) inner.destroy();
        else queueMicrotask(() => events.onClose(undefined));
      },
    };
    const begin = (): void => {
      if (destroyed) return;
      this.open.add(outer);
      inner = tcpDialer(server, this.listening(events, outer));
    };
    if (this.held === null) begin();
    else this.held.push(begin);
    return outer;
  };

  /** Ends every connection at once, as a broken network would. @returns how many there were */
  cut(): number {
    const all = [...this.open];
    for (const transport of all) transport.destroy();
    return all.length;
  }

  /** From now on connections are not made before {@link release}. */
  hold(): void {
    this.held ??= [];
  }

  /** Makes the connections that were held back. */
  release(): void {
    const held = this.held ?? [];
    this.held = null;
    for (const begin of held) begin();
  }

  private listening(events: TransportEvents, outer: Transport): TransportEvents {
    let first: Buffer | null = Buffer.alloc(0);
    return {
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onData: (chunk) => {
        if (first !== null) first = this.readHandshake(Buffer.concat([first, chunk]));
        events.onData(chunk);
      },
      onClose: (error) => {
        this.open.delete(outer);
        events.onClose(error);
      },
    };
  }

  /** @returns null once the first frame was complete */
  private readHandshake(bytes: Buffer): Buffer | null {
    if (bytes.length < 4 || bytes.length < 4 + bytes.readInt32BE(0)) return bytes;
    this.session = readConnectResponse(new JuteReader(bytes.subarray(4, 4 + bytes.readInt32BE(0))));
    return null;
  }
}
