/**
 * One reply of every kind, and then every way to spoil it: cut after each byte, each bit flipped, each byte left out or
 * doubled. Whatever comes, nothing is thrown, every request settles once with an honest outcome, and the session goes on.
 */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnectionLossError, ZkError } from '../../src/protocol/errors.js';
import type { JuteWriter } from '../../src/protocol/jute.js';
import { operations } from '../../src/protocol/operations.js';
import {
  CoreWorld,
  RecordingWatcher,
  STAT,
  dataBody,
  notification,
  replyFrame,
} from '../support/core-world.js';

const acl = [{ perms: 31, scheme: 'world', id: 'anyone' }];
const created = (w: JuteWriter): void => operations.create2.writeResponse(w, { path: '/made', stat: STAT });

/** Starts the calls of the conversation; the first xid is 1. */
function call(w: CoreWorld): void {
  w.submit(operations.create, { path: '/a', data: null, acl, flags: 0 });
  w.submit(operations.create2, { path: '/b', data: Buffer.from('b'), acl, flags: 0 });
  w.submit(operations.createTTL, { path: '/t', data: null, acl, flags: 5, ttl: 1000 });
  w.submit(operations.getData, { path: '/a', watch: true }, new RecordingWatcher());
  w.submit(operations.exists, { path: '/none', watch: true }, new RecordingWatcher(), Errno.NoNode);
  w.submit(operations.getChildren2, { path: '/', watch: true }, new RecordingWatcher());
  w.submit(operations.getChildren, { path: '/', watch: false });
  w.submit(operations.setData, { path: '/a', data: Buffer.from('x'), version: -1 });
  w.submit(operations.getACL, { path: '/a' });
  w.submit(operations.sync, { path: '/a' });
  w.submit(operations.multi, { ops: [{ op: operations.check, request: { path: '/a', version: -1 } }] });
  w.submit(operations.delete, { path: '/a', version: -1 });
  w.flush();
}

const CALLS = 12;

/** What the server says to that. */
const ANSWER = Buffer.concat([
  replyFrame(1, { zxid: 1n, body: (w) => w.ustring('/a') }),
  replyFrame(2, { zxid: 2n, body: created }),
  replyFrame(3, { zxid: 3n, body: created }),
  replyFrame(-4, { zxid: 0n }),
  replyFrame(4, { zxid: 3n, body: dataBody }),
  notification(3, '/a', 4n),
  replyFrame(5, { zxid: 4n, err: Errno.NoNode }),
  replyFrame(6, {
    body: (w) => operations.getChildren2.writeResponse(w, { children: ['a', 'b'], stat: STAT }),
  }),
  replyFrame(-2),
  replyFrame(7, { body: (w) => operations.getChildren.writeResponse(w, { children: ['a', 'b'] }) }),
  replyFrame(8, { body: (w) => operations.setData.writeResponse(w, { stat: STAT }) }),
  replyFrame(9, { body: (w) => operations.getACL.writeResponse(w, { acl, stat: STAT }) }),
  replyFrame(10, { body: (w) => w.ustring('/a') }),
  replyFrame(11, {
    body: (w) =>
      operations.multi.writeResponse(w, { results: [{ errno: 0, op: operations.check, response: {} }] }),
  }),
  replyFrame(12, { zxid: 9n }),
]);

interface Outcome {
  readonly w: CoreWorld;
  readonly auth: string[];
}

function play(feed: (w: CoreWorld) => void): Outcome {
  const w = new CoreWorld();
  w.goLive();
  const auth: string[] = [];
  call(w);
  w.core.addAuth(
    'digest',
    Buffer.from('a:b'),
    { resolve: () => void auth.push('ok'), reject: (e) => void auth.push(e.code) },
    w.now,
  );
  feed(w);
  return { w, auth };
}

const isLive = (w: CoreWorld): boolean => w.core.phase.name === 'live';

