/** Corners of the session core in which something could be lost, doubled, overtaken or said wrongly. */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnectionLossError, type ZkError } from '../../../src/protocol/errors.js';
import {
  CoreWorld,
  RecordingWatcher,
  dataBody,
  errorOf,
  notification,
  replyFrame,
} from '../../support/core-world.js';

const loss = (): ConnectionLossError => new ConnectionLossError({ outcome: 'unknown' });

/** Whoever presents a credential, and what he heard: `ok`, or the code and the outcome. */
function authWaiter(): { heard: string[]; resolve: () => void; reject: (error: ZkError) => void } {
  const heard: string[] = [];
  return {
    heard,
    resolve: () => void heard.push('ok'),
    reject: ({ code, outcome, op }) => void heard.push(`${op ?? '?'} ${code} ${outcome}`),
  };
}

function armed(w: CoreWorld, paths: readonly string[]): RecordingWatcher[] {
  return paths.map((path) => {
    const watcher = new RecordingWatcher();
    const { pending } = w.get(path, watcher);
    w.flush();
    w.replyData(pending.xid);
    return watcher;
  });
}

describe('watches', () => {
  it('are armed again in frames that are no longer than a request may be', () => {
    const w = new CoreWorld({ maxRequestBytes: 200 });
    w.goLive();
    const paths = Array.from({ length: 40 }, (_, i) => `/watched/${i}`);
    armed(w, paths);
    w.core.ended(w.epoch, loss(), w.now);
    w.goLive();
    const sent = w.requests();
    expect(sent.map((r) => r.op.name)).toEqual(sent.map(() => 'setWatches'));
    expect(sent.flatMap((r) => r.request['dataWatches']).sort()).toEqual([...paths].sort());
    for (const frame of w.frames().slice(1)) expect(frame.length).toBeLessThanOrEqual(200);
  });

  it('that cannot be armed again, because that takes more bytes than a request may have, end with the reason', () => {
    const path = `/${'x'.repeat(87)}`;
    // a getData of this path just fits, a SetWatches does not
    const w = new CoreWorld({ maxRequestBytes: 8 + 4 + path.length + 1 });
    w.goLive();
    const [watcher] = armed(w, [path]);
    w.core.ended(w.epoch, loss(), w.now);
    w.goLive();
    expect(watcher?.heard).toEqual([`armed data ${path}`, 'ZK_REQUEST_TOO_LARGE']);
    expect(w.core.watches.size).toBe(0);
  });
});

describe('an event behind the reply that armed its watch [C17]', () => {
  const getW = (w: CoreWorld): RecordingWatcher => {
    const watcher = new RecordingWatcher();
    w.get('/w', watcher);
    w.get('/behind');
    w.flush();
    return watcher;
  };

  it.each([
    ['in one chunk', (frames: Buffer[]) => [Buffer.concat(frames)]],
    ['each in a chunk of its own', (frames: Buffer[]) => frames],
  ])('keeps the data behind it waiting: %s', (_name, chunks) => {
    const w = new CoreWorld();
    w.goLive();
    const watcher = getW(w);
    const frames = [
      replyFrame(1, { body: dataBody }),
      notification(3, '/w'),
      replyFrame(2, { body: dataBody }),
    ];
    for (const chunk of chunks(frames)) w.core.bytes(w.epoch, chunk, w.now);
    expect(watcher.heard).toEqual(['armed data /w', 'NodeDataChanged /w 9']);
    expect(w.settled.map((f) => f.pending.path)).toEqual(['/w']);
    w.core.resume(w.epoch, w.now);
    expect(w.settled.map((f) => f.pending.path)).toEqual(['/w', '/behind']);
  });

  it('keeps it waiting also when the stream has ended behind it, and loses nothing', () => {
    const w = new CoreWorld();
    w.goLive();
    getW(w);
    const frames = [
      replyFrame(1, { body: dataBody }),
      notification(3, '/w'),
      replyFrame(2, { body: dataBody }),
    ];
    w.core.bytes(w.epoch, Buffer.concat(frames), w.now);
    w.core.ended(w.epoch, loss(), w.now);
    expect(w.core.phase.name).toBe('live');
    expect(w.settled).toHaveLength(1);
    w.core.resume(w.epoch, w.now);
    expect(w.settled.map((f) => 'value' in f.result!)).toEqual([true, true]);
    expect(w.core.phase.name).toBe('dialing');
  });
});

