/** A dialer that sees what a client asks on each connection, and can cut one of them after any byte. */
import type { ServerAddress } from '../../src/net/connect-string.js';
import { tcpDialer, type Dialer, type Transport } from '../../src/net/transport.js';
import { FrameDecoder } from '../../src/protocol/frame.js';
import { JuteReader } from '../../src/protocol/jute.js';
import { rowByCode } from '../../src/protocol/operations.js';

export type Direction = 'to the server' | 'to the client';

/** Where to cut: after so many bytes of that direction. */
export interface Cut {
  readonly direction: Direction;
  readonly after: number;
}

/** One connection, as it was seen. */
export class TappedConnection {
  /** Names of the requests, whole ones only, without the handshake. */
  readonly requests: string[] = [];
  /** Bytes that each direction would have carried so far. */
  readonly bytes: Record<Direction, number> = { 'to the server': 0, 'to the client': 0 };
  private readonly decoder = new FrameDecoder(0x7fffffff);
  private greeted = false;

  see(chunk: Uint8Array): void {
    this.decoder.push(Buffer.from(chunk));
    while (this.decoder.next()) {
      const frame = this.decoder.buf.subarray(this.decoder.start, this.decoder.end);
      if (!this.greeted) {
        this.greeted = true;
        continue;
      }
      const reader = new JuteReader(frame);
      reader.int();
      const code = reader.int();
      this.requests.push(rowByCode(code)?.name ?? String(code));
    }
  }
}

/** Give {@link WireTap.dial} to a Conn as its option `dialer`. */
export class WireTap {
  readonly connections: TappedConnection[] = [];
  private readonly open = new Set<Transport>();

  /** @param cutAt says where the connection of that number, from 0, is cut, if it is */
  constructor(private readonly cutAt: (connection: number) => Cut | undefined = () => undefined) {}

  readonly dial: Dialer = (server: ServerAddress, events) => {
    const cut = this.cutAt(this.connections.length);
    const tapped = new TappedConnection();
    this.connections.push(tapped);
    /** What of a chunk gets through; a cut is due when that ends. */
    const passes = (direction: Direction, chunk: Uint8Array): { part: Uint8Array; ends: boolean } => {
      const before = tapped.bytes[direction];
      tapped.bytes[direction] += chunk.length;
      if (cut?.direction !== direction) return { part: chunk, ends: false };
      return {
        part: chunk.subarray(0, Math.max(0, cut.after - before)),
        ends: tapped.bytes[direction] >= cut.after,
      };
    };
    const inner = tcpDialer(server, {
      ...events,
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onData: (chunk) => {
        const { part, ends } = passes('to the client', chunk);
        if (part.length > 0) events.onData(part as Buffer);
        if (ends) inner.destroy();
      },
      onClose: (error) => {
        this.open.delete(outer);
        events.onClose(error);
      },
    });
    const outer: Transport = {
      write: (bytes) => {
        const { part, ends } = passes('to the server', bytes);
        tapped.see(part);
        const more = inner.write(part);
        // what was handed over must get out before the end
        if (ends) setImmediate(() => inner.destroy());
        return more;
      },
      destroy: () => inner.destroy(),
    };
    this.open.add(outer);
    return outer;
  };

  get latest(): TappedConnection {
    return this.connections.at(-1) as TappedConnection;
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const transport of [...this.open]) transport.destroy();
  }
}
