/**
 * Random walks of the session core: a server that answers, events, cuts, refuses, expires, stalls and goes silent, and a
 * client that calls at any moment. After every step the invariants hold; the seed replays a walk.
 */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnectionLossError } from '../../src/protocol/errors.js';
import { operations } from '../../src/protocol/operations.js';
import { isTerminal } from '../../src/session/phases.js';
import { CoreWorld, RecordingWatcher, errorOf, type Fate, type SeenRequest } from '../support/core-world.js';
import { SEED } from '../support/property.js';

const WALKS = 400;
const STEPS = 300;

/** mulberry32: small, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

interface Issued {
  readonly fate: Fate;
  /** Sessions that had ended when it was called: it may run in the session that comes next, and in no other. */
  readonly endedBefore: number;
}

class Walk {
  readonly w: CoreWorld;
  readonly issued = new Map<string, Issued>();
  readonly watchers = new Map<string, RecordingWatcher>();
  private readonly random: () => number;
  private serial = 0;
  private zxid = 1n;
  private nextSession = 1n;
  /** Pings on the current socket that the server has not answered. */
  private pingsOut = 0;
  /** Requests that the server has read and not answered, on the current socket. */
  private unanswered: SeenRequest[] = [];
  private armedOnServer = new Set<string>();
  private readonly sentPaths = new Set<string>();
  private eventsChecked = 0;
  private lastState = '';
  private alive = false;
  readonly counts = { cuts: 0, expiries: 0, replies: 0, events: 0, reconnects: 0 };

  constructor(seed: number) {
    this.random = generator(seed);
    this.w = new CoreWorld({
      requestTimeoutMs: this.random() < 0.3 ? 4000 : 0,
      queueOffline: this.random() < 0.8,
      maxRequests: 40,
    });
    this.w.randomValue = this.random();
  }

