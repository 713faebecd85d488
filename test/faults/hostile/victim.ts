/** A session that a hostile message is sent to, with something of everything under way, and the books about it. */
import { inspect } from 'node:util';
import { ConnectionLossError, ZkError } from '../../../src/protocol/errors.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { operations } from '../../../src/protocol/operations.js';
import { writeConnectResponse } from '../../../src/protocol/records.js';
import { CoreWorld, RecordingWatcher, dataBody, framed, replyFrame } from '../../support/core-world.js';
import { GOLDEN_XID, type Golden } from './golden.js';

/** Stands in every secret that the client has. */
export const CANARY = 'canary-9c1f';
const PASSWORD = Buffer.from(`${CANARY}-sess`);

/** How it ended. */
export type End = 'went on' | 'was given up' | 'refused';

/** Something that must never be. */
export class Harm extends Error {
  constructor(
    text: string,
    options?: ErrorOptions,
    readonly isLeak = false,
  ) {
    super(text, options);
  }
}

export class Victim {
  readonly w = new CoreWorld();
  readonly auth: string[] = [];
  private calls = 0;
  private epoch: number | null = null;
  private readonly watchers: RecordingWatcher[] = [];

  /** In the handshake of a new session, or of one that is to be resumed. */
  greeted(resumes: boolean): this {
    const { w } = this;
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    if (resumes) {
      this.welcome();
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.core.dialed(w.epoch);
    }
    this.addAuth();
    this.submit('/queued');
    return this;
  }

  /** With a session, and around the request of the message those of others. */
  live({ request }: Pick<Golden, 'request'>): this {
    const { w } = this;
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    this.welcome();
    this.submit('/before', true);
    if (request === null) this.submit('/between', true);
    else {
      this.calls++;
      w.submit(request.op, request.record);
    }
    for (const path of ['/behind', '/last']) this.submit(path);
    w.flush();
    this.addAuth();
    w.receive(replyFrame(1, { zxid: 5n, body: dataBody }));
    return this;
  }

  /** As bytes from the socket of the attack, also if that is an old one by now. @throws {@link Harm} */
  hear(bytes: Buffer): void {
    this.epoch ??= this.w.epoch;
    try {
      this.w.receive(bytes, this.epoch);
    } catch (error) {
      throw new Harm(`bytes came out as an exception: ${String(error)}`, { cause: error });
    }
  }

  /** The honest answers to what is still unanswered. */
  answerRest(): void {
    for (const xid of [GOLDEN_XID + 1, GOLDEN_XID + 2])
      this.hear(replyFrame(xid, { zxid: 9n, body: dataBody }));
  }

  /** Lets time pass as it must, resumes the session, closes, and looks at the books. @throws {@link Harm} */
  settle(): End {
    const { w } = this;
    const { epoch } = w;
    const isStillLive = (): boolean => w.core.phase.name === 'live' && w.epoch === epoch;
    // a ping that nobody answers ends what is only silence
    for (let i = 0; i < 20 && isStillLive() && w.settled.length < this.calls; i++) this.tick();
    if (isStillLive() && w.settled.length < this.calls)
      throw new Harm('a silent connection is never given up');
    const end = w.core.phase.name === 'authFailed' ? 'refused' : isStillLive() ? 'went on' : 'was given up';
    if (end === 'was given up') this.resume(epoch);
    w.core.close(w.now);
    w.advance(10_000);
    this.check();
    return end;
  }

  private tick(): void {
    const { w } = this;
    const next = w.core.nextDeadline();
    if (!Number.isFinite(next)) throw new Harm(`${w.core.phase.name} waits for nothing`);
    w.advance(Math.max(0, next - w.now));
  }

  /** The next connection works, and all that waited is done on it. */
  private resume(hostile: number): void {
    const { w } = this;
    for (let i = 0; i < 20 && w.core.phase.name !== 'live'; i++) {
      const { phase } = w.core;
      if (phase.name === 'dialing') w.core.dialed(w.epoch);
      else if (phase.name === 'handshaking' && phase.epoch !== hostile) this.welcome();
      else this.tick();
    }
    const isLive = (): boolean => w.core.phase.name === 'live';
    if (!isLive()) throw new Harm(`it does not come back: ${w.core.phase.name}`);
    w.flush();
    for (const { xid, op } of w.newRequests()) {
      if (op === operations.auth) w.receive(replyFrame(-4, { zxid: 0n }));
      else if (op === operations.getData) w.receive(replyFrame(xid, { zxid: 9n, body: dataBody }));
      else if (op !== operations.ping) w.receive(replyFrame(xid, { zxid: 9n }));
    }
    if (!isLive()) throw new Harm('it goes down again');
    if (w.settled.length !== this.calls) throw new Harm('what waited is not done on the next connection');
  }

  private check(): void {
    const { w } = this;
    if (w.core.phase.name !== 'closed') throw new Harm(`it ends as ${w.core.phase.name}`);
    if (w.settled.length !== this.calls) throw new Harm(`${this.calls - w.settled.length} requests hang`);
    if (this.auth.length !== 1) throw new Harm(`the credential was judged ${this.auth.length} times`);
    const order = w.settled.map(({ pending }) => pending.xid);
    if (order.some((xid, i) => xid !== i + 1)) throw new Harm(`settled in the order ${order.join()}`);
    for (const { pending, result } of w.settled) {
      if (result === undefined || !('error' in result)) continue;
      this.checkError(result.error);
      if ((result.error.outcome === 'not-sent') === pending.sent)
        throw new Harm(`${pending.op.name} is called ${result.error.outcome}`);
    }
    for (const event of w.events) {
      if (event.type === 'attemptFailed') this.checkError(event.error);
      else if (event.type === 'state' && event.cause !== undefined) this.checkError(event.cause);
    }
    if (w.core.watches.size !== 0) throw new Harm(`${w.core.watches.size} watches are left`);
    for (const { heard } of this.watchers) {
      const [armed, ...ends] = heard;
      if (armed !== undefined && ends.length !== 1) throw new Harm(`a watch heard ${heard.join()}`);
    }
  }

  private checkError(error: unknown): void {
    if (!ZkError.is(error)) throw new Harm(`no error of ours: ${String(error)}`, { cause: error });
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      if ((at as { code?: unknown }).code === 'ZK_INTERNAL')
        throw new Harm('a bug of ours', { cause: at.cause });
      if (String(at).includes(CANARY)) throw new Harm(`it tells a secret: ${String(at)}`, {}, true);
    }
  }

  /** All that can be seen of it. */
  shown(): string {
    return [this.w.core, this.w.events, this.w.settled.map(({ result }) => result)]
      .map((each) => inspect(each, { depth: 12, maxStringLength: null }))
      .join();
  }

  private submit(path: string, watched = false): void {
    this.calls++;
    const watcher = watched ? new RecordingWatcher() : null;
    if (watcher !== null) this.watchers.push(watcher);
    this.w.get(path, watcher);
  }

  private addAuth(): void {
    const waiter = { resolve: () => this.auth.push('ok'), reject: () => this.auth.push('refused') };
    this.w.core.addAuth('digest', Buffer.from(`ada:${CANARY}`), waiter, this.w.now);
  }

  private welcome(): void {
    const { w } = this;
    const asked = w.connectRequest().sessionId;
    const writer = new JuteWriter();
    const sessionId = asked === 0n ? 0xabcn : asked;
    writeConnectResponse(writer, {
      protocolVersion: 0,
      timeOut: 9000,
      sessionId,
      passwd: PASSWORD,
      readOnly: false,
    });
    w.receive(framed(writer));
  }
}
