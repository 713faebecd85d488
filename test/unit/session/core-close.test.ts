import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnClosedError, ConnectionLossError } from '../../../src/protocol/errors.js';
import { CoreWorld, errorOf } from '../../support/core-world.js';

describe('closing', () => {
  it('lets what was asked before be answered, then confirms', () => {
    const w = new CoreWorld();
    w.goLive();
    const before = w.get('/before');
    w.core.close(w.now);
    const after = w.get('/after');
    expect(errorOf(after)).toBeInstanceOf(ConnClosedError);
    expect(w.requests().map((r) => r.op.name)).toEqual(['getData', 'closeSession']);
    w.replyData(1);
    expect(before.result).toHaveProperty('value');
    w.reply(2);
    expect(w.events.slice(-2)).toEqual([
      { type: 'state', state: 'Closed', cause: undefined },
      { type: 'end', state: 'Closed', cause: undefined, confirmed: true },
    ]);
    expect(w.hungUp).toEqual([w.epoch]);
  });

  it('gives a stalled server its time and no more', () => {
    const w = new CoreWorld({ closeTimeoutMs: 700 });
    w.goLive();
    const stuck = w.set('/stuck');
    w.core.close(w.now);
    expect(w.core.nextDeadline()).toBe(w.now + 700);
    w.advance(700);
    expect(errorOf(stuck)).toMatchObject({ code: 'ZK_CLOSED', outcome: 'unknown' });
    expect(w.events.at(-1)).toMatchObject({ type: 'end', confirmed: false });
  });

  it.each([
    'idle',
    'dialing',
    'handshaking',
    'backoff',
    'live',
    'closing',
    'expired',
    'authFailed',
    'closed',
  ])('works from %s and leaves no deadline', (from) => {
    const w = new CoreWorld({ renewSession: false });
    if (from !== 'idle') w.core.open(w.now);
    if (from === 'handshaking') w.core.dialed(w.epoch);
    if (from === 'backoff') w.core.roundDone(w.epoch, w.now);
    if (from === 'live' || from === 'closing') w.goLive();
    if (from === 'expired') {
      w.goLive();
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.core.dialed(w.epoch);
      w.accept(0n, 0);
    }
    if (from === 'authFailed') {
      w.goLive();
      w.core.addAuth('x', Buffer.from('x'), null, w.now);
      w.reply(-4, { err: Errno.AuthFailed });
    }
    if (from === 'closing' || from === 'closed') w.core.close(w.now);
    if (from === 'closed') expect(w.core.phase.name).toBe('closed');
    else expect(w.core.phase.name).toBe(from);
    const waiting = from === 'idle' || from === 'backoff' ? w.set('/waiting') : null;
    w.core.close(w.now);
    w.core.close(w.now);
    if (w.core.phase.name === 'closing') w.advance(1000);
    expect(w.core.phase.name).toBe('closed');
    expect(w.core.nextDeadline()).toBe(Infinity);
    expect(w.events.filter((e) => e.type === 'end')).toHaveLength(1);
    expect(w.states.filter((s) => s === 'Closed')).toHaveLength(1);
    if (waiting !== null) expect(errorOf(waiting)).toMatchObject({ code: 'ZK_CLOSED', outcome: 'not-sent' });
  });

  it('finishes when the connection is lost meanwhile', () => {
    const w = new CoreWorld();
    w.goLive();
    w.core.close(w.now);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    expect(w.events.at(-1)).toMatchObject({ type: 'end', confirmed: false });
    expect(w.dials).toHaveLength(1);
  });
});
