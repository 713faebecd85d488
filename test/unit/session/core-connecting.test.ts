import { describe, expect, it } from 'vitest';
import { ConnectionLossError } from '../../../src/protocol/errors.js';
import { CoreWorld, notification, replyFrame } from '../../support/core-world.js';

const T = 9000;

describe('connecting', () => {
  it('asks for a new session, with the read-only byte [E18]', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.phase.name).toBe('dialing');
    w.core.dialed(w.epoch);
    expect(w.connectRequest()).toMatchObject({
      sessionId: 0n,
      timeOut: T,
      lastZxidSeen: 0n,
      readOnly: false,
    });
    expect(w.connectRequest().passwd).toHaveLength(16);
    w.accept(0xabcn, 6000);
    expect(w.core.phase.name).toBe('live');
    expect(w.core.timeoutMs).toBe(6000);
    expect(w.core.sessionId).toBe(0xabcn);
    expect(w.core.sessionEpoch).toBe(1);
    expect(w.states).toEqual(['Connecting', 'SyncConnected']);
    expect(w.sessions).toEqual(['new']);
  });

  it('accepts the answer of an old server, without the read-only byte', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.accept(1n, T, undefined);
    expect(w.core.phase.name).toBe('live');
  });

  it('gives each server T/H, for the connection and the handshake together', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.nextDeadline()).toBe(w.now + T / 3);
    w.advance(T / 3 - 1);
    expect(w.dials).toHaveLength(1);
    w.core.dialed(w.epoch);
    expect(w.core.nextDeadline()).toBe(w.now + 1);
    w.advance(1);
    expect(w.hungUp).toEqual([1]);
    expect(w.dials).toEqual([1, 2]);
    w.advance(T / 3);
    expect(w.dials).toEqual([1, 2, 3]);
    expect(w.events.filter((e) => e.type === 'attemptFailed')).toHaveLength(2);
  });

  it('takes a refusal of a new session for a failed attempt, never for an expiry', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.accept(0n, 0);
    expect(w.dials).toHaveLength(2);
    expect(w.sessions).toEqual([]);
    expect(w.states).toEqual(['Connecting']);
  });

  /** Lets every server fail once; gives the pause that follows. */
  const failedRound = (w: CoreWorld): number => {
    while (w.core.phase.name === 'dialing')
      w.core.dialFailed(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const wait = w.core.nextDeadline() - w.now;
    w.advance(wait);
    return Math.round(wait);
  };

  it('backs off with full jitter, doubling, when all servers have failed', () => {
    const w = new CoreWorld({ backoff: { baseMs: 100, maxMs: 300 } });
    w.randomValue = 0.999999;
    w.core.open(w.now);
    expect([failedRound(w), failedRound(w), failedRound(w), failedRound(w)]).toEqual([100, 200, 300, 300]);
    expect(w.dials).toHaveLength(4 * w.serverCount + 1);
  });

  it('backs off when the host provider asks for it, once', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    expect(w.core.roundDone(w.epoch, w.now)).toBe(true);
    expect(w.core.phase.name).toBe('backoff');
    w.advance(w.core.nextDeadline() - w.now);
    expect(w.core.roundDone(w.epoch, w.now)).toBe(false);
    expect(w.core.phase.name).toBe('dialing');
  });

  it('forgets the back-off only after a connection that lasted', () => {
    const w = new CoreWorld({ sessionTimeoutMs: 60_000 });
    w.randomValue = 0.999999;
    const liveFor = (ms: number): void => {
      w.goLive(1n, 60_000);
      w.now += ms;
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    };
    w.core.open(w.now);
    expect(failedRound(w)).toBe(100);
    liveFor(999);
    expect(failedRound(w)).toBe(200);
    liveFor(1000);
    expect(failedRound(w)).toBe(100);
  });

  it('does not try servers in a tight loop that take it and drop it at once', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    for (let i = 0; w.core.phase.name === 'dialing'; i++) {
      expect(i).toBeLessThan(w.serverCount);
      w.core.dialed(w.epoch);
      w.accept(1n);
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    }
    expect(w.core.phase.name).toBe('backoff');
  });

  it('drops whatever an older socket says', () => {
    const w = new CoreWorld();
    w.goLive();
    const old = w.epoch;
    w.core.ended(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.receive(Buffer.from('garbage that would cost a connection'), old);
    w.core.ended(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(old);
    w.core.dialFailed(old, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.roundDone(old, w.now);
    expect(w.core.phase).toMatchObject({ name: 'dialing', epoch: old + 1 });
  });

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n', 'HTTP'],
    ['\x15\x03\x03\x00\x02\x02\x46', 'TLS'],
    ['SSH-2.0-OpenSSH', 'ZooKeeper'],
  ])('says what a peer that is no ZooKeeper speaks: %j', (bytes, word) => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.receive(Buffer.from(bytes, 'latin1'));
    const failed = w.events.find((e) => e.type === 'attemptFailed');
    expect(failed?.error).toMatchObject({ code: 'ZK_HANDSHAKE', message: expect.stringContaining(word) });
    expect(w.dials).toHaveLength(2);
  });
});

