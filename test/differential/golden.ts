/**
 * Holds conversations and keeps their bytes. What differs from run to run is masked by its value, wherever it stands:
 * session ids, passwords, and times of now.
 */
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import {
  readConnectResponse,
  writeConnectRequest,
  type ConnectResponse,
} from '../../src/protocol/records.js';
import { RawClient, decodeReply, type Address } from '../support/raw-client.js';
import type { Conversation, Step } from './conversations.js';
import { frameOf } from './program.js';

/** A step with its bytes in hexadecimal, without the lengths of the frames. */
export interface Exchange {
  readonly step: string;
  readonly sent: string | null;
  /** What came on that connection since its step before, up to the reply. null: the server hung up. */
  readonly got: readonly (string | null)[];
}

const NOTIFICATION = -1;
const PASSWORD_BYTES = 16;
/** Times of now, ms since 1970. */
const NOW_SPAN_MS = 600_000;

/** Values of one conversation that are other ones the next time. */
class Masks {
  private readonly values: [value: Buffer, mask: Buffer][] = [];

  learn({ sessionId, passwd }: ConnectResponse): void {
    if (sessionId === 0n) return;
    const id = Buffer.alloc(8);
    id.writeBigInt64BE(sessionId);
    if (this.values.some(([value]) => value.equals(id))) return;
    const n = this.values.length;
    this.values.push(
      [id, Buffer.alloc(8, 0xa0 + n)],
      [Buffer.from(passwd ?? []), Buffer.alloc(16, 0xa1 + n)],
    );
  }

  apply(bytes: Buffer): string {
    const masked = Buffer.from(bytes);
    for (const [value, mask] of this.values) {
      for (let at = masked.indexOf(value); at >= 0; at = masked.indexOf(value, at + 1)) mask.copy(masked, at);
    }
    for (let at = 0; at + 8 <= masked.length; at++) {
      const time = masked.readBigInt64BE(at);
      if (time > BigInt(Date.now() - NOW_SPAN_MS) && time < BigInt(Date.now() + NOW_SPAN_MS)) {
        masked.fill(0xdd, at, at + 8);
      }
    }
    return masked.toString('hex');
  }
}

/** Holds one conversation. */
export async function hold(address: Address, { steps }: Conversation): Promise<readonly Exchange[]> {
  const masks = new Masks();
  const wires = new Map<number, RawClient>();
  const exchanges: Exchange[] = [];
  let session: ConnectResponse | null = null;
  let xid = 0;
  try {
    for (const step of steps) {
      if (step.do === 'connect') wires.set(step.on, await RawClient.connect(address));
      const wire = wires.get(step.on);
      if (wire === undefined) throw new Error(`connection ${step.on} is not there`);
      const frame = step.do === 'end' ? null : bytesOf(step, ++xid, session);
      if (frame !== null) wire.sendFrame(frame);
      const got = await untilAnswered(wire, step);
      const greeting = got[0];
      if (step.do === 'connect' && greeting !== null && greeting !== undefined) {
        const response = readConnectResponse(new JuteReader(greeting));
        masks.learn(response);
        // whoever attaches again means the first session
        session ??= response;
      }
      exchanges.push({
        step: JSON.stringify(step),
        sent: frame === null ? null : masks.apply(frame),
        got: got.map((each) => (each === null ? null : masks.apply(each))),
      });
    }
  } finally {
    for (const wire of wires.values()) wire.destroy();
  }
  return exchanges;
}

function bytesOf(step: Step, xid: number, session: ConnectResponse | null): Buffer {
  if (step.do === 'frame') return Buffer.from(step.bytes, 'hex');
  // the root of these paths is their own
  if (step.do === 'call') return frameOf(step, xid, { root: '$', base: 0n });
  if (step.do === 'end') throw new Error('nothing is sent');
  const w = new JuteWriter();
  const isOwn = step.as === 'again' || step.as === 'thief';
  writeConnectRequest(w, {
    protocolVersion: 0,
    lastZxidSeen: step.as === 'ahead' ? 1_000_000n : 0n,
    timeOut: 40_000,
    sessionId: step.as === 'stranger' ? 0x7777n : isOwn ? (session?.sessionId ?? 0n) : 0n,
    passwd:
      step.as === 'short'
        ? null
        : step.as === 'again'
          ? (session?.passwd ?? null)
          : Buffer.alloc(PASSWORD_BYTES),
    readOnly: step.as === 'short' ? undefined : false,
  });
  return w.bytes();
}

async function untilAnswered(wire: RawClient, step: Step): Promise<(Buffer | null)[]> {
  const got: (Buffer | null)[] = [];
  for (;;) {
    const frame = await wire.frame();
    got.push(frame);
    if (frame === null || step.do === 'connect') return got;
    if (step.do !== 'end' && decodeReply(frame).xid !== NOTIFICATION) return got;
  }
}
