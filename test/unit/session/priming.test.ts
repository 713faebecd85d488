/** Many watches are armed again over several turns, and nothing that was true of one turn becomes untrue. */
import { describe, expect, it } from 'vitest';
import { LinkError } from '../../../src/protocol/errors.js';
import { CoreWorld, RecordingWatcher, errorOf } from '../../support/core-world.js';

/** Paths of a kibibyte: about 127 of them fill a request. */
const pathOf = (i: number): string => `/${String(i).padStart(4, '0')}${'x'.repeat(1015)}`;
const PATHS = Array.from({ length: 400 }, (_, i) => pathOf(i));
const ZXID = 0x1_0000_0005n;

/** A session with a data watch on each path; replies say ZXID. */
function watching(paths: readonly string[] = PATHS): { w: CoreWorld; watchers: RecordingWatcher[] } {
  const w = new CoreWorld({ maxBytes: 1 << 24 });
  w.goLive();
  const watchers = paths.map(() => new RecordingWatcher());
  paths.forEach((path, i) => w.get(path, watchers[i]));
  w.flush();
  for (const { xid } of w.newRequests()) w.replyData(xid, ZXID);
  expect(w.core.watches.size).toBe(paths.length);
  return { w, watchers };
}

function lose(w: CoreWorld): void {
  w.core.ended(w.epoch, new LinkError('a:1', new Error('cut')), w.now);
}

function comeBack(w: CoreWorld, session = 0xabcn): void {
  lose(w);
  w.goLive(session);
}

/** The event loop has a turn. */
function turn(w: CoreWorld): void {
  for (const epoch of w.turns.splice(0)) w.core.traffic.goOn(epoch, w.now);
}

const namesOf = (w: CoreWorld): string[] => w.newRequests().map(({ op }) => op.name);
const armedIn = (w: CoreWorld): string[] =>
  w
    .requests()
    .flatMap(({ op, request }) => (op.name === 'setWatches' ? (request['dataWatches'] as string[]) : []));

describe('many watches on a new connection', () => {
  it('are armed by one request a turn, each watch once, and all before anything that waits', () => {
    const { w } = watching();
    comeBack(w);
    const get = w.get('/user');
    const turns = [namesOf(w)];
    while (w.turns.length > 0) {
      expect(w.turns).toEqual([w.epoch]);
      w.flush();
      w.core.drained(w.epoch, w.now);
      turn(w);
      turns.push(namesOf(w));
    }
    expect(turns).toEqual([['setWatches'], ['setWatches'], ['setWatches'], ['setWatches', 'getData']]);
    expect(armedIn(w)).toEqual(PATHS);
    w.requests().forEach(({ xid }) => w.replyData(xid, ZXID));
    expect(get.result).toHaveProperty('value');
  });

  it('go out in one turn if they are few', () => {
    const { w } = watching(PATHS.slice(0, 60));
    lose(w);
    w.get('/user');
    w.goLive();
    expect(w.turns).toEqual([]);
    expect(namesOf(w)).toEqual(['setWatches', 'getData']);
  });

  it('hold back a queue of more bytes than one write has', () => {
    const { w } = watching();
    comeBack(w);
    for (const path of PATHS.slice(0, 100)) w.get(path);
    expect(new Set(namesOf(w))).toEqual(new Set(['setWatches']));
    while (w.turns.length > 0) turn(w);
    expect(namesOf(w).slice(-100)).toEqual(new Array(100).fill('getData'));
  });

  it('let credentials and pings pass', () => {
    const { w } = watching();
    comeBack(w);
    w.newRequests();
    w.get('/user');
    w.core.addAuth('digest', Buffer.from('a:b'), null, w.now);
    w.advance(3000);
    expect(namesOf(w)).toEqual(['auth', 'ping']);
  });

  it('are not armed again if they have fired or were taken off meanwhile', () => {
    const { w, watchers } = watching();
    comeBack(w);
    w.core.watches.disarm('data', PATHS[399]!, watchers[399]!);
    w.notify(3, PATHS[398]!);
    while (w.turns.length > 0) turn(w);
    expect(armedIn(w)).toEqual(PATHS.slice(0, 398));
  });

  it('are all armed anew if the connection breaks in the middle', () => {
    const { w } = watching();
    comeBack(w);
    turn(w);
    const stale = [...w.turns];
    comeBack(w);
    w.get('/user');
    const before = w.writes;
    for (const epoch of stale) w.core.traffic.goOn(epoch, w.now);
    expect(w.writes).toBe(before);
    w.turns.splice(0, stale.length);
    while (w.turns.length > 0) turn(w);
    expect(armedIn(w)).toEqual(PATHS);
    expect(namesOf(w).at(-1)).toBe('getData');
  });

  it('miss nothing if that happens when some were answered: those count from before, until all are', () => {
    const { w } = watching();
    const since = (): unknown[] => w.requests().map(({ request }) => request['relativeZxid']);
    comeBack(w);
    w.reply(w.requests()[0]!.xid, { zxid: 0x1_0000_0099n });
    expect(w.core.lastZxid).toBe(0x1_0000_0099n);
    comeBack(w);
    expect(w.connectRequest().lastZxidSeen).toBe(0x1_0000_0099n);
    while (w.turns.length > 0) turn(w);
    expect(since()).toEqual(new Array(4).fill(ZXID));
    // also if all were sent, and the last one is not answered
    for (const { xid } of w.requests().slice(0, -1)) w.reply(xid, { zxid: 0x1_0000_0100n });
    comeBack(w);
    while (w.turns.length > 0) turn(w);
    expect(since()).toEqual(new Array(4).fill(ZXID));
    for (const { xid } of w.requests()) w.reply(xid, { zxid: 0x1_0000_0200n });
    comeBack(w);
    expect(since()).toEqual([0x1_0000_0200n]);
  });

  it('go out before the end of the session', () => {
    const { w } = watching();
    comeBack(w);
    w.get('/user');
    w.core.close(w.now);
    while (w.turns.length > 0) turn(w);
    expect(namesOf(w).slice(-3)).toEqual(['setWatches', 'getData', 'closeSession']);
    w.core.detach();
    turn(w);
    expect(w.core.phase.name).toBe('closed');
  });

  it.each(['detach', 'expiry'])('are left alone behind the end: %s', (end) => {
    const { w, watchers } = watching();
    comeBack(w);
    const fate = w.get('/user');
    const written = w.writes;
    if (end === 'detach') w.core.detach();
    else {
      lose(w);
      w.core.dialed(w.epoch);
      w.accept(0n, 0);
    }
    for (const epoch of w.turns.splice(0)) w.core.traffic.goOn(epoch, w.now);
    expect(errorOf(fate).outcome).toBe('not-sent');
    expect(watchers.every(({ heard }) => heard.length === 2)).toBe(true);
    if (end === 'detach') expect(w.writes).toBe(written);
    else {
      w.goLive(0xdefn);
      expect(w.newRequests()).toEqual([]);
      expect(w.turns).toEqual([]);
    }
  });

  it('of the next session count from its own beginning', () => {
    const { w } = watching();
    comeBack(w);
    lose(w);
    w.core.dialed(w.epoch);
    w.accept(0n, 0);
    w.goLive(0xdefn);
    w.get('/new', new RecordingWatcher());
    w.flush();
    w.replyData(w.newRequests()[0]!.xid, 3n);
    comeBack(w, 0xdefn);
    expect(w.requests().map(({ request }) => request['relativeZxid'])).toEqual([3n]);
  });
});