/** Lets time pass until the link is given up if it hangs, resumes the session, closes, and looks at the books. */
function settleAll({ w, auth }: Outcome, what: string): { lost: boolean } {
  const lost = w.core.phase.name !== 'live' || w.settled.length < CALLS;
  if (w.core.phase.name === 'live' && lost) {
    // half a message and silence: the read deadline ends it
    for (let i = 0; i < 10 && isLive(w); i++) w.advance(Math.max(0, w.core.nextDeadline() - w.now));
    if (isLive(w)) throw new Error(`${what}: the link was never given up`);
  }
  if (w.core.phase.name === 'dialing') {
    w.goLive();
    if (w.sessions.join() !== 'new,resumed') throw new Error(`${what}: ${w.sessions.join()}`);
  }
  w.core.close(w.now);
  w.advance(5000);
  if (w.settled.length !== CALLS) throw new Error(`${what}: ${w.settled.length} of ${CALLS} settled`);
  if (auth.length !== 1) throw new Error(`${what}: auth settled ${auth.length} times`);
  for (const { pending, result } of w.settled) {
    if (result !== undefined && 'error' in result) {
      if (!ZkError.is(result.error))
        throw new Error(`${what}: ${pending.op.name} got ${String(result.error)}`);
      if (result.error.outcome === 'not-sent') throw new Error(`${what}: ${pending.op.name} was sent`);
    }
  }
  const xids = w.settled.map(({ pending }) => pending.xid);
  if (xids.some((xid, i) => xid !== i + 1)) throw new Error(`${what}: settled in the order ${xids.join()}`);
  return { lost };
}

describe('a conversation with every kind of reply [B1]', () => {
  it('succeeds when nothing is wrong with it', () => {
    const outcome = play((w) => w.receive(ANSWER));
    expect(outcome.w.settled.filter(({ result }) => result !== undefined && 'value' in result)).toHaveLength(
      CALLS,
    );
    expect(settleAll(outcome, 'intact')).toEqual({ lost: false });
    expect(outcome.auth).toEqual(['ok']);
  });

  it('decodes the same in chunks of any size', () => {
    for (let size = 1; size <= 300; size++) {
      const outcome = play((w) => {
        for (let at = 0; at < ANSWER.length; at += size) w.receive(ANSWER.subarray(at, at + size));
      });
      expect(settleAll(outcome, `chunks of ${size}`)).toEqual({ lost: false });
    }
  });

  it('survives a cut after every byte, by an end of the stream and by silence', () => {
    for (let at = 0; at < ANSWER.length; at++) {
      for (const how of ['end', 'silence'] as const) {
        const outcome = play((w) => {
          w.receive(ANSWER.subarray(0, at));
          if (how === 'end') w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
        });
        expect(settleAll(outcome, `${how} after ${at} bytes`).lost).toBe(true);
      }
    }
  });

  it('survives every flipped bit', () => {
    let lost = 0;
    for (let bit = 0; bit < ANSWER.length * 8; bit++) {
      const spoilt = Buffer.from(ANSWER);
      spoilt[bit >> 3] = (spoilt[bit >> 3] as number) ^ (1 << (bit & 7));
      const outcome = play((w) => w.receive(spoilt));
      if (outcome.w.core.phase.name === 'authFailed') continue;
      if (settleAll(outcome, `bit ${bit}`).lost) lost++;
    }
    // lengths, xids and counts cannot be spoilt unnoticed
    expect(lost).toBeGreaterThan(ANSWER.length);
  });

  it('survives every byte left out, and every byte doubled', () => {
    for (let at = 0; at < ANSWER.length; at++) {
      const without = Buffer.concat([ANSWER.subarray(0, at), ANSWER.subarray(at + 1)]);
      const twice = Buffer.concat([ANSWER.subarray(0, at + 1), ANSWER.subarray(at)]);
      for (const [what, bytes] of [
        [`without byte ${at}`, without],
        [`byte ${at} twice`, twice],
      ] as const) {
        const outcome = play((w) => w.receive(bytes));
        if (outcome.w.core.phase.name !== 'authFailed') settleAll(outcome, what);
      }
    }
  });
});
