/** What concerns all of very many watches takes several turns, and whatever comes in between, nobody hears less for that. */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { LinkError } from '../../../src/protocol/errors.js';
import type { WatchKind } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import { CoreWorld, RecordingWatcher } from '../../support/core-world.js';

const COUNT = 10_000;
/** No turn tells more, or takes more off the server. */
const MOST = 4096;
const pathOf = (i: number): string => `/a${String(i)}`;
const PERSISTENT = 0;

function watching(kind: WatchKind = 'persistent'): { w: CoreWorld; watchers: RecordingWatcher[] } {
  const w = new CoreWorld();
  w.goLive();
  const watchers = Array.from({ length: COUNT }, (_, i) => {
    const watcher = new RecordingWatcher();
    w.core.watches.arm(kind, pathOf(i), watcher);
    watcher.heard.pop();
    return watcher;
  });
  w.newRequests();
  return { w, watchers };
}

const lose = (w: CoreWorld): void => w.core.ended(w.epoch, new LinkError('x', new Error('cut')), w.now);

function turn(w: CoreWorld): void {
  for (const epoch of w.turns.splice(0)) w.core.traffic.goOn(epoch, w.now);
}

/** @returns how many turns there were */
function turns(w: CoreWorld, each: () => void = () => undefined): number {
  let count = 0;
  for (; w.turns.length > 0; count++) {
    turn(w);
    each();
  }
  return count;
}

/** How often the watchers heard something since this was last asked. */
function counter(watchers: readonly RecordingWatcher[]): () => number {
  let before = 0;
  return () => {
    const sum = watchers.reduce((n, { heard }) => n + heard.length, 0);
    const news = sum - before;
    before = sum;
    return news;
  };
}

const stories = (watchers: readonly RecordingWatcher[]): string[] => [
  ...new Set(watchers.map(({ heard }) => heard.join())),
];

describe('many who are told of a lost connection and of the next one', () => {
  it('are told over several turns, each of both, and before what waits goes out', () => {
    const { w, watchers } = watching();
    const news = counter(watchers);
    lose(w);
    expect(news()).toBe(MOST);
    expect(turns(w, () => expect(news()).toBeLessThanOrEqual(MOST))).toBe(2);
    expect(stories(watchers)).toEqual(['suspended']);
    w.get('/user');
    w.goLive();
    const seen = [news()];
    expect(w.newRequests().map(({ op }) => op.name)).not.toContain('getData');
    while (w.turns.length > 0) {
      expect(w.newRequests().map(({ op }) => op.name)).not.toContain('getData');
      turn(w);
      seen.push(news());
    }
    expect(seen).toEqual([MOST, MOST, COUNT - 2 * MOST]);
    expect(stories(watchers)).toEqual(['suspended,missed']);
    expect(w.newRequests().map(({ op }) => op.name)).toEqual(['getData']);
  });

  it('hear of everything once and in order, however early the next connection comes and goes', () => {
    const { w, watchers } = watching();
    const news = counter(watchers);
    for (let i = 0; i < 3; i++) {
      lose(w);
      if (i === 1) turn(w);
      w.goLive();
      if (i === 2) turn(w);
    }
    news();
    turns(w, () => expect(news()).toBeLessThanOrEqual(6 * MOST));
    expect(stories(watchers)).toEqual(['suspended,missed,suspended,missed,suspended,missed']);
    lose(w);
    turns(w);
    expect(stories(watchers)).toEqual(['suspended,missed,suspended,missed,suspended,missed,suspended']);
  });

  it('hear of it before an event that comes between two turns', () => {
    const { w, watchers } = watching();
    lose(w);
    w.goLive();
    const last = watchers[COUNT - 1]!;
    expect(last.heard).toEqual([]);
    w.notify(3, pathOf(COUNT - 1), 100n);
    expect(last.heard).toEqual(['suspended', 'missed', `NodeDataChanged ${pathOf(COUNT - 1)} 100`]);
    expect(watchers[COUNT - 2]!.heard).toEqual([]);
    turns(w);
    expect(last.heard).toHaveLength(3);
    expect(stories(watchers.slice(0, -1))).toEqual(['suspended,missed']);
  });

  it.each([
    ['closed', (w: CoreWorld) => w.core.detach(), 'ZK_CLOSED'],
    [
      'expired',
      (w: CoreWorld) => {
        lose(w);
        w.goLive(0xdefn);
      },
      'ZK_SESSION_EXPIRED',
    ],
  ] as const)('hear of it before the end, if the session is %s in between', (_, end, code) => {
    const { w, watchers } = watching();
    lose(w);
    w.goLive();
    end(w);
    for (const { heard } of watchers) {
      expect(heard.slice(0, 2)).toEqual(['suspended', 'missed']);
      expect(heard.at(-1)).toBe(code);
    }
    const ended = stories(watchers);
    expect(turns(w)).toBeLessThan(3);
    expect(stories(watchers)).toEqual(ended);
    expect(w.core.watches.isTelling).toBe(false);
  });

  it('hear of nothing if they leave meanwhile, nor does who comes', () => {
    const { w, watchers } = watching();
    lose(w);
    w.goLive();
    w.core.watches.disarm('persistent', pathOf(COUNT - 1), watchers[COUNT - 1]!);
    const [next, same] = [new RecordingWatcher(), new RecordingWatcher()];
    w.core.watches.arm('persistent', '/next', next);
    w.core.watches.arm('persistent', pathOf(COUNT - 2), same);
    turns(w);
    expect(watchers[COUNT - 1]!.heard).toEqual([]);
    expect(stories(watchers.slice(0, -1))).toEqual(['suspended,missed']);
    expect([next.heard, same.heard].map(({ length }) => length)).toEqual([1, 1]);
  });

  it('are told so too if all are on one path', () => {
    const w = new CoreWorld();
    w.goLive();
    const watchers = Array.from({ length: COUNT }, () => new RecordingWatcher());
    for (const watcher of watchers) {
      w.core.watches.arm('persistentRecursive', '/a', watcher);
      watcher.heard.pop();
    }
    const news = counter(watchers);
    lose(w);
    w.goLive();
    expect(news()).toBeLessThanOrEqual(3 * MOST);
    turns(w);
    expect(stories(watchers)).toEqual(['suspended,missed']);
  });
});

