/** Value streams whose reads fail, whose Conn ends, and whose session is another one by now; on a source that is scripted. */
import { beforeEach, describe, expect, it } from 'vitest';
import { connect } from '../../../src/index.js';
import { systemClock, type Clock } from '../../../src/net/clock.js';
import { MiniServer } from '../../../src/testing.js';
import { LossyDialer } from '../../support/lossy-dialer.js';
import { Delays } from '../../../src/client/delays.js';
import { ValueStream, type ValueSource } from '../../../src/client/value-stream.js';
import type { Watch } from '../../../src/client/watch.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  ConnClosedError,
  ConnectionLossError,
  SessionExpiredError,
  keeperError,
  type ZkError,
} from '../../../src/protocol/errors.js';
import { ManualClock, rejectionOf, settle } from '../../support/scripted-server.js';

const lost = (): ZkError => new ConnectionLossError({ outcome: 'unknown' });
const closed = (): ZkError => new ConnClosedError({ outcome: 'not-sent' });
const notReadOnly = (): ZkError => keeperError(Errno.NotReadOnly, { outcome: 'rejected' });

/** Whatever a Conn is asked for, and what it answers. */
class Source implements ValueSource<number> {
  readonly asked: string[] = [];
  readonly clock = new ManualClock();
  readonly delays = new Delays(this.clock);
  /** What reads and syncs are refused with. */
  readError: ZkError | null = null;
  syncError: ZkError | null = null;
  value = 0;
  epoch = 1;
  local = false;
  /** Called while a read waits for its answer. */
  duringRead: () => void = () => undefined;
  private over = false;
  /** Fires the latest watch. */
  change: () => void = () => undefined;

  read(): Promise<{ value: number; watch: Watch }> {
    this.asked.push('read');
    this.duringRead();
    if (this.over) return Promise.reject(closed());
    if (this.readError !== null) return Promise.reject(this.readError);
    const event = new Promise((resolve) => {
      this.change = () => resolve('event');
    });
    const watch = { event, close: () => this.asked.push('close') };
    return Promise.resolve({ value: this.value, watch: watch as unknown as Watch });
  }

  awaitCreation(): Promise<never> {
    return Promise.reject(lost());
  }

  sync(): Promise<unknown> {
    this.asked.push('sync');
    return this.syncError === null ? Promise.resolve() : Promise.reject(this.syncError);
  }

  isSame(a: number, b: number): boolean {
    return a === b;
  }

  isOver(): boolean {
    return this.over;
  }

  sessionEpoch(): number {
    return this.epoch;
  }

  isLocal(): boolean {
    return this.local;
  }

  onceUsable(callback: () => void): () => void {
    const wait = setImmediate(callback);
    return () => clearImmediate(wait);
  }

  after(ms: number, callback: () => void): () => void {
    return this.delays.after(ms, callback);
  }

  /** As a Conn ends. */
  end(): void {
    this.over = true;
    this.delays.end(closed());
  }

  /** What was asked for since the last time. */
  takeAsked(): string[] {
    return this.asked.splice(0);
  }
}

let source: Source;
let stream: ValueStream<number>;
const THE_END = { value: undefined, done: true };

beforeEach(() => {
  source = new Source();
  stream = new ValueStream('/a', source, undefined, true);
});

