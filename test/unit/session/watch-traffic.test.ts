/** What goes over the wire for watches whose neighbours are still under way. */
import { describe, expect, it } from 'vitest';
import { Xid } from '../../../src/protocol/constants.js';
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

describe('what the next connection takes over from the last one', () => {
  const cut = (w: CoreWorld): void => w.core.ended(w.epoch, new LinkError('x', new Error('cut')), w.now);

  it('is what waited: an addWatch still covers the reads behind it', () => {
    const w = live();
    addWatch(w, '/a', PERSISTENT);
    cut(w);
    for (const [, op] of READS) w.submit(op, { path: '/a', watch: true }, new RecordingWatcher());
    w.goLive();
    const reads = w.requests().filter(({ op }) => op !== operations.addWatch);
    expect(reads.map(({ request }) => request['watch'])).toEqual([false, false, false]);
  });

  it('is not what its server knows: another one is asked again whether it knows removeWatches', () => {
    const w = live();
    const leave = (): void => {
      const watcher = new RecordingWatcher();
      w.core.watches.arm('data', '/a', watcher);
      w.core.watches.disarm('data', '/a', watcher);
      w.flush();
    };
    leave();
    w.core.traffic.versionIs(w.epoch, true, w.now);
    expect(w.newRequests().map(({ op }) => op.name)).toEqual(['removeWatches']);
    cut(w);
    w.goLive();
    leave();
    expect(w.versionsAsked).toHaveLength(2);
    expect(w.newRequests()).toEqual([]);
    w.core.traffic.versionIs(w.epoch, false, w.now);
    expect(w.newRequests()).toEqual([]);
  });
});

