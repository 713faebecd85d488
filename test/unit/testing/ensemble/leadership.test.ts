import { expect, it } from 'vitest';
import { parseConfig } from '../../../../src/protocol/ensemble-config.js';
import type { Entry } from '../../../../src/testing/ensemble/history.js';
import { Leadership, type Follower } from '../../../../src/testing/ensemble/leadership.js';
import { resolveOptions } from '../../../../src/testing/options.js';
import { ServerState } from '../../../../src/testing/server-state.js';
import { VirtualClock } from '../../../../src/testing.js';

it('commits to every follower in the order of the zxids, also what a commit gives rise to at once', () => {
  const state = new ServerState(resolveOptions({ clock: new VirtualClock() }));
  const open = (id: bigint): bigint => leadership.openSession(first, id, Buffer.alloc(16), 6_000);
  const committed: Record<string, bigint[]> = { first: [], second: [] };
  const follower = (id: number, commit: (entry: Entry) => void): Follower => ({
    id,
    isCut: false,
    accept: () => undefined,
    commit,
  });
  const first = follower(1, ({ zxid }) => {
    committed['first']!.push(zxid);
    // a client whose request is answered by it, and who asks for the next thing
    if (committed['first']!.length < 3) open(zxid);
  });
  const second = follower(2, ({ zxid }) => void committed['second']!.push(zxid));
  const config = parseConfig('server.1=a:1:2:participant;3\nserver.2=b:1:2:participant;3\nversion=0\n');
  const leadership = new Leadership(
    first,
    1,
    { state, historyZxid: 0n, config },
    { reconfigEnabled: false, reconfigured: () => undefined, isPaused: () => false, keeps: () => false },
  );
  leadership.followers.add(first).add(second);
  open(7n);
  leadership.end();
  const zxids = [1n, 2n, 3n].map((n) => (1n << 32n) + n);
  expect(committed).toEqual({ first: zxids, second: zxids });
});
