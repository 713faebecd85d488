/** Checks of what belongs to connections and sessions. */
import { strict as assert } from 'node:assert';
import { getEventListeners } from 'node:events';
import { MiniServer, VirtualClock } from '../../../src/testing.js';
import { replyFrame } from '../../support/core-world.js';
import { settle } from '../../support/scripted-server.js';
import { converse, openStage } from '../cut/conversation.js';
import type { Cut, Direction, How } from '../cut/wire.js';
import type { BuiltClient } from './build.js';
import { Play, outcomeOf } from './play.js';

const WAYS: readonly How[] = ['rst', 'fin', 'silence'];
const DIRECTIONS: readonly Direction[] = ['to the server', 'to the client'];
const EVERY_SO_MANY_BYTES = 331;

export const CONNECTION_CHECKS = {
  async 'a conversation that is cut'(client: BuiltClient) {
    await using stage = await openStage(client, { MiniServer, VirtualClock }, client);
    const whole = await converse(stage, null);
    for (const direction of DIRECTIONS) {
      const bytes = direction === 'to the server' ? whole.bytesOut : whole.bytesIn;
      let way = 0;
      for (let after = 40; after < bytes; after += EVERY_SO_MANY_BYTES) {
        const cut: Cut = { direction, after, how: WAYS[way++ % 3] as How };
        await converse(stage, cut);
      }
      await converse(stage, { direction, after: bytes >> 1, how: 'rst' }, 'expired');
    }
  },

  async 'what a connection begins with'(client: BuiltClient) {
    const play = await new Play(client).live();
    play.end(play.conn.addAuth('digest', 'a:b'));
    await settle();
    await play.link.send(replyFrame(-4, { zxid: 0n }));
    play.end(play.conn.getW('/data'));
    play.end(play.conn.addWatch('/tree', 'PERSISTENT_RECURSIVE'));
    const [, get, add] = await play.asked();
    await play.reply((get as { xid: number }).xid);
    await play.reply((add as { xid: number }).xid, 5n, (w) => w.int(0));
    await play.link.fail(new Error('cut'));
    play.end(play.conn.set('/queued', 'x'));
    await play.comeBack();
    const seen = play.link.requests;
    assert.deepEqual(
      seen.map(({ op }) => op.name),
      ['auth', 'setWatches2', 'setData'],
    );
    const [, watches] = seen;
    assert.deepEqual(watches?.request['dataWatches'], ['/data']);
    assert.deepEqual(watches.request['persistentRecursiveWatches'], ['/tree']);
  },

  async 'many watches come before what waits'(client: BuiltClient) {
    const play = await new Play(client).live();
    const paths = Array.from({ length: 300 }, (_, i) => `/${String(i)}${'x'.repeat(1000)}`);
    for (const path of paths) play.end(play.conn.getW(path));
    for (const { xid } of await play.asked()) await play.reply(xid, 5n);
    await play.link.fail(new Error('cut'));
    play.conn.once('connection', () => void play.end(play.conn.set('/told', 'x')));
    play.end(play.conn.set('/queued', 'x'));
    await play.comeBack();
    await play.advance(0);
    const seen = play.link.requests;
    assert.deepEqual(
      seen.map(({ op }) => op.name),
      ['setWatches', 'setWatches', 'setWatches', 'setData', 'setData'],
    );
    const armed = seen.slice(0, 3).flatMap(({ request }) => request['dataWatches']);
    assert.deepEqual(armed, paths);
    await play.reply((seen[0] as { xid: number }).xid, 9n, () => undefined);
    await play.cut();
    assert.equal(play.link.requests[0]?.request['relativeZxid'], 5n);
  },

  async 'an old socket is not listened to'(client: BuiltClient) {
    const play = await new Play(client).live();
    const old = play.link;
    await play.cut();
    const get = play.end(play.conn.get('/a'));
    const [request] = await play.asked();
    old.events.onData(replyFrame((request as { xid: number }).xid, { err: -101 }));
    old.events.onEnd();
    await settle();
    assert.equal(play.conn.state, 'SyncConnected');
    assert.equal(outcomeOf(get), 'open');
  },

  async 'nothing crosses into another session'(client: BuiltClient) {
    const play = await new Play(client).live({ sessionId: 1n });
    await play.link.fail(new Error('cut'));
    const set = play.end(play.conn.set('/a', 'x'));
    // the answer to the attempt to resume it: it is over
    await play.link.welcome({ sessionId: 0n, timeOut: 0 });
    await play.comeBack({ sessionId: 2n });
    assert.deepEqual(play.sessions, ['new', 'expired', 'new']);
    assert.equal(outcomeOf(set), 'ZK_SESSION_EXPIRED not-sent');
    assert.deepEqual(await play.names(), []);
  },

  async 'a persistent watch marks what it missed'(client: BuiltClient) {
    const play = await new Play(client).live();
    const adding = play.conn.addWatch('/p', 'PERSISTENT');
    const [add] = await play.asked();
    await play.reply((add as { xid: number }).xid, 5n, (w) => w.int(0));
    const stream = await adding;
    await play.cut();
    const next = play.end(stream.next());
    await settle();
    assert.deepEqual(next.current, { value: { value: { type: 'gap' }, done: false } });
  },

  async 'a silent server is left'(client: BuiltClient) {
    const play = await new Play(client).live({ timeOut: 9000 });
    const { link } = play;
    await play.advance(2500);
    assert.deepEqual(
      link.requests.map(({ op }) => op.name),
      ['ping'],
    );
    await play.advance(3600);
    assert.ok(link.destroyed, 'it is still there after 2T/3');
    assert.deepEqual(play.states.slice(-1), ['Disconnected']);
  },

  async 'a drip is no sign of life'(client: BuiltClient) {
    const play = await new Play(client).live({ timeOut: 9000 });
    const { link } = play;
    const frame = replyFrame(-2);
    for (let i = 0; i < 10 && !link.destroyed; i++) {
      await link.send(frame.subarray(i, i + 1));
      await play.advance(1000);
    }
    assert.ok(link.destroyed, 'ten bytes in ten seconds keep it alive');
  },

  async 'a silent handshake is given up'(client: BuiltClient) {
    const play = await new Play(client).start();
    await play.link.connect();
    await play.advance(3100);
    assert.deepEqual(play.server.dialed, ['a:1', 'b:1']);
    assert.ok(play.server.links[0]?.destroyed);
  },

  async 'the zxid only rises, by replies'(client: BuiltClient) {
    const play = await new Play(client).live();
    const read = async (zxid: bigint): Promise<void> => {
      play.end(play.conn.get('/a'));
      const [request] = await play.asked();
      await play.reply((request as { xid: number }).xid, zxid);
    };
    play.end(play.conn.getW('/w'));
    const [watched] = await play.asked();
    await play.reply((watched as { xid: number }).xid, 0x1_7fff_ffffn);
    await read(0x1_8000_0001n);
    await read(0x1_0000_0005n);
    await read(0n);
    await read(-1n);
    await play.event(3, '/other', 0x9_0000_0000n);
    assert.equal(play.conn.lastZxid, 0x1_8000_0001n);
    await play.cut();
    assert.equal(play.link.handshake.lastZxidSeen, 0x9_0000_0000n);
    assert.equal(play.link.requests[0]?.request['relativeZxid'], 0x1_8000_0001n);
  },

  async 'close waits'(client: BuiltClient) {
    const play = await new Play(client, { closeTimeoutMs: 1000 }).live();
    const get = play.end(play.conn.get('/a'));
    const closed = play.end(play.conn.close());
    const [request, last] = await play.asked();
    assert.equal(last?.op.name, 'closeSession');
    assert.equal(outcomeOf(closed), 'open');
    await play.reply((request as { xid: number }).xid);
    assert.equal(outcomeOf(get), 'ok');
    await play.link.send(replyFrame((last as { xid: number }).xid));
    assert.deepEqual(closed.current, { value: { confirmed: true } });

    const other = await new Play(client, { closeTimeoutMs: 1000 }).live();
    let destroyed = false;
    const held = other.link;
    other.conn.on('state', () => (destroyed = held.closed));
    const late = other.end(other.conn.close());
    await settle();
    await other.server.clock.advance(900);
    assert.equal(outcomeOf(late), 'open');
    const done = other.conn.close().then(() => (destroyed = held.closed));
    await other.server.clock.advance(200);
    assert.deepEqual(late.current, { value: { confirmed: false } });
    await done;
    assert.ok(destroyed, 'the socket is open behind close');
  },

  async 'nothing is left behind'(client: BuiltClient) {
    const play = await new Play(client, { requestTimeoutMs: 5000 }).live();
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) {
      play.end(play.conn.get('/a', { signal }));
      const [request] = await play.asked();
      await play.reply((request as { xid: number }).xid);
    }
    assert.equal(getEventListeners(signal, 'abort').length, 0);
    await play.close();
    assert.equal(play.server.clock.timers, 0);
    assert.ok(play.link.closed);
  },

  async 'servers are tried in turn, and then there is a pause'(client: BuiltClient) {
    const play = await new Play(client).start();
    for (let i = 0; i < 3; i++) await play.link.fail();
    await settle();
    assert.deepEqual(play.server.dialed, ['a:1', 'b:1', 'c:1']);
    await play.advance(100);
    assert.deepEqual(play.server.dialed, ['a:1', 'b:1', 'c:1', 'a:1']);
  },

  async 'servers are shuffled'(client: BuiltClient) {
    const play = await new Play(client, { random: () => 0 }).start();
    assert.notEqual(play.server.dialed[0], 'a:1');
  },

  async 'pauses grow'(client: BuiltClient) {
    const play = await new Play(client, { sessionTimeoutMs: 60_000 }, 'a:1').start();
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      await play.link.welcome({ timeOut: 60_000 });
      await play.link.fail(new Error('cut'));
      pauses.push(play.server.clock.nextIn);
      await play.advance(play.server.clock.nextIn);
      await settle();
    }
    const grown = pauses.map((pause) => Math.round(pause / 100));
    assert.deepEqual(grown, [1, 2, 4, 8, 16, 32]);
  },

  async 'another session is the end of ours'(client: BuiltClient) {
    const play = await new Play(client).live({ sessionId: 1n });
    const reading = play.conn.getW('/a');
    const [request] = await play.asked();
    await play.reply((request as { xid: number }).xid);
    const { watch } = await reading;
    const event = play.end(watch.event);
    await play.cut({ sessionId: 2n });
    assert.deepEqual(play.sessions, ['new', 'expired', 'new']);
    assert.equal(play.conn.sessionEpoch, 2);
    assert.equal(outcomeOf(event), 'ZK_SESSION_EXPIRED not-sent');
    assert.deepEqual(play.link.requests, []);
  },

  async 'a refusal is no session'(client: BuiltClient) {
    const play = await new Play(client).start();
    await play.link.welcome({ sessionId: 0n, timeOut: 0 });
    assert.equal(play.conn.state, 'Connecting');
    await play.link.welcome({ readOnly: true });
    assert.equal(play.conn.state, 'Connecting');
    assert.deepEqual(play.server.dialed, ['a:1', 'b:1', 'c:1']);
    assert.deepEqual(play.sessions, []);
  },

  async 'a session ends by our own clock'(client: BuiltClient) {
    const play = await new Play(client, { sessionTimeoutMs: 6000 }).live({ timeOut: 6000 });
    play.server.onDial = (link) => link.fail();
    await play.link.fail();
    await play.advance(5000);
    assert.deepEqual(play.sessions, ['new']);
    await play.advance(3500);
    assert.deepEqual(play.sessions, ['new', 'expired']);
  },
} as const;
