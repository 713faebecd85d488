/**
 * A dialer that loses a request, or the answer to it: the connection is cut before the server gets the request, or when
 * its answer arrives, which nobody hears.
 */
import { FrameDecoder } from '../../src/protocol/frame.js';
import { rowByCode } from '../../src/protocol/operations.js';
import type { ServerAddress } from '../../src/net/connect-string.js';
import { tcpDialer, type Dialer, type Transport, type TransportEvents } from '../../src/net/transport.js';

/** What is lost: the request, or the answer. */
export type Lost = 'request' | 'answer';

export class LossyDialer {
  /** Operations of the requests that reached the server, and whose answers were not lost. */
  readonly seen: string[] = [];
  /** Called at each cut, before the client knows; no new connection is made before it is done. */
  onCut: () => unknown = () => undefined;
  private acting: Promise<unknown> = Promise.resolve();
  private readonly plans: { readonly op: string; readonly lost: Lost }[] = [];

  /** Loses the next request of that operation, or its answer. May be called several times. */
  lose(op: string, lost: Lost): void {
    this.plans.push({ op, lost });
  }

  /** Are all of them lost? */
  get done(): boolean {
    return this.plans.length === 0;
  }

  readonly dial: Dialer = (server, events) => {
    let inner: Transport | null = null;
    let destroyed = false;
    void this.acting.then(() => {
      if (!destroyed) inner = this.connect(server, events);
    });
    return {
      write: (bytes) => inner?.write(bytes) ?? true,
      destroy: () => {
        if (destroyed) return;
        destroyed = true;
        if (inner !== null) inner.destroy();
        else queueMicrotask(() => events.onClose(undefined));
      },
    };
  };

  private connect(server: ServerAddress, events: TransportEvents): Transport {
    const requests = new FrameDecoder(0x7fffffff);
    const answers = new FrameDecoder(0x7fffffff);
    let handshaken = false;
    /** xid of the request whose answer is lost. */
    let awaited: number | null = null;
    const link = { cut: false };
    const isCut = (): boolean => link.cut;
    const transport: Transport = tcpDialer(server, {
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        if (link.cut) return;
        if (awaited === null) {
          events.onData(chunk);
          return;
        }
        answers.push(chunk);
        while (answers.next()) {
          if (answers.buf.readInt32BE(answers.start) !== awaited) continue;
          link.cut = true;
          this.acting = Promise.resolve(this.onCut());
          transport.destroy();
          return;
        }
      },
    });
    const isLost = (op: string, xid: number): boolean => {
      const plan = this.plans[0];
      if (plan?.op !== op || awaited !== null) return false;
      this.plans.shift();
      if (plan.lost === 'answer') {
        awaited = xid;
        return false;
      }
      link.cut = true;
      this.acting = Promise.resolve(this.onCut());
      return true;
    };
    return {
      destroy: () => transport.destroy(),
      write: (bytes) => {
        if (link.cut) return true;
        const kept: Buffer[] = [];
        requests.push(Buffer.from(bytes));
        while (!isCut() && requests.next()) {
          const frame = Buffer.from(requests.buf.subarray(requests.start, requests.end));
          const op = handshaken ? (rowByCode(frame.readInt32BE(4))?.name ?? '?') : 'connect';
          handshaken = true;
          if (isLost(op, frame.readInt32BE(0))) break;
          this.seen.push(op);
          const length = Buffer.alloc(4);
          length.writeInt32BE(frame.length);
          kept.push(length, frame);
        }
        const more = kept.length === 0 || transport.write(Buffer.concat(kept));
        // behind the bytes that the server shall still get
        if (isCut()) setImmediate(() => transport.destroy());
        return more;
      },
    };
  }
}
