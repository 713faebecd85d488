import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { AuthFailedError, ConnectionLossError, SessionExpiredError } from '../../../src/protocol/errors.js';
import { operations } from '../../../src/protocol/operations.js';
import {
  CoreWorld,
  RecordingWatcher,
  dataBody,
  errorOf,
  notification,
  replyFrame,
} from '../../support/core-world.js';

const T = 9000;

describe('the session', () => {
  it('is asked for again with its id, password and the highest zxid that it was told', () => {
    const w = new CoreWorld();
    w.goLive(0xdefn);
    w.get('/a');
    w.flush();
    w.replyData(1, 0x1_0000_0005n);
    w.notify(3, '/a', 0x1_0000_0099n);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(w.epoch);
    const again = w.connectRequest();
    expect(again).toMatchObject({ sessionId: 0xdefn, lastZxidSeen: 0x1_0000_0099n });
    expect(again.passwd).toEqual(Buffer.alloc(16, 7));
  });

  it('that the server calls expired is renewed: everything of the old one ends before the new one is seen', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    // an event is ahead of all replies
    w.notify(3, '/else', 0x1_0000_0099n);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/old');
    w.core.dialed(w.epoch);
    w.accept(0n, 0);
    expect(errorOf(waiting)).toBeInstanceOf(SessionExpiredError);
    expect(errorOf(waiting).outcome).toBe('not-sent');
    expect(watcher.heard).toEqual(['armed data /w', 'ZK_SESSION_EXPIRED']);
    expect(w.core.sessionId).toBe(0n);
    expect(w.core.lastZxid).toBe(0n);
    const fresh = w.set('/new');
    w.goLive(0x222n);
    expect(w.connectRequest()).toMatchObject({ sessionId: 0n, lastZxidSeen: 0n });
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/new']);
    expect(fresh.result).toBeUndefined();
    expect(w.sessions).toEqual(['new', 'expired', 'new']);
    expect(w.states).toEqual(['Connecting', 'SyncConnected', 'Disconnected', 'Expired', 'SyncConnected']);
    expect(w.core.sessionEpoch).toBe(2);
  });

  it('expires by our own clock at 4T/3 without a word, not before', () => {
    const w = new CoreWorld();
    w.goLive();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/a');
    const start = w.now;
    while (w.now < start + (4 * T) / 3 - 1) {
      w.advance(Math.min(w.core.nextDeadline() - w.now, start + (4 * T) / 3 - 1 - w.now));
      expect(w.sessions).toEqual(['new']);
    }
    w.advance(1);
    expect(w.sessions).toEqual(['new', 'expired']);
    expect(errorOf(waiting)).toMatchObject({ code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' });
  });

  it('that never was does not expire', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    for (let i = 0; i < 100; i++) w.advance(w.core.nextDeadline() - w.now);
    expect(w.sessions).toEqual([]);
    expect(w.states).toEqual(['Connecting']);
  });

  it('answered with another id is over, before the new id is seen', () => {
    const w = new CoreWorld();
    w.goLive(1n);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    const waiting = w.set('/old');
    w.core.dialed(w.epoch);
    w.accept(2n);
    expect(errorOf(waiting)).toBeInstanceOf(SessionExpiredError);
    expect(w.events.flatMap((e) => (e.type === 'session' ? [[e.what, e.id]] : []))).toEqual([
      ['new', 1n],
      ['expired', 1n],
      ['new', 2n],
    ]);
    expect(w.requests()).toEqual([]);
  });

  it('ends the Conn instead, if it is not to be renewed', () => {
    const w = new CoreWorld({ renewSession: false });
    w.goLive();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(w.epoch);
    w.accept(0n, 0);
    expect(w.core.phase.name).toBe('expired');
    expect(w.events.at(-1)).toMatchObject({ type: 'end', confirmed: false });
    expect(errorOf(w.get('/a'))).toMatchObject({ code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' });
    expect(w.core.nextDeadline()).toBe(Infinity);
    w.core.close(w.now);
    expect(w.core.phase.name).toBe('closed');
  });
});

describe('priming a new connection', () => {
  it('sends credentials, then the watches, then what waited', () => {
    const w = new CoreWorld();
    w.goLive();
    const waiter = { resolve: () => undefined, reject: () => undefined };
    w.core.addAuth('digest', Buffer.from('a:1'), waiter, w.now);
    w.core.addAuth('digest', Buffer.from('b:2'), null, w.now);
    w.get('/d', new RecordingWatcher());
    w.submit(operations.exists, { path: '/e', watch: true }, new RecordingWatcher(), Errno.NoNode);
    w.submit(operations.getChildren2, { path: '/c', watch: true }, new RecordingWatcher());
    w.flush();
    w.reply(-4, { zxid: 0n });
    w.replyData(1, 42n);
    w.reply(2, { zxid: 43n, err: Errno.NoNode });
    w.reply(3, {
      zxid: 44n,
      body: (b) => {
        b.int(0);
        dataBody({
          buffer: () => undefined,
          long: b.long.bind(b),
          longNumber: b.longNumber.bind(b),
          int: b.int.bind(b),
        } as never);
      },
    });
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.set('/waiting');
    w.goLive();
    const sent = w.requests();
    expect(sent.map((r) => r.op.name)).toEqual(['auth', 'auth', 'setWatches', 'setData']);
    expect(sent[0]?.request).toMatchObject({ scheme: 'digest', auth: Buffer.from('a:1') });
    expect(sent[2]?.request).toEqual({
      relativeZxid: 44n,
      dataWatches: ['/d'],
      existWatches: ['/e'],
      childWatches: ['/c'],
    });
    expect(sent[2]?.xid).toBeGreaterThan(0);
    w.reply(sent[2]!.xid);
    w.reply(sent[3]!.xid, { err: Errno.NoNode });
    expect(w.core.phase.name).toBe('live');
  });

  it('sends nothing where there is nothing', () => {
    const w = new CoreWorld();
    w.goLive();
    expect(w.frames()).toHaveLength(1);
  });

  it('ends the watches that the server refuses to arm again', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    w.reply(w.requests()[0]!.xid, { err: Errno.Marshalling });
    expect(watcher.heard.at(-1)).toBe('ZK_MARSHALLING_ERROR');
    expect(w.core.watches.size).toBe(0);
  });

  it('keeps the watches when the connection is lost before SetWatches is answered', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    for (let i = 0; i < 3; i++) {
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.goLive();
      expect(w.requests().map((r) => r.request['dataWatches'])).toEqual([['/w']]);
    }
    w.notify(3, '/w', -1n);
    expect(watcher.heard).toEqual(['armed data /w', 'NodeDataChanged /w -']);
  });
});

