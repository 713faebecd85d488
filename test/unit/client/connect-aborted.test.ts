/** A connect that is given up, after each thing that happens while it is under way. */
import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { connect, type Dialer } from '../../../src/index.js';
import { MiniServer, VirtualClock } from '../../../src/testing.js';

const REASON = new Error('enough');

/** Words for what happens to links, in order; `then` is called behind each of them. */
function spied(dialer: Dialer, then: (what: string) => void): { readonly dial: Dialer; open: number } {
  const self = { dial: dialer, open: 0 };
  self.dial = (server, events) => {
    self.open++;
    const link = dialer(server, {
      onConnect: () => {
        events.onConnect();
        then('connected');
      },
      onData: (chunk) => {
        // byte by byte, so that each place in an answer has its turn
        for (let i = 0; i < chunk.length; i++) {
          events.onData(Buffer.from(chunk.subarray(i, i + 1)));
          then('byte');
        }
      },
      onDrain: () => events.onDrain(),
      onEnd: () => events.onEnd(),
      onClose: (error) => {
        self.open--;
        events.onClose(error);
        then('closed');
      },
    });
    then('dialed');
    return {
      write: (bytes) => {
        const more = link.write(bytes);
        then('wrote');
        return more;
      },
      destroy: () => link.destroy(),
    };
  };
  return self;
}

/** @returns what had happened when it was given up; null if it was done before */
async function abortedAfter(steps: number, withAuth: boolean): Promise<readonly string[] | null> {
  const clock = new VirtualClock();
  const server = await MiniServer.start({ clock });
  const controller = new AbortController();
  const happened: string[] = [];
  let outcome: unknown = 'open';
  const links = spied(server.dialer, (what) => {
    if (outcome !== 'open') return;
    happened.push(what);
    if (happened.length === steps) controller.abort(REASON);
  });
  const options = {
    clock,
    dialer: links.dial,
    ...(withAuth && { auth: [{ scheme: 'digest', auth: 'ada:secret' }] }),
  };
  const connecting = connect(server.connectString, options, { signal: controller.signal });
  const settled = connecting.then(
    (conn) => {
      outcome = 'connected';
      return conn;
    },
    (error: unknown) => {
      outcome = error;
      return null;
    },
  );
  if (steps === 0) controller.abort(REASON);
  const conn = await clock.advanceUntil(settled);
  if (conn !== null) await clock.advanceUntil(conn.close());
  else expect(outcome).toBe(REASON);
  await clock.settle();
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  expect(links.open).toBe(0);
  expect(server.connectionCount).toBe(0);
  // a session that was made meanwhile is closed; one that nobody was told of ends by itself
  if (server.sessions.length > 0) await clock.advance(60_000);
  expect(server.sessions).toEqual([]);
  await server.close();
  await clock.settle();
  expect(clock.pending).toBe(0);
  return conn === null ? happened : null;
}

describe.each([
  ['without credentials', false],
  ['with a credential', true],
])('connect %s', (_name, withAuth) => {
  it('that is aborted at any point rejects with the reason, and leaves nothing', async () => {
    let longest: readonly string[] = [];
    let steps = 0;
    for (; ; steps++) {
      const happened = await abortedAfter(steps, withAuth);
      if (happened === null) break;
      longest = happened;
    }
    expect(new Set(longest)).toEqual(new Set(['dialed', 'connected', 'wrote', 'byte', 'closed']));
    // every byte of the answer to the handshake, but for the last, which makes it a session
    expect(steps).toBeGreaterThan(40);
  });
});