describe('many who leave at once', () => {
  function leave(w: CoreWorld, kind: WatchKind, watchers: readonly RecordingWatcher[]): void {
    watchers.forEach((watcher, i) => w.core.watches.disarm(kind, pathOf(i), watcher));
    w.flush();
  }
  const removed = (w: CoreWorld): string[] =>
    w
      .newRequests()
      .flatMap(({ op, request }) => (op === operations.removeWatches ? [request['path'] as string] : []));

  it('are taken off over several turns, each once, and hold up no call', () => {
    const { w, watchers } = watching();
    leave(w, 'persistent', watchers);
    // each flush of a turn might take as many
    for (let i = 0; i < 5; i++) w.flush();
    const all = [removed(w)];
    const get = w.get('/user');
    w.flush();
    expect(w.newRequests().map(({ xid }) => xid)).toEqual([get.pending.xid]);
    while (w.turns.length > 0) {
      expect(w.turns).toEqual([w.epoch]);
      turn(w);
      all.push(removed(w));
    }
    expect(all.map(({ length }) => length)).toEqual([MOST, MOST, COUNT - 2 * MOST]);
    expect(all.flat()).toEqual(watchers.map((_, i) => pathOf(i)));
  });

  it('are taken off so too behind the word that the server knows how', () => {
    const { w, watchers } = watching('data');
    leave(w, 'data', watchers);
    turns(w);
    expect([removed(w), w.versionsAsked.length, w.turns]).toEqual([[], 1, []]);
    w.core.traffic.versionIs(w.epoch, true, w.now);
    const all = [removed(w)];
    turns(w, () => all.push(removed(w)));
    expect(all.map(({ length }) => length)).toEqual([MOST, MOST, COUNT - 2 * MOST]);
    expect(all.flat()).toEqual(watchers.map((_, i) => pathOf(i)));
    expect(w.core.traffic.unwatching.isDue).toBe(false);
  });

  it('are not taken off where somebody else watches by then', () => {
    const { w, watchers } = watching();
    leave(w, 'persistent', watchers);
    const [last, other] = [pathOf(COUNT - 1), pathOf(COUNT - 2)];
    const watcher = new RecordingWatcher();
    const again = w.submit(operations.addWatch, { path: last, mode: PERSISTENT }, watcher);
    const refused = w.submit(operations.addWatch, { path: other, mode: PERSISTENT }, new RecordingWatcher());
    w.flush();
    const all = w.newRequests();
    turns(w, () => all.push(...w.newRequests()));
    expect(all).toHaveLength(COUNT);
    expect(all.filter(({ op }) => op === operations.removeWatches)).toHaveLength(COUNT - 2);
    for (const { xid } of all) {
      if (xid === refused.pending.xid) w.reply(xid, { err: Errno.SystemError });
      else w.reply(xid, xid === again.pending.xid ? { body: (out) => out.int(0) } : {});
    }
    w.flush();
    expect(removed(w)).toEqual([other]);
    w.notify(3, last, 100n);
    expect(watcher.heard.at(-1)).toBe(`NodeDataChanged ${last} 100`);
  });

  it('are forgotten with the connection, and nothing is done in the turns that it wanted', () => {
    const { w, watchers } = watching();
    leave(w, 'persistent', watchers);
    expect(removed(w)).toHaveLength(MOST);
    lose(w);
    w.goLive();
    turns(w);
    w.flush();
    expect(w.newRequests()).toEqual([]);
    expect(w.core.traffic.unwatching.isDue).toBe(false);
    // and the next connection has turns of its own
    w.core.watches.arm('persistent', '/a', watchers[0]!);
    w.core.watches.disarm('persistent', '/a', watchers[0]!);
    w.flush();
    expect(removed(w)).toEqual(['/a']);
  });

  it('are the concern of no server when the Conn closes', () => {
    const { w, watchers } = watching();
    leave(w, 'persistent', watchers);
    w.newRequests();
    w.core.close(w.now);
    w.flush();
    turns(w);
    expect(w.newRequests().map(({ op }) => op.name)).toEqual(['closeSession']);
  });
});