  private pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)] as T;
  }

  private ended(): number {
    return this.w.sessions.filter((s) => s === 'expired').length;
  }

  run(): void {
    this.w.core.open(this.w.now);
    for (let step = 0; step < STEPS && !isTerminal(this.w.core.phase.name); step++) {
      this.step();
      this.lookAtWire();
      this.checkInvariants();
    }
    this.finish();
  }

  private step(): void {
    const { w } = this;
    const { phase } = w.core;
    const roll = this.random();
    if (roll < 0.25) this.call();
    else if (roll < 0.35) w.flush();
    else if (roll < 0.4) w.advance(Math.floor(this.random() * 3000));
    else if (roll < 0.44 && Number.isFinite(w.core.nextDeadline()))
      w.advance(Math.max(0, w.core.nextDeadline() - w.now));
    else if (phase.name === 'dialing') this.dialing(phase.epoch);
    else if (phase.name === 'handshaking') this.handshaking();
    else if (phase.name === 'live') this.live(phase.epoch);
    else if (phase.name === 'backoff') w.advance(Math.max(0, phase.until - w.now));
  }

  private dialing(epoch: number): void {
    const { w } = this;
    const roll = this.random();
    if (roll < 0.6) w.core.dialed(epoch);
    else if (roll < 0.8) w.core.dialFailed(epoch, new ConnectionLossError({ outcome: 'not-sent' }), w.now);
    else w.core.roundDone(epoch, w.now);
    this.unanswered = [];
    this.pingsOut = 0;
    this.armedOnServer = new Set();
  }

  private handshaking(): void {
    const { w } = this;
    const roll = this.random();
    const { sessionId } = w.connectRequest();
    if (roll < 0.7) w.accept(sessionId === 0n ? this.nextSession++ : sessionId);
    else if (roll < 0.8) w.accept(0n, 0);
    else if (roll < 0.85) w.accept(this.nextSession++);
    else this.cut();
    if (w.core.phase.name === 'live') this.counts.reconnects++;
  }

  private live(epoch: number): void {
    const { w } = this;
    const roll = this.random();
    if (roll < 0.55) this.answer();
    else if (roll < 0.7) this.fire();
    else if (roll < 0.76) this.cut();
    else if (roll < 0.8) w.writable = false;
    else if (roll < 0.9) {
      w.writable = true;
      w.core.drained(epoch, w.now);
    } else if (roll < 0.92) w.core.addAuth('digest', Buffer.from(this.pick(['a:1', 'b:2'])), null, w.now);
    else if (roll < 0.93)
      w.receive(Buffer.from([0, 0, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]));
  }

  private cut(): void {
    this.counts.cuts++;
    this.w.core.ended(this.w.epoch, new ConnectionLossError({ outcome: 'unknown' }), this.w.now);
  }

  private call(): void {
    const path = `/r${this.serial++}`;
    const endedBefore = this.ended();
    const kind = this.random();
    let fate: Fate;
    if (kind < 0.4) fate = this.w.set(path);
    else if (kind < 0.6) fate = this.w.get(path);
    else {
      const watcher = new RecordingWatcher();
      this.watchers.set(path, watcher);
      fate =
        kind < 0.8
          ? this.w.get(path, watcher)
          : this.w.submit(operations.exists, { path, watch: true }, watcher, Errno.NoNode);
    }
    this.issued.set(path, { fate, endedBefore });
  }

  /** The server answers the oldest thing it has read. */
  private answer(): void {
    const next = this.unanswered.shift();
    if (next === undefined) return;
    this.counts.replies++;
    const { op, xid, request } = next;
    const path = request['path'] as string;
    this.zxid += BigInt(Math.floor(this.random() * 3));
    if (op.name === 'exists') {
      this.armedOnServer.add(path);
      this.w.reply(xid, { zxid: this.zxid, err: Errno.NoNode });
    } else if (op.name === 'getData' && this.random() < 0.8) {
      if (request['watch'] === true) this.armedOnServer.add(path);
      this.w.replyData(xid, this.zxid);
    } else if (op.name === 'setWatches') {
      for (const list of ['dataWatches', 'existWatches', 'childWatches']) {
        for (const p of request[list] as string[]) this.armedOnServer.add(p);
      }
      this.w.reply(xid, { zxid: this.zxid });
    } else if (op.lane === 'control') {
      this.control(next);
    } else {
      this.w.reply(xid, { zxid: this.zxid, err: Errno.NoNode });
    }
  }

  private control({ op, xid }: SeenRequest): void {
    if (op.name === 'ping') this.pingsOut--;
    this.w.reply(xid, { zxid: 0n });
  }

  private fire(): void {
    if (this.armedOnServer.size === 0) return;
    const path = this.pick([...this.armedOnServer]);
    this.armedOnServer.delete(path);
    this.counts.events++;
    this.w.notify(this.pick([1, 2, 3]), path, this.zxid);
  }

  /** Reads what was written since the last look, as the server would. */
  private lookAtWire(): void {
    const { w } = this;
    const { phase } = w.core;
    if (phase.name !== 'live' && phase.name !== 'closing') return;
    for (const request of w.newRequests()) {
      const path = request.request['path'] as string | undefined;
      if (path !== undefined) {
        if (this.sentPaths.has(path)) throw new Error(`${path} was sent twice`);
        this.sentPaths.add(path);
        const { endedBefore } = this.issued.get(path)!;
        if (this.ended() !== endedBefore) throw new Error(`${path} crossed from one session to another`);
      }
      if (request.op.name === 'ping') this.pingsOut++;
      if (request.op.lane === 'control') {
        // answered on the receive path, before what was read earlier
        if (this.random() < 0.9) this.control(request);
        else this.unanswered.push(request);
      } else {
        this.unanswered.push(request);
      }
    }
  }

  private checkInvariants(): void {
    const { w } = this;
    const { phase, load } = w.core;
    // plain ifs: a hundred thousand steps of `expect` would be most of the time
    if (phase.name !== 'idle' && !Number.isFinite(w.core.nextDeadline()))
      throw new Error(`${phase.name} has no deadline`);
    if (load.pending < load.waiting || load.waiting > 40) throw new Error(`load ${JSON.stringify(load)}`);
    if (this.pingsOut > 1) throw new Error(`${this.pingsOut} pings are out`);
    for (const event of w.events.slice(this.eventsChecked)) {
      if (event.type === 'state') {
        if (event.state === this.lastState) throw new Error(`${event.state} twice`);
        this.lastState = event.state;
      } else if (event.type === 'session') {
        if (this.alive === (event.what === 'new')) throw new Error(`${event.what} in ${w.sessions.join()}`);
        this.alive = event.what !== 'expired';
      }
    }
    this.eventsChecked = w.events.length;
  }

  private finish(): void {
    const { w } = this;
    w.core.close(w.now);
    this.lookAtWire();
    if (w.core.phase.name === 'closing') w.advance(1000);
    expect(w.core.phase.name).toBe('closed');
    expect(w.core.watches.size).toBe(0);
    for (const [path, { fate }] of this.issued) {
      expect(fate.result, `${path} hangs`).toBeDefined();
      const sent = this.sentPaths.has(path);
      if (fate.result !== undefined && 'error' in fate.result) {
        const { outcome } = errorOf(fate);
        if (outcome === 'not-sent') expect(sent, `${path} was sent, and called not-sent`).toBe(false);
        if (outcome === 'unknown') expect(sent, `${path} was not sent, and called unknown`).toBe(true);
      } else {
        expect(sent).toBe(true);
      }
    }
    for (const watcher of this.watchers.values()) {
      const [armed, ...rest] = watcher.heard;
      if (armed === undefined) continue;
      expect(armed).toMatch(/^armed/);
      expect(rest, 'a watch fires or ends exactly once').toHaveLength(1);
    }
    this.checkOrder();
  }

  /** Of those that were answered, none overtook another. */
  private checkOrder(): void {
    const answered = this.w.settled.filter(
      ({ result }) => result !== undefined && (!('error' in result) || result.error.outcome === 'rejected'),
    );
    const serials = answered.map(({ pending }) => Number(pending.path?.slice(2)));
    expect(serials).toEqual([...serials].sort((a, b) => a - b));
  }
}

describe('random walks of the session core', () => {
  it(`hold their invariants over ${WALKS * STEPS} steps [A4] [B4]`, () => {
    const total = { cuts: 0, expiries: 0, replies: 0, events: 0, reconnects: 0 };
    for (let i = 0; i < WALKS; i++) {
      const walk = new Walk(SEED + i);
      try {
        walk.run();
      } catch (error) {
        throw new Error(`walk ${i} of ZK_SEED=${SEED}: ${String(error)}`, { cause: error });
      }
      total.expiries += walk.w.sessions.filter((s) => s === 'expired').length;
      for (const key of ['cuts', 'replies', 'events', 'reconnects'] as const) total[key] += walk.counts[key];
    }
    process.stdout.write(`walks: ${JSON.stringify(total)}\n`);
    // a walk that met nothing has proved nothing
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(WALKS / 4);
  });
});
