/**
 * A dialer whose first connection breaks after so many bytes, and that keeps what was said on each: which requests were
 * handed to it, and which of them were answered as far as the client could know.
 */
import type { Dialer, TransportEvents } from '../../../src/index.js';
import { FrameDecoder } from '../../../src/protocol/frame.js';
import { JuteReader } from '../../../src/protocol/jute.js';
import { requestPath } from '../../../src/protocol/op.js';
import { rowByCode } from '../../../src/protocol/operations.js';
import type { VirtualClock } from '../../../src/testing.js';

export type Direction = 'to the server' | 'to the client';

/** RST: at once. FIN: what is on its way still comes. Silence: that direction says nothing any more, the other goes on. */
export type How = 'rst' | 'fin' | 'silence';

/** Where the first connection breaks, and how. */
export interface Cut {
  readonly direction: Direction;
  readonly how: How;
  /** Bytes of that direction that still get through. */
  readonly after: number;
}

/** A request as it was handed to a connection. */
export interface Handed {
  readonly xid: number;
  readonly op: string;
  readonly path: string | undefined;
  answered: boolean;
}

const FIN_TURNS = 12;

/** One connection. */
class Line {
  readonly handed: Handed[] = [];
  bytesOut = 0;
  bytesIn = 0;
  private readonly requests = new FrameDecoder(0x7fffffff);
  private readonly replies = new FrameDecoder(0x7fffffff);
  private frames = 0;
  private answers = 0;

  wrote(bytes: Uint8Array): void {
    this.bytesOut += bytes.length;
    this.requests.push(Buffer.from(bytes));
    while (this.requests.next()) {
      const r = new JuteReader(this.requests.buf.subarray(this.requests.start, this.requests.end));
      // the first is the handshake
      if (this.frames++ === 0) continue;
      const xid = r.int();
      const row = rowByCode(r.int());
      if (row === undefined) throw new Error('a request of no known operation was written');
      const path = requestPath(row, row.readRequest(r));
      this.handed.push({ xid, op: row.name, path, answered: false });
    }
  }

  heard(bytes: Uint8Array): void {
    this.bytesIn += bytes.length;
    this.replies.push(Buffer.from(bytes));
    while (this.replies.next()) {
      if (this.answers++ === 0) continue;
      const xid = this.replies.buf.readInt32BE(this.replies.start);
      const request = this.handed.find((each) => each.xid === xid && !each.answered);
      if (xid > 0 && request !== undefined) request.answered = true;
    }
  }
}

export class Wire {
  readonly lines: Line[] = [];
  /** It has broken. */
  broken = false;

  constructor(
    private readonly clock: VirtualClock,
    private readonly inner: Dialer,
    private readonly cut: Cut | null,
    private readonly whenBroken: () => void = () => undefined,
  ) {}

  readonly dialer: Dialer = (server, events) => {
    const line = new Line();
    this.lines.push(line);
    return this.lines.length === 1 && this.cut !== null
      ? this.cutting(line, this.cut, server, events)
      : this.plain(line, server, events);
  };

  private plain(line: Line, server: Parameters<Dialer>[0], events: TransportEvents): ReturnType<Dialer> {
    const transport = this.inner(server, {
      ...handedOn(events),
      onData: (chunk) => {
        line.heard(chunk);
        events.onData(chunk);
      },
    });
    return {
      write: (bytes) => {
        line.wrote(bytes);
        return transport.write(bytes);
      },
      destroy: () => transport.destroy(),
    };
  }

  private cutting(
    line: Line,
    { direction, how, after }: Cut,
    server: Parameters<Dialer>[0],
    events: TransportEvents,
  ): ReturnType<Dialer> {
    let left = after;
    let isOver = false;
    const close = (error?: Error): void => {
      if (isOver) return;
      isOver = true;
      transport.destroy();
      events.onClose(error);
    };
    const afterTurns = (turns: number, then: () => void): void =>
      this.clock.defer(() => (turns <= 1 ? then() : afterTurns(turns - 1, then)));
    const end = (): void => {
      if (isOver) return;
      events.onEnd();
      close();
    };
    const breakIt = (): void => {
      this.broken = true;
      this.whenBroken();
      if (how === 'rst') afterTurns(2, () => close(new Error('read ECONNRESET')));
      // what was answered by then still comes
      else if (how === 'fin') afterTurns(direction === 'to the server' ? FIN_TURNS : 1, end);
    };
    const transport = this.inner(server, {
      ...handedOn(events),
      onData: (chunk) => {
        if (isOver || (how === 'rst' && this.broken)) return;
        const part = direction === 'to the client' ? chunk.subarray(0, left) : chunk;
        if (direction === 'to the client') left -= part.length;
        if (part.length > 0) {
          line.heard(part);
          events.onData(part);
        }
        if (left === 0 && !this.broken && direction === 'to the client') breakIt();
      },
      onEnd: () => {
        if (!isOver) events.onEnd();
      },
      onClose: (error) => {
        if (isOver) return;
        isOver = true;
        events.onClose(error);
      },
    });
    return {
      write: (bytes) => {
        line.wrote(bytes);
        if (direction === 'to the client') return this.broken ? true : transport.write(bytes);
        const part = bytes.subarray(0, left);
        left -= part.length;
        const more = part.length === 0 || transport.write(part);
        if (left === 0 && !this.broken) breakIt();
        return more;
      },
      destroy: () => transport.destroy(),
    };
  }
}

function handedOn(events: TransportEvents): TransportEvents {
  return {
    onConnect: () => events.onConnect(),
    onData: (chunk) => events.onData(chunk),
    onDrain: () => events.onDrain(),
    onEnd: () => events.onEnd(),
    onClose: (error) => events.onClose(error),
  };
}
