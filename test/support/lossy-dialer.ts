/**
 * A dialer that loses a request, or the answer to it: the connection is cut before the server gets the request, or when
 * its answer arrives, which nobody hears. What was asked before is answered; what is asked behind a lost request is lost too.
 *
 * It stands on the client's side and shares no code with `FaultProxy`, so that the two can be held against each other; and
 * no new connection is made before what a test does at the cut is done.
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
    /** Requests that the server got and has not answered. */
    const open: number[] = [];
    /** xid of the request whose answer is lost. */
    let awaited: number | null = null;
    /** A request was lost: no later one leaves, and what was before it is still answered. */
    const link = { ends: false, cut: false };
    const cut = (): void => {
      link.cut = true;
      this.acting = Promise.resolve(this.onCut());
      transport.destroy();
    };
    const transport: Transport = tcpDialer(server, {
      onConnect: () => events.onConnect(),
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => events.onClose(error),
      onData: (chunk) => {
        if (link.cut) return;
        const kept: Buffer[] = [];
        let isLost = false;
        answers.push(chunk);
        while (answers.next()) {
          const frame = Buffer.from(answers.buf.subarray(answers.start, answers.end));
          const xid = frame.readInt32BE(0);
          isLost = xid === awaited;
          if (isLost) break;
          if (xid === open[0]) open.shift();
          kept.push(lengthOf(frame), frame);
        }
        if (kept.length > 0) events.onData(Buffer.concat(kept));
        if (isLost || (link.ends && open.length === 0)) cut();
      },
    });
    const isLost = (op: string, xid: number): boolean => {
      const plan = this.plans[0];
      if (plan?.op !== op || awaited !== null) return false;
      this.plans.shift();
      if (plan.lost === 'request') return true;
      awaited = xid;
      return false;
    };
    return {
      destroy: () => transport.destroy(),
      write: (bytes) => {
        if (link.cut || link.ends) return true;
        const kept: Buffer[] = [];
        requests.push(Buffer.from(bytes));
        while (requests.next()) {
          const frame = Buffer.from(requests.buf.subarray(requests.start, requests.end));
          const op = handshaken ? (rowByCode(frame.readInt32BE(4))?.name ?? '?') : 'connect';
          const xid = frame.readInt32BE(0);
          link.ends = isLost(op, xid);
          if (link.ends) break;
          this.seen.push(op);
          // what the client asks on its own has an xid below 0, and a handshake has none
          if (handshaken && xid > 0) open.push(xid);
          handshaken = true;
          kept.push(lengthOf(frame), frame);
        }
        const more = kept.length === 0 || transport.write(Buffer.concat(kept));
        // not within the call of the client
        if (link.ends && open.length === 0) setImmediate(cut);
        return more;
      },
    };
  }
}

function lengthOf(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(frame.length);
  return length;
}
