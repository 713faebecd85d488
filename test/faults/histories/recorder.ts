/** Writes down what clients call and what comes of it, in the words of the checkers. */
import { ZkError, type Conn } from '../../../src/index.js';
import type { FencedWrite, Grant } from '../checkers/tokens.js';
import { Moments, type Call, type RegisterCall } from '../checkers/history.js';
import type { TracedCall } from '../checkers/sessions.js';
import type { AddCall, ListCall, NameCall } from '../checkers/sets.js';
import type { EventType } from '../../../src/index.js';
import type { OneShot, Sight } from '../checkers/watch-stream.js';

/** What a call gave, or why it gave nothing. */
export type Done<T> =
  | { readonly call: Call; readonly value: T; readonly error?: undefined }
  | { readonly call: Call; readonly value?: undefined; readonly error: ZkError };

/** Where a gap ends turns out a little later. */
type SightRecord = Exclude<Sight, { kind: 'gap' }> | { readonly kind: 'gap'; upTo: bigint };

/** A stream while it is recorded. */
export interface StreamRecord {
  readonly armed: bigint;
  readonly sights: SightRecord[];
  /** Its session is over, or it was given up: nothing more is told. */
  over: boolean;
}

export interface OneShotRecord extends OneShot {
  readonly events: { readonly type: EventType; readonly zxid: bigint | undefined }[];
  over: boolean;
}

export class Recorder {
  readonly moments = new Moments();
  readonly registers: RegisterCall[] = [];
  readonly adds: AddCall[] = [];
  readonly lists: ListCall[] = [];
  readonly names: NameCall[] = [];
  readonly grants: Grant[] = [];
  readonly fenced: FencedWrite[] = [];
  readonly traced: TracedCall[] = [];
  readonly streams: StreamRecord[] = [];
  readonly oneShots: OneShotRecord[] = [];
  /** Watches and streams that ended with an error although their session went on, in words. */
  readonly endedWrongly: string[] = [];
  /** Calls that have not settled. */
  readonly open = new Set<string>();
  requests = 0;

  /** Makes a call, and notes when it began, in which session, and what became of it. */
  async call<T>(conn: Conn, client: string, what: string, make: () => Promise<T>): Promise<Done<T>> {
    const begin = this.moments.next();
    const session = conn.sessionId;
    const name = `${what} of ${client} at ${begin}`;
    this.open.add(name);
    this.requests++;
    const base = { client, session, begin };
    try {
      const value = await make();
      return { call: { ...base, end: this.moments.next(), outcome: 'ok' }, value };
    } catch (error) {
      if (!ZkError.is(error)) throw error;
      return { call: { ...base, end: this.moments.next(), outcome: error.outcome }, error };
    } finally {
      this.open.delete(name);
    }
  }
}
