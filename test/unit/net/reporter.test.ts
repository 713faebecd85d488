import { describe, expect, it } from 'vitest';
import type { ConnectionNote, SessionNote } from '../../../src/index.js';
import { Reporter, type ReportSource } from '../../../src/net/reporter.js';
import { ChannelListener } from '../../support/channels.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

describe('[M2] the channel zk-conn:connection', () => {
  const summary = (notes: ChannelListener<ConnectionNote>): unknown[] =>
    notes
      .take()
      .map(({ message: { event, server, attempt, durationMs, error } }) => [
        event,
        server,
        attempt,
        durationMs,
        error?.code,
      ]);

  it('tells of every attempt, what became of it, how long it took and why', async () => {
    using notes = new ChannelListener<ConnectionNote>('zk-conn:connection');
    const server = new ScriptedServer();
    const conn = server.conn({}, 'a:1,b:1');
    void conn.connect();
    await settle();
    server.clock.jump(5);
    await server.link.fail();
    expect(summary(notes)).toEqual([
      ['attempt', 'a:1', 1, 0, undefined],
      ['failed', 'a:1', 1, 5, 'ZK_LINK'],
      ['attempt', 'b:1', 2, 0, undefined],
    ]);
    server.clock.jump(3);
    await server.link.welcome();
    expect(notes.heard[0]?.message.sessionId).toBe('0xabc');
    expect(summary(notes)).toEqual([['connected', 'b:1', 2, 3, undefined]]);
    server.clock.jump(100);
    await server.link.fail(new Error('cut'));
    expect(summary(notes)).toEqual([['lost', 'b:1', 0, 100, 'ZK_LINK']]);
    await server.clock.advance(1000);
    await server.link.welcome();
    expect(summary(notes)[0]).toEqual(['attempt', 'a:1', 1, 0, undefined]);
    await server.close(conn);
    expect(summary(notes)).toEqual([['closed', 'a:1', 0, 0, undefined]]);
  });

  it('says that a server has refused the credentials', async () => {
    using notes = new ChannelListener<ConnectionNote>('zk-conn:connection');
    const server = new ScriptedServer();
    const conn = await server.connected({}, 'a:1');
    const refused = rejectionOf(conn.addAuth('digest', 'u:p'));
    await settle();
    await server.link.refuse(server.link.takeOne(), -115);
    await refused;
    expect(summary(notes).at(-1)).toEqual(['lost', 'a:1', 0, 0, 'ZK_AUTH_FAILED']);
    await conn.close();
    expect(notes.heard).toEqual([]);
  });

  it('lets a subscriber close the Conn in the middle of an attempt', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({}, 'a:1');
    using notes = new ChannelListener<ConnectionNote>('zk-conn:connection');
    notes.onMessage = () => void conn.close();
    const connecting = rejectionOf(conn.connect());
    await settle();
    expect(await connecting).toMatchObject({ code: 'ZK_CLOSED' });
    expect(server.links).toEqual([]);
    expect(server.clock.timers).toBe(0);
  });

  it('[M1] is not flooded while nobody answers: attempts are paced', async () => {
    using notes = new ChannelListener<ConnectionNote>('zk-conn:connection');
    const server = new ScriptedServer();
    server.onDial = (link) => link.fail();
    const conn = server.conn({ backoff: { baseMs: 100, maxMs: 3000 } }, 'a:1,b:1,c:1');
    const connecting = rejectionOf(conn.connect({ timeoutMs: 0 }));
    await settle();
    await server.clock.advance(600_000);
    // with the longest pause of 3 s between rounds of three servers; two notes an attempt
    expect(notes.heard.length).toBeGreaterThan(100);
    expect(notes.heard.length).toBeLessThan((600 / 3 + 10) * 3 * 2);
    await conn.close();
    await connecting;
  });
});

describe('[M2] the channel zk-conn:session', () => {
  it('tells of states and sessions in order', async () => {
    using notes = new ChannelListener<SessionNote>('zk-conn:session');
    const server = new ScriptedServer();
    const conn = await server.connected({}, 'a:1,b:1');
    await server.link.fail(new Error('cut'));
    await server.link.welcome({ timeOut: 6000 });
    await server.link.fail(new Error('cut'));
    await server.link.welcome({ sessionId: 0n, timeOut: 0 });
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 0xdefn });
    await server.close(conn);
    expect(
      notes.heard.map(({ message: m }) => [
        m.event,
        m.state,
        m.sessionId,
        m.sessionEpoch,
        m.negotiatedTimeoutMs,
      ]),
    ).toEqual([
      ['state', 'Connecting', '0x0', 0, 9000],
      ['state', 'SyncConnected', '0xabc', 1, 9000],
      ['new', 'SyncConnected', '0xabc', 1, 9000],
      ['state', 'Disconnected', '0xabc', 1, 9000],
      ['state', 'SyncConnected', '0xabc', 1, 6000],
      ['resumed', 'SyncConnected', '0xabc', 1, 6000],
      ['state', 'Disconnected', '0xabc', 1, 6000],
      ['state', 'Expired', '0x0', 1, 9000],
      ['expired', 'Expired', '0xabc', 1, 9000],
      ['state', 'SyncConnected', '0xdef', 2, 9000],
      ['new', 'SyncConnected', '0xdef', 2, 9000],
      ['state', 'Closed', '0xdef', 2, 9000],
    ]);
    const errors = notes.heard.map(({ message }) => message.error?.code);
    expect(errors.filter((code) => code !== undefined)).toEqual(['ZK_LINK', 'ZK_LINK', 'ZK_SESSION_EXPIRED']);
    expect(notes.heard.slice(1, 5).map(({ message }) => message.server)).toEqual([
      'a:1',
      'a:1',
      'a:1',
      'b:1',
    ]);
  });
});

describe('without a subscriber', () => {
  it('nothing is looked at, only counted', () => {
    const source = {
      clock: { now: () => 0 },
      get core(): ReportSource['core'] {
        throw new Error('looked at');
      },
      latestServer: 'a:1',
    };
    const reporter = new Reporter(source);
    reporter.attempt();
    reporter.event({ type: 'session', what: 'resumed', id: 1n });
    reporter.event({ type: 'session', what: 'expired', id: 1n });
    expect(reporter).toMatchObject({ reconnects: 1, expiries: 1, failedAttempts: 0 });
  });
});