describe('credentials', () => {
  const waiter = (): { verdicts: string[]; resolve: () => void; reject: (e: Error) => void } => {
    const verdicts: string[] = [];
    return { verdicts, resolve: () => void verdicts.push('ok'), reject: (e) => void verdicts.push(e.name) };
  };

  it('are answered out of band, without disturbing the replies in order', () => {
    const w = new CoreWorld();
    w.goLive();
    const get = w.get('/a');
    const auth = waiter();
    w.core.addAuth('digest', Buffer.from('a:1'), auth, w.now);
    expect(w.requests().map((r) => r.op.name)).toEqual(['getData', 'auth']);
    w.reply(-4, { zxid: 0n });
    expect(auth.verdicts).toEqual(['ok']);
    w.replyData(1);
    expect(get.result).toHaveProperty('value');
  });

  it('that were not answered are sent again, and the caller gets the real answer', () => {
    const w = new CoreWorld();
    w.goLive();
    const auth = waiter();
    w.core.addAuth('digest', Buffer.from('a:1'), auth, w.now);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    expect(w.requests().map((r) => r.op.name)).toEqual(['auth']);
    expect(auth.verdicts).toEqual([]);
    w.reply(-4, { zxid: 0n });
    expect(auth.verdicts).toEqual(['ok']);
  });

  it('that are refused are the end of the Conn, loudly', () => {
    const w = new CoreWorld();
    w.goLive();
    const get = w.get('/a');
    const auth = waiter();
    w.core.addAuth('bogus', Buffer.from('x'), auth, w.now);
    w.reply(-4, { zxid: 0n, err: Errno.AuthFailed });
    expect(auth.verdicts).toEqual(['AuthFailedError']);
    expect(w.core.phase.name).toBe('authFailed');
    expect(w.states.at(-1)).toBe('AuthFailed');
    expect(errorOf(get)).toBeInstanceOf(AuthFailedError);
    expect(errorOf(w.get('/b')).outcome).toBe('not-sent');
    expect(w.core.nextDeadline()).toBe(Infinity);
  });
});

describe('watches', () => {
  it('are armed while the reply is processed: an event in the same chunk finds them', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/a', watcher);
    w.flush();
    w.receive(Buffer.concat([replyFrame(1, { body: dataBody }), notification(3, '/a', 8n)]));
    expect(watcher.heard).toEqual(['armed data /a', 'NodeDataChanged /a 8']);
  });

  it('are not armed by a failed read, but by exists on a missing node', () => {
    const w = new CoreWorld();
    w.goLive();
    const failed = new RecordingWatcher();
    const waiting = new RecordingWatcher();
    w.get('/a', failed);
    const exists = w.submit(operations.exists, { path: '/a', watch: true }, waiting, Errno.NoNode);
    w.flush();
    w.reply(1, { err: Errno.NoNode });
    w.reply(2, { err: Errno.NoNode });
    expect(exists.result).toEqual({ value: null });
    w.notify(1, '/a');
    expect(failed.heard).toEqual([]);
    expect(waiting.heard).toEqual(['armed exist /a', 'NodeCreated /a 9']);
  });

  it('of a request that was cut off are not armed', () => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = new RecordingWatcher();
    w.get('/a', watcher);
    w.flush();
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.goLive();
    expect(w.requests()).toEqual([]);
    expect(watcher.heard).toEqual([]);
  });
});