describe('the pause behind a read that failed', () => {
  /** A `next()` that waits for the pause. */
  async function paused(): Promise<{ readonly waiting: Promise<unknown> }> {
    source.readError = lost();
    const waiting = stream.next();
    await settle();
    expect(source.clock.timers).toBe(1);
    expect(source.takeAsked()).toEqual(['read']);
    return { waiting };
  }

  it('ends with the stream', async () => {
    const { waiting } = await paused();
    stream.close();
    expect(await waiting).toEqual(THE_END);
    expect(source.clock.timers).toBe(0);
  });

  it('ends with its signal', async () => {
    const controller = new AbortController();
    stream = new ValueStream('/a', source, controller.signal, true);
    const { waiting } = await paused();
    const rejected = rejectionOf(waiting);
    controller.abort(new Error('enough'));
    expect(await rejected).toEqual(new Error('enough'));
    expect(source.clock.timers).toBe(0);
  });

  it('ends with the Conn, and no time passes until the loop hears of it', async () => {
    const { waiting } = await paused();
    source.end();
    expect(await waiting).toEqual(THE_END);
    expect(source.clock.timers).toBe(0);
  });

  it('is as long for everybody who asks meanwhile, and has one timer', async () => {
    const { waiting } = await paused();
    const others = [stream.next(), stream.next()];
    await settle();
    expect(source.takeAsked()).toEqual([]);
    expect(source.clock.timers).toBe(1);
    source.readError = null;
    source.value = 7;
    await source.clock.advance(50);
    expect(await waiting).toEqual({ value: 7, done: false });
    stream.close();
    expect(await Promise.all(others)).toEqual([THE_END, THE_END]);
  });

  it('leaves no timer behind the close of a real Conn', async () => {
    const server = await MiniServer.start();
    const link = new LossyDialer();
    const timers = new Set<object>();
    let pausing: () => void;
    const inPause = new Promise<void>((resolve) => (pausing = resolve));
    const clock: Clock = {
      now: () => systemClock.now(),
      setTimer: (fire, delayMs) => {
        // the second pause: a time that nothing else takes
        if (delayMs > 90 && delayMs <= 100) pausing();
        const timer = systemClock.setTimer(() => {
          timers.delete(timer);
          fire();
        }, delayMs);
        timers.add(timer);
        return {
          cancel: () => {
            timers.delete(timer);
            timer.cancel();
          },
        };
      },
    };
    const conn = await connect(server.connectString, {
      dialer: link.dial,
      clock,
      backoff: { baseMs: 1, maxMs: 1 },
    });
    link.lose('getData', 'answer');
    link.lose('getData', 'answer');
    const waiting = conn.watchData('/').next();
    await inPause;
    await conn.close();
    expect(timers.size).toBe(0);
    expect(await waiting).toEqual(THE_END);
    await server.close();
  });

  it('that has not begun is not begun behind a close', async () => {
    source.readError = lost();
    const waiting = stream.next();
    await Promise.resolve();
    stream.close();
    await settle();
    expect(await waiting).toEqual(THE_END);
    expect(source.clock.timers).toBe(0);
  });
});

describe('in another session', () => {
  beforeEach(async () => {
    await stream.next();
    source.takeAsked();
  });

  it('the server is brought up to date before it is read, also where no watch told of the end of the old one', async () => {
    source.change();
    await settle();
    source.epoch = 2;
    source.value = 1;
    expect(await stream.next()).toEqual({ value: 1, done: false });
    expect(source.takeAsked()).toEqual(['sync', 'read']);
    source.change();
    source.value = 2;
    await stream.next();
    expect(source.takeAsked()).toEqual(['read']);
  });

  it('what a read brings that has waited for it is read again behind a sync', async () => {
    source.change();
    await settle();
    let reads = 0;
    source.duringRead = () => {
      source.value = ++reads;
      if (reads === 1) source.epoch = 2;
    };
    expect(await stream.next()).toEqual({ value: 2, done: false });
    expect(source.takeAsked()).toEqual(['read', 'close', 'sync', 'read']);
  });

  it('it ends, if told so', async () => {
    stream = new ValueStream('/a', source, undefined, false);
    await stream.next();
    source.change();
    await settle();
    source.epoch = 2;
    expect(await rejectionOf(stream.next())).toBeInstanceOf(SessionExpiredError);
  });

  it('it goes on all the same where the old one was that of a read-only server alone: nothing is lost', async () => {
    stream = new ValueStream('/a', source, undefined, false);
    source.local = true;
    await stream.next();
    source.change();
    source.value = 1;
    await settle();
    source.epoch = 2;
    source.local = false;
    expect(await stream.next()).toEqual({ value: 1, done: false });
    source.change();
    await settle();
    source.epoch = 3;
    expect(await rejectionOf(stream.next())).toBeInstanceOf(SessionExpiredError);
  });

  it('on a server without a quorum it goes on, and catches up when there is one', async () => {
    source.epoch = 2;
    source.syncError = notReadOnly();
    for (const value of [1, 2]) {
      source.change();
      source.value = value;
      expect(await stream.next()).toEqual({ value, done: false });
      expect(source.takeAsked()).toEqual(['sync', 'read']);
    }
    source.syncError = null;
    for (const [value, asked] of [
      [3, ['sync', 'read']],
      [4, ['read']],
    ] as const) {
      source.change();
      source.value = value;
      expect(await stream.next()).toEqual({ value, done: false });
      expect(source.takeAsked()).toEqual(asked);
    }
  });
});
