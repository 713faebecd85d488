/** What goes over the wire for watches whose neighbours are still under way. */
import { describe, expect, it } from 'vitest';
import { LinkError } from '../../../src/protocol/errors.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { operations } from '../../../src/protocol/operations.js';
import type { WatchKind } from '../../../src/protocol/op.js';
import { CoreWorld, RecordingWatcher, dataBody, type SeenRequest } from '../../support/core-world.js';

const PERSISTENT = 0;
const RECURSIVE = 1;

function live(): CoreWorld {
  const w = new CoreWorld();
  w.goLive();
  return w;
}

function flushed(w: CoreWorld): SeenRequest[] {
  w.flush();
  return w.newRequests();
}

function addWatch(w: CoreWorld, path: string, mode: number, watcher = new RecordingWatcher()) {
  return w.submit(operations.addWatch, { path, mode }, watcher);
}

const READS = [
  ['data', operations.getData],
  ['exist', operations.exists],
  ['child', operations.getChildren2],
] as const;

/** The watch flags that reads of `/a` go out with, in the order of {@link READS}. */
function flagsOf(w: CoreWorld): unknown[] {
  for (const [, op] of READS) w.submit(op, { path: '/a', watch: true }, new RecordingWatcher());
  return flushed(w)
    .filter(({ op }) => READS.some(([, row]) => row === op))
    .map(({ request }) => request['watch']);
}

describe('reads with a watch behind an addWatch that is under way', () => {
  it.each([
    [PERSISTENT, [false, false, false]],
    [RECURSIVE, [false, false, true]],
  ])('do not take the place of mode %i (ZOOKEEPER-4466)', (mode, flags) => {
    const queued = live();
    addWatch(queued, '/a', mode);
    expect(flagsOf(queued), 'queued').toEqual(flags);
    const sent = live();
    addWatch(sent, '/a', mode);
    sent.flush();
    expect(flagsOf(sent), 'sent').toEqual(flags);
    const offline = new CoreWorld();
    offline.core.open(0);
    addWatch(offline, '/a', mode);
    for (const [, op] of READS) offline.submit(op, { path: '/a', watch: true }, new RecordingWatcher());
    offline.goLive();
    const reads = offline.requests().filter(({ op }) => op !== operations.addWatch);
    expect(
      reads.map(({ request }) => request['watch']),
      'offline',
    ).toEqual(flags);
  });

  it('ask for their own watch when it is of another path, or has gone', () => {
    const w = live();
    addWatch(w, '/b', PERSISTENT);
    expect(flagsOf(w)).toEqual([true, true, true]);
    const lost = live();
    addWatch(lost, '/a', PERSISTENT);
    lost.flush();
    lost.core.ended(lost.epoch, new LinkError('x', new Error('cut')), lost.now);
    lost.goLive();
    expect(flagsOf(lost)).toEqual([true, true, true]);
    const refused = live();
    const { pending } = addWatch(refused, '/a', PERSISTENT);
    refused.flush();
    refused.reply(pending.xid, { err: Errno.SystemError });
    expect(flagsOf(refused)).toEqual([true, true, true]);
    const withdrawn = live();
    const fate = addWatch(withdrawn, '/a', PERSISTENT);
    withdrawn.core.traffic.cancel(fate.pending, new Error('enough'));
    expect(flagsOf(withdrawn)).toEqual([true, true, true]);
  });

  it('are armed by themselves when it is refused', () => {
    const w = live();
    const persistent = addWatch(w, '/a', PERSISTENT);
    const watcher = new RecordingWatcher();
    const read = w.get('/a', watcher);
    w.flush();
    w.reply(persistent.pending.xid, { err: Errno.SystemError });
    w.replyData(read.pending.xid, 7n);
    const armed = flushed(w).find(({ op }) => op === operations.setWatches);
    expect(armed?.request).toMatchObject({ dataWatches: ['/a'], relativeZxid: 7n });
  });
});

describe('connections that we end on purpose while watches are armed anew', () => {
  function turns(count: number, end: (w: CoreWorld) => void): RecordingWatcher {
    const w = live();
    const watcher = new RecordingWatcher();
    const { pending } = addWatch(w, '/a', PERSISTENT, watcher);
    w.flush();
    w.reply(pending.xid, { body: (out) => out.int(0) });
    expect(watcher.heard).toEqual(['armed persistent /a']);
    for (let i = 0; i < count; i++) {
      end(w);
      w.goLive();
    }
    return watcher;
  }
  const why = new LinkError('x', new Error('why'));

  it('are no word of the server, however many', () => {
    const watcher = turns(20, (w) => w.core.reconnect(why, w.now));
    expect(watcher.heard.some((word) => word.startsWith('ZK_'))).toBe(false);
  });

  it('unlike those that the server ends', () => {
    const watcher = turns(20, (w) => w.core.ended(w.epoch, why, w.now));
    expect(watcher.heard.some((word) => word.startsWith('ZK_'))).toBe(true);
  });
});

describe('watches that were left while the version of the server is asked for', () => {
  function leave(w: CoreWorld, path: string, kinds: readonly WatchKind[]): void {
    const watcher = new RecordingWatcher();
    for (const kind of kinds) w.core.watches.arm(kind, path, watcher);
    for (const kind of kinds) w.core.watches.disarm(kind, path, watcher);
  }
  const removals = (requests: readonly SeenRequest[]): unknown[] =>
    requests.filter(({ op }) => op === operations.removeWatches).map(({ request }) => request);

  it('wait for the answer, and cost the calls in between nothing', () => {
    const w = live();
    leave(w, '/a', ['data']);
    leave(w, '/b', ['data', 'child']);
    w.flush();
    expect(w.versionsAsked).toHaveLength(1);
    expect(w.core.traffic.unwatching.isDue).toBe(false);
    leave(w, '/a', ['child']);
    expect(removals(flushed(w))).toEqual([]);
    w.core.versionIs(w.epoch, true, w.now);
    expect(removals(flushed(w))).toEqual([
      { path: '/a', type: 2 },
      { path: '/a', type: 1 },
      { path: '/b', type: 2 },
      { path: '/b', type: 1 },
    ]);
  });

  it('stay on a server that does not know how', () => {
    const w = live();
    leave(w, '/a', ['data']);
    w.flush();
    w.core.versionIs(w.epoch, false, w.now);
    expect(removals(flushed(w))).toEqual([]);
    expect(w.core.traffic.unwatching.isDue).toBe(false);
  });

  it('are not taken off when they are wanted again', () => {
    const w = live();
    leave(w, '/a', ['data']);
    w.flush();
    const { pending } = w.get('/a', new RecordingWatcher());
    w.flush();
    w.reply(pending.xid, { body: dataBody });
    w.core.versionIs(w.epoch, true, w.now);
    expect(removals(flushed(w))).toEqual([]);
  });
});

describe('a listener that hears of a connection and ends it', () => {
  it.each(['detach', 'reconnect'] as const)('by %s hears nothing more of its session', (verb) => {
    const w = new CoreWorld();
    const emit = w.emit.bind(w);
    w.emit = (event) => {
      emit(event);
      if (event.type !== 'state' || event.state !== 'SyncConnected') return;
      w.emit = emit;
      if (verb === 'detach') w.core.detach();
      else w.core.reconnect(new LinkError('x', new Error('why')), w.now);
    };
    w.goLive();
    expect(w.sessions).toEqual([]);
    if (verb === 'detach') return;
    w.goLive();
    expect(w.sessions).toEqual(['new']);
  });
});
