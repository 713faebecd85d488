/** Sessions that come from another Conn, servers in read-only mode, and leaving a server on purpose. */
import { describe, expect, it } from 'vitest';
import { ConnectionLossError, HandshakeError, LinkError } from '../../../src/protocol/errors.js';
import { CoreWorld, RecordingWatcher, errorOf, framed, replyFrame } from '../../support/core-world.js';
import { JuteWriter } from '../../../src/protocol/jute.js';

const SESSION = { id: 0x77n, passwd: Buffer.alloc(16, 9) };
const LEFT = new LinkError('a:1', new Error('left on purpose'));

describe('a session that was handed over', () => {
  it('is asked for at once, and goes on', () => {
    const w = new CoreWorld({ session: SESSION });
    w.now = 1_000_000;
    w.goLive(SESSION.id);
    const { sessionId, passwd } = w.connectRequest();
    expect([sessionId, Buffer.from(passwd!)]).toEqual([SESSION.id, SESSION.passwd]);
    expect(w.sessions).toEqual(['resumed']);
    expect(w.core.sessionEpoch).toBe(1);
  });

  it('that has expired is over before there is another one', () => {
    const w = new CoreWorld({ session: SESSION });
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.accept(0n, 0);
    w.goLive(0x78n);
    expect(w.sessions).toEqual(['expired', 'new']);
    expect(w.core.sessionEpoch).toBe(2);
  });
});

describe('detach', () => {
  it('ends the Conn and sends nothing', () => {
    const w = new CoreWorld();
    w.goLive();
    w.newRequests();
    const [sent, waiting] = [w.get('/a'), w.get('/b')];
    w.core.detach();
    expect(w.newRequests()).toEqual([]);
    expect(w.hungUp).toEqual([w.epoch]);
    expect(w.core.phase).toEqual({ name: 'closed', confirmed: false });
    expect([errorOf(sent).code, errorOf(waiting).code]).toEqual(['ZK_CLOSED', 'ZK_CLOSED']);
    w.core.detach();
    w.core.close(w.now);
  });
});

describe('leaving a server', () => {
  it('dials the next one at once, and the session goes on', () => {
    const w = new CoreWorld();
    w.serverCount = 1;
    w.goLive();
    const sent = w.set('/a');
    w.flush();
    w.core.reconnect(LEFT, w.now);
    expect(w.core.phase.name).toBe('dialing');
    expect(errorOf(sent)).toBeInstanceOf(ConnectionLossError);
    w.goLive();
    expect(w.sessions).toEqual(['new', 'resumed']);
  });

  it('is nothing while there is none', () => {
    const w = new CoreWorld();
    w.core.reconnect(LEFT, w.now);
    expect(w.core.phase.name).toBe('idle');
  });
});

describe('a server in read-only mode', () => {
  it('will do if it may, and is told apart [E18]', () => {
    const w = new CoreWorld({ readOnly: true });
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    expect(w.connectRequest().readOnly).toBe(true);
    w.accept(5n, 9000, true);
    expect(w.states.at(-1)).toBe('ConnectedReadOnly');
    expect(w.core.phase).toMatchObject({ name: 'live', readOnly: true });
  });

  it('costs the attempt if it may not', () => {
    const w = new CoreWorld();
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    expect(w.connectRequest().readOnly).toBe(false);
    w.accept(5n, 9000, true);
    expect(w.events.at(-1)).toMatchObject({ type: 'attemptFailed', error: { code: 'ZK_HANDSHAKE' } });
  });

  it('has a session of its own: the next server makes another one, and nothing is lost [E18]', () => {
    const w = new CoreWorld({ readOnly: true });
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.accept(5n, 9000, true);
    const watcher = new RecordingWatcher();
    w.core.watches.arm('data', '/a', watcher);
    w.core.reconnect(LEFT, w.now);
    w.core.dialed(w.epoch);
    expect(w.connectRequest().sessionId).toBe(0n);
    w.accept(6n);
    expect(w.states.slice(-2)).toEqual(['Disconnected', 'SyncConnected']);
    expect(w.sessions).toEqual(['new', 'new']);
    expect(w.requests().map(({ op }) => op.name)).toEqual(['setWatches']);
    expect(watcher.heard).toEqual(['armed data /a']);
    // and that one is known everywhere
    w.core.reconnect(LEFT, w.now);
    w.core.dialed(w.epoch);
    expect(w.connectRequest().sessionId).toBe(6n);
  });

  it('that makes no sessions of its own says so, as to a request', () => {
    const w = new CoreWorld({ readOnly: true });
    w.core.open(w.now);
    w.core.dialed(w.epoch);
    w.receive(replyFrame(0, { err: -119 }));
    const failed = w.events.at(-1);
    expect(failed).toMatchObject({ type: 'attemptFailed' });
    const { error } = failed as { error: Error };
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error.message).toContain('NotReadOnly');
    expect(framed(new JuteWriter())).toHaveLength(4);
  });
});

describe('the budget for a server', () => {
  it('[A15] shrinks with what is left of the session, so that all servers have their turn', () => {
    const w = new CoreWorld();
    w.serverCount = 3;
    w.goLive();
    const lastHeard = w.now;
    w.advance(6000); // silence for 2T/3
    expect(w.core.phase.name).toBe('dialing');
    const ends: number[] = [];
    while (ends.length < 3) {
      const { phase } = w.core;
      if (phase.name === 'backoff') {
        w.advance(phase.until - w.now);
      } else if (phase.name === 'dialing') {
        ends.push(phase.deadline - lastHeard);
        w.advance(phase.deadline - w.now);
      } else {
        throw new Error(phase.name);
      }
    }
    expect(ends.length).toBe(3);
    expect(ends[2]!).toBeLessThan(9000);
  });
});
