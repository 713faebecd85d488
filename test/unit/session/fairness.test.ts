/** Nothing small and urgent is ever stuck behind a large queue. */
import { describe, expect, it } from 'vitest';
import { CoreWorld, RecordingWatcher } from '../../support/core-world.js';

const QUEUE = 5000;

/** A session whose socket wants no more, with a large queue. */
function blocked(): CoreWorld {
  const w = new CoreWorld({ maxRequests: 2 * QUEUE, maxBytes: 64 << 20 });
  w.goLive();
  w.writable = false;
  w.set('/first');
  w.flush();
  for (let i = 0; i < QUEUE; i++) w.set('/queued');
  w.flush();
  expect(w.core.load.waiting).toBe(QUEUE);
  w.newRequests();
  return w;
}

const names = (w: CoreWorld): string[] => w.newRequests().map(({ op }) => op.name);

describe('[A6.11] behind a large queue on a socket that wants no more', () => {
  it('a ping goes out when it is due, before anything that waits, and its round trip is measured', () => {
    const w = blocked();
    w.advance(w.core.nextDeadline() - w.now);
    expect(names(w)).toEqual(['ping']);
    w.now += 12;
    w.reply(-2);
    expect(w.core.liveness.pingMs).toBe(12);
    expect(w.core.load.waiting).toBe(QUEUE);
  });

  it('a credential goes out at once, and does not press the queue into the socket', () => {
    const w = blocked();
    w.core.addAuth('digest', Buffer.from('a:1'), null, w.now);
    expect(names(w)).toEqual(['auth']);
    expect(w.core.load.waiting).toBe(QUEUE);
    w.advance(w.core.nextDeadline() - w.now);
    expect(names(w)).toEqual(['ping']);
  });

  it('credentials and watches are the first things on the next connection, and it is filled only as far as it takes', () => {
    const w = new CoreWorld({ maxRequests: 2 * QUEUE, maxBytes: 64 << 20 });
    w.goLive();
    w.core.addAuth('digest', Buffer.from('a:1'), null, w.now);
    w.reply(-4);
    w.get('/watched', new RecordingWatcher());
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, new Error('cut') as never, w.now);
    for (let i = 0; i < QUEUE; i++) w.set('/queued');
    w.writable = false;
    w.goLive();
    const [auth, watches, ...queued] = names(w);
    expect([auth, watches]).toEqual(['auth', 'setWatches']);
    expect(queued.length).toBeLessThan(QUEUE);
    w.advance(w.core.nextDeadline() - w.now);
    expect(names(w)).toEqual(['ping']);
  });
});

describe('a socket that drains before there is a session', () => {
  it('gets nothing but the handshake', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.get('/a');
    w.core.drained(w.epoch, w.now);
    w.core.dialed(w.epoch);
    w.core.drained(w.epoch, w.now);
    expect(w.frames()).toHaveLength(1);
    w.accept(1n);
    expect(names(w)).toEqual(['getData']);
  });
});