describe('watches that the server does not arm again for the moment', () => {
  const { ThrottledOp, SessionMoved, OperationTimeout, SystemError } = Errno;

  it.each([
    ['ThrottledOp', ThrottledOp],
    ['SessionMoved', SessionMoved],
    ['OperationTimeout', OperationTimeout],
  ])('go on, on the next connection, behind a pause that grows: %s', (_name, err) => {
    const w = live();
    const watcher = new RecordingWatcher();
    const read = w.get('/a', watcher);
    w.flush();
    w.replyData(read.pending.xid, 7n);
    w.serverCount = 1;
    w.core.ended(w.epoch, new LinkError('x', new Error('cut')), w.now);
    const pauses: number[] = [];
    for (let i = 0; i < 7; i++) {
      const { phase } = w.core;
      if (phase.name === 'backoff') pauses.push(phase.until - w.now);
      w.goLive();
      const [arming, ...more] = w.newRequests();
      expect(more).toEqual([]);
      expect(arming).toMatchObject({ op: operations.setWatches, request: { relativeZxid: 7n } });
      // what the server has seen meanwhile is not what the watch has
      if (i < 6) w.reply(arming!.xid, { err, zxid: 99n });
      else w.reply(arming!.xid, { zxid: 99n });
    }
    expect(pauses).toEqual([50, 100, 200, 400, 500, 500, 500]);
    expect(w.core.phase.name).toBe('live');
    expect(w.hungUpOps).toEqual([]);
    expect(watcher.heard.filter((word) => word.startsWith('ZK_'))).toEqual([]);
    w.notify(3, '/a', 100n);
    expect(watcher.heard.at(-1)).toBe('NodeDataChanged /a 100');
  });

  it('go on too where that was behind a removal', () => {
    const w = live();
    const watcher = new RecordingWatcher();
    const persistent = addWatch(w, '/a', PERSISTENT);
    const read = w.get('/a', watcher);
    w.flush();
    w.reply(persistent.pending.xid, { err: SystemError });
    w.replyData(read.pending.xid, 7n);
    const armed = flushed(w).find(({ op }) => op === operations.setWatches);
    w.reply(armed!.xid, { err: ThrottledOp });
    expect(w.core.phase.name).not.toBe('live');
    w.goLive();
    expect(w.newRequests()).toMatchObject([
      { op: operations.setWatches, request: { dataWatches: ['/a'], relativeZxid: 7n } },
    ]);
    expect(watcher.heard.filter((word) => word.startsWith('ZK_'))).toEqual([]);
  });

  it('end where the server says no for good', () => {
    const w = live();
    const watcher = new RecordingWatcher();
    const read = w.get('/a', watcher);
    w.flush();
    w.replyData(read.pending.xid, 7n);
    w.core.ended(w.epoch, new LinkError('x', new Error('cut')), w.now);
    w.goLive();
    w.reply(w.newRequests()[0]!.xid, { err: SystemError });
    expect(watcher.heard.at(-1)).toBe('ZK_SYSTEM_ERROR');
    expect(w.core.phase.name).toBe('live');
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
    w.core.traffic.versionIs(w.epoch, true, w.now);
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
    w.core.traffic.versionIs(w.epoch, false, w.now);
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
    w.core.traffic.versionIs(w.epoch, true, w.now);
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

describe('a child watch beside a recursive one of the same path', () => {
  async function armed(order: readonly ('child' | 'recursive')[]): Promise<CoreWorld> {
    const w = live();
    for (const what of order) {
      const { pending } =
        what === 'recursive'
          ? addWatch(w, '/a', RECURSIVE)
          : w.submit(operations.getChildren, { path: '/a', watch: true }, new RecordingWatcher());
      w.flush();
      w.reply(pending.xid, { zxid: 7n, body: (out) => out.int(0) });
    }
    await Promise.resolve();
    return w;
  }
  const arming = (requests: readonly SeenRequest[]): SeenRequest[] =>
    requests.filter(({ op }) => op === operations.setWatches || op === operations.setWatches2);

  it('is armed again behind that, as before 3.9 it has lost its place (ZOOKEEPER-4466)', async () => {
    const w = await armed(['child', 'recursive']);
    const again = arming(flushed(w));
    expect(again.at(-1)?.request).toMatchObject({
      childWatches: ['/a'],
      relativeZxid: 7n,
    });
    expect(again.at(-1)?.op).toBe(operations.setWatches);
  });

  it('is left alone when it came later', async () => {
    expect(arming(flushed(await armed(['recursive', 'child'])))).toEqual([]);
  });

  it('comes last on a new connection', async () => {
    const w = await armed(['recursive', 'child']);
    w.core.ended(w.epoch, new LinkError('x', new Error('cut')), w.now);
    w.goLive();
    expect(arming(w.requests()).map(({ op, request }) => [op.name, request['childWatches']])).toEqual([
      ['setWatches2', []],
      ['setWatches', ['/a']],
    ]);
  });
});

describe('what is remembered of requests under way', () => {
  it('goes with those that are given up before they are sent', () => {
    const w = live();
    w.flush();
    const all = Array.from({ length: 1000 }, (_, i) => addWatch(w, `/a${String(i)}`, PERSISTENT));
    for (const { pending } of all) w.core.traffic.cancel(pending, new Error('enough'));
    w.flush();
    const arming = (w.core.traffic as unknown as { arming: { counts: Map<string, number> } }).arming;
    expect(arming.counts.size).toBe(0);
  });

  it('keeps a watch from being taken off until they are answered, and is not looked at before', () => {
    const w = live();
    const watcher = new RecordingWatcher();
    w.core.watches.arm('data', '/a', watcher);
    const { pending } = w.get('/a', new RecordingWatcher());
    w.flush();
    w.core.watches.disarm('data', '/a', watcher);
    expect(flushed(w).map(({ op }) => op.name)).toEqual(['getData']);
    expect(w.core.traffic.unwatching.isDue).toBe(false);
    w.reply(pending.xid, { err: Errno.NoNode });
    expect(w.core.traffic.unwatching.isDue).toBe(true);
    w.flush();
    expect(w.versionsAsked).toHaveLength(1);
  });

  it('lets a watch be taken off as well when the request is given up before it is sent', () => {
    const w = live();
    w.writable = false;
    w.get('/full');
    w.flush();
    const watcher = new RecordingWatcher();
    w.core.watches.arm('data', '/a', watcher);
    const { pending } = w.get('/a', new RecordingWatcher());
    w.core.watches.disarm('data', '/a', watcher);
    w.flush();
    expect(w.versionsAsked).toHaveLength(0);
    w.core.traffic.cancel(pending, new Error('enough'));
    w.writable = true;
    w.core.drained(w.epoch, w.now);
    w.flush();
    expect(w.versionsAsked).toHaveLength(1);
  });
});

describe('a listener that hears of refused credentials', () => {
  it('may begin anew: the end comes before, and not behind it', () => {
    const w = live();
    const emit = w.emit.bind(w);
    w.emit = (event) => {
      emit(event);
      if (event.type === 'state' && event.state === 'AuthFailed') {
        w.core.reconnect(new LinkError('x', new Error('why')), w.now);
      }
    };
    w.core.addAuth('digest', Buffer.from('a:b'), null, w.now);
    w.reply(Xid.AUTH, { err: Errno.AuthFailed });
    const words = w.events.flatMap((e) => (e.type === 'state' ? [e.state] : e.type === 'end' ? ['end'] : []));
    expect(words.slice(-3)).toEqual(['end', 'AuthFailed', 'Connecting']);
  });
});