describe('credentials', () => {
  it('come behind the requests that were made before them', () => {
    const w = new CoreWorld();
    w.goLive();
    w.set('/before');
    w.core.addAuth('digest', Buffer.from('a:1'), null, w.now);
    w.set('/behind');
    w.flush();
    expect(w.requests().map((r) => r.request['path'] ?? r.op.name)).toEqual(['/before', 'auth', '/behind']);
  });

  it('that were sent and not answered end as unknown, those that were not as not-sent', () => {
    const closed = new CoreWorld();
    closed.goLive();
    const sent = authWaiter();
    closed.core.addAuth('digest', Buffer.from('a:1'), sent, closed.now);
    closed.core.close(closed.now);
    closed.advance(5000);
    expect(sent.heard).toEqual(['auth ZK_CLOSED unknown']);

    const offline = new CoreWorld();
    offline.core.open(offline.now);
    const waiting = authWaiter();
    offline.core.addAuth('digest', Buffer.from('a:1'), waiting, offline.now);
    offline.core.close(offline.now);
    expect(waiting.heard).toEqual(['auth ZK_CLOSED not-sent']);
  });

  it('that were sent time out as unknown, also if the connection is gone meanwhile', () => {
    const w = new CoreWorld({ requestTimeoutMs: 500 });
    w.goLive();
    const sent = authWaiter();
    w.core.addAuth('digest', Buffer.from('a:1'), sent, w.now);
    w.core.ended(w.epoch, loss(), w.now);
    const waiting = authWaiter();
    w.core.addAuth('digest', Buffer.from('b:2'), waiting, w.now);
    w.advance(500);
    expect(sent.heard).toEqual(['auth ZK_REQUEST_TIMEOUT unknown']);
    expect(waiting.heard).toEqual(['auth ZK_REQUEST_TIMEOUT not-sent']);
    // they are presented all the same
    w.goLive();
    expect(w.requests().map((r) => r.op.name)).toEqual(['auth', 'auth']);
  });

  it('that the server never judged, because another one was refused, are not called rejected', () => {
    const w = new CoreWorld();
    w.goLive();
    const [refused, other] = [authWaiter(), authWaiter()];
    w.core.addAuth('bogus', Buffer.from('x'), refused, w.now);
    w.core.addAuth('digest', Buffer.from('a:1'), other, w.now);
    w.reply(-4, { zxid: 0n, err: Errno.AuthFailed });
    expect(refused.heard).toEqual(['auth ZK_AUTH_FAILED rejected']);
    expect(other.heard).toEqual(['auth ZK_AUTH_FAILED unknown']);
  });
});

describe('the session', () => {
  it('answered with another id is the end of a Conn that is not to renew it', () => {
    const w = new CoreWorld({ renewSession: false });
    w.goLive(1n);
    w.core.ended(w.epoch, loss(), w.now);
    const waiting = w.set('/old');
    w.core.dialed(w.epoch);
    w.accept(2n);
    expect(w.core.phase.name).toBe('expired');
    expect(w.sessions).toEqual(['new', 'expired']);
    expect(errorOf(waiting)).toMatchObject({ code: 'ZK_SESSION_EXPIRED', outcome: 'not-sent' });
  });

  it('expires by our own clock although servers answer rubbish', () => {
    const w = new CoreWorld();
    w.goLive();
    const cut = w.now;
    w.core.ended(w.epoch, loss(), w.now);
    while (w.sessions.length === 1 && w.now < cut + 100_000) {
      if (w.core.phase.name === 'dialing') {
        w.core.dialed(w.epoch);
        w.receive(Buffer.from([0, 0, 0, 2, 1, 2]));
      }
      w.advance(Math.max(1, w.core.nextDeadline() - w.now));
    }
    expect(w.now - cut).toBe(12_000);
  });
});

describe('a request that is refused for its size', () => {
  it('leaves no room behind that was made for it', () => {
    const w = new CoreWorld();
    w.goLive();
    const { outbox } = (w.core.traffic as unknown as { queue: { outbox: { buf: Buffer } } }).queue;
    w.submit(w.set('/a').pending.op, { path: '/a', data: Buffer.alloc(8 << 20), version: -1 });
    expect(errorOf(w.settled[0]!)).toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE' });
    expect(outbox.buf.length).toBe(64 * 1024);
    w.flush();
    expect(w.requests().map((r) => r.request['path'])).toEqual(['/a']);
  });
});

describe('bytes from a dialer that has not said that the connection is up', () => {
  it.each([
    ['an answer to the handshake', (w: CoreWorld) => w.accept(1n)],
    ['a credential that is refused', (w: CoreWorld) => w.reply(-4, { err: Errno.AuthFailed })],
    ['one byte', (w: CoreWorld) => w.receive(Buffer.from([0]))],
  ])('cost the attempt and nothing else: %s', (_, send) => {
    const w = new CoreWorld();
    w.goLive();
    w.get('/a', new RecordingWatcher());
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, loss(), w.now);
    const early = w.epoch;
    send(w);
    expect(w.core.phase.name).toBe('dialing');
    expect(w.epoch).toBe(early + 1);
    expect(w.events.at(-1)).toMatchObject({ type: 'attemptFailed', error: { code: 'ZK_HANDSHAKE' } });
    w.goLive();
    expect(w.sessions).toEqual(['new', 'resumed']);
  });
});