describe('liveness', () => {
  it('pings when nothing was sent for T/3 less a second, one at a time', () => {
    const w = new CoreWorld();
    w.goLive();
    expect(w.core.nextDeadline()).toBe(w.now + 2000);
    w.advance(1999);
    expect(w.requests()).toHaveLength(0);
    w.advance(1);
    expect(w.requests().map((r) => r.op.name)).toEqual(['ping']);
    expect(w.requests()[0]?.xid).toBe(-2);
    w.advance(2000);
    expect(w.requests()).toHaveLength(1);
    w.reply(-2);
    w.advance(1);
    expect(w.requests()).toHaveLength(2);
  });

  it('does not ping while requests go out', () => {
    const w = new CoreWorld();
    w.goLive();
    for (let i = 1; i <= 10; i++) {
      w.advance(1900);
      w.get('/a');
      w.flush();
      w.replyData(i);
    }
    expect(w.requests().filter((r) => r.op.name === 'ping')).toHaveLength(0);
  });

  it('gives a silent server up after 2T/3', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(2000);
    w.advance(3999);
    expect(w.core.phase.name).toBe('live');
    w.advance(1);
    expect(w.core.phase.name).toBe('dialing');
    expect(w.events.at(-1)).toMatchObject({
      type: 'state',
      state: 'Disconnected',
      cause: { code: 'ZK_READ_TIMEOUT' },
    });
  });

  it('does not take a drip of bytes for a sign of life', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(2000);
    const reply = replyFrame(-2);
    for (let i = 0; i < reply.length - 1 && w.core.phase.name === 'live'; i++) {
      w.now += 500;
      w.receive(reply.subarray(i, i + 1));
      w.core.tick(w.now);
    }
    expect(w.core.phase.name).toBe('dialing');
  });

  it('does not take events for a sign of life: they come also where nothing of ours arrives', () => {
    const w = new CoreWorld();
    w.goLive();
    let passed = 0;
    const isLive = (): boolean => w.core.phase.name === 'live';
    for (; isLive() && passed < 30_000; passed += 500) {
      w.advance(500);
      if (isLive()) w.receive(notification(3, '/a', 4n));
    }
    expect(w.core.phase.name).toBe('dialing');
    expect(passed).toBeLessThanOrEqual((2 * T) / 3);
  });

  it('after standing still itself, pings and listens before it judges', () => {
    const w = new CoreWorld();
    w.goLive();
    w.advance(7000);
    expect(w.core.phase.name).toBe('live');
    expect(w.requests().map((r) => r.op.name)).toEqual(['ping']);
    expect(w.core.nextDeadline()).toBe(w.now + 1000);
    w.reply(-2);
    w.advance(1000);
    expect(w.core.phase.name).toBe('live');

    w.advance(7000);
    w.advance(1000);
    expect(w.core.phase.name).toBe('dialing');
  });
});
