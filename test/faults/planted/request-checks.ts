/** Checks of what belongs to requests, watches and what users see. */
import { strict as assert } from 'node:assert';
import { inspect } from 'node:util';
import { operations } from '../../../src/protocol/operations.js';
import { STAT, dataBody, notification, replyFrame } from '../../support/core-world.js';
import { answerFrame, settle } from '../../support/scripted-server.js';
import type { BuiltClient } from './build.js';
import { Play, outcomeOf, valueOf } from './play.js';

interface Xid {
  readonly xid: number;
}

/** Where the client keeps its last xid: nobody waits for 2^31 calls. */
interface Inside {
  readonly driver: { readonly core: { readonly traffic: { readonly queue: { lastXid: number } } } };
}

const CANARY = 'canary-4e20';

export const REQUEST_CHECKS = {
  async 'an event comes before the data behind it'(client: BuiltClient) {
    const play = await new Play(client).live();
    const reading = play.conn.getW('/a');
    const [first] = await play.asked();
    await play.reply((first as Xid).xid);
    const { watch } = await reading;
    const order: string[] = [];
    void watch.event.then(() => order.push('event'));
    void play.conn.get('/a').then(() => order.push('data'));
    const [second] = await play.asked();
    await play.link.send(notification(3, '/a'), replyFrame((second as Xid).xid, { body: dataBody }));
    await settle();
    assert.deepEqual(order, ['event', 'data']);
  },

  async 'xids go round to 1'(client: BuiltClient) {
    const play = await new Play(client).live();
    (play.conn as unknown as Inside).driver.core.traffic.queue.lastXid = 0x7fffffff - 2;
    for (let i = 0; i < 4; i++) play.end(play.conn.get('/a'));
    assert.deepEqual(
      (await play.asked()).map(({ xid }) => xid),
      [0x7fffffff - 1, 0x7fffffff, 1, 2],
    );
  },

  async 'a late reply is taken off the stream'(client: BuiltClient) {
    const play = await new Play(client, { requestTimeoutMs: 1000 }).live();
    const late = play.end(play.conn.get('/late'));
    const [first] = await play.asked();
    await play.advance(500);
    const later = play.end(play.conn.get('/later'));
    await play.advance(600);
    assert.equal(outcomeOf(late), 'ZK_REQUEST_TIMEOUT unknown');
    const next = play.end(play.conn.get('/next'));
    await play.advance(600);
    assert.equal(outcomeOf(later), 'ZK_REQUEST_TIMEOUT unknown');
    const [second, third] = await play.asked();
    for (const request of [first, second, third]) await play.reply((request as Xid).xid);
    assert.equal(outcomeOf(next), 'ok');
    assert.equal(play.conn.state, 'SyncConnected');
  },

  async 'what may have happened is said'(client: BuiltClient) {
    const play = await new Play(client, { requestTimeoutMs: 4000 }).live({ timeOut: 9000 });
    const late = play.end(play.conn.set('/late', 'x'));
    await play.advance(3500);
    await play.link.send(replyFrame(-2));
    await play.advance(600);
    assert.equal(outcomeOf(late), 'ZK_REQUEST_TIMEOUT unknown');
    const sent = play.end(play.conn.set('/sent', 'x'));
    await settle();
    await play.link.fail(new Error('cut'));
    const waits = play.end(play.conn.set('/waits', 'x'));
    await settle();
    assert.equal(outcomeOf(sent), 'ZK_CONNECTION_LOSS unknown');
    assert.equal(outcomeOf(waits), 'open');
    await play.advance(4100);
    assert.equal(outcomeOf(waits), 'ZK_REQUEST_TIMEOUT not-sent');
  },

  async 'a slow reader is told what he missed'(client: BuiltClient) {
    const play = await new Play(client).live();
    const adding = play.conn.addWatch('/p', 'PERSISTENT', { bufferSize: 2 });
    const [add] = await play.asked();
    await play.reply((add as Xid).xid, 5n, (w) => w.int(0));
    const stream = await adding;
    await play.link.send(...Array<Buffer>(5).fill(notification(3, '/p')));
    const items: string[] = [];
    for (let i = 0; i < 3; i++) {
      const next = play.end(stream.next());
      await settle();
      if (next.current === undefined) break;
      items.push(JSON.stringify((valueOf(next) as { value: unknown }).value, bigints));
    }
    assert.equal(items.length, 3, items.join());
    assert.match(items[2] as string, /"overflow","dropped":3/);
  },

  async 'no secret is told'(client: BuiltClient) {
    const seen: string[] = [];
    const see = (value: unknown): void => void seen.push(inspect(value, { depth: 20, showHidden: true }));
    const { log } = client.debug;
    client.debug.log = (...args: unknown[]) => see(args.map(String).join(' '));
    client.debug.enable('zk-conn:*');
    try {
      const play = await new Play(client).live({ passwd: Buffer.from(`${CANARY}-pass`) });
      for (const event of ['state', 'session', 'connectError', 'warning'] as const) play.conn.on(event, see);
      const refused = play.end(play.conn.addAuth('digest', `ada:${CANARY}`));
      await play.cut({ passwd: Buffer.from(`${CANARY}-pass`) });
      await play.link.send(replyFrame(-4, { err: -115 }));
      await settle();
      see(refused);
      see(play.conn);
      await play.close();
    } finally {
      client.debug.disable();
      client.debug.log = log;
    }
    assert.ok(seen.length > 4);
    assert.ok(!seen.join().includes(CANARY), 'a secret is told');
  },

  async 'a reply that is too long fails alone'(client: BuiltClient) {
    const play = await new Play(client, { maxResponseBytes: 1024 }).live();
    const long = play.end(play.conn.get('/long'));
    const next = play.end(play.conn.get('/next'));
    const [first, second] = await play.asked();
    await play.reply((first as Xid).xid, 5n, (w) => w.buffer(Buffer.alloc(2000)));
    await play.reply((second as Xid).xid);
    assert.equal(outcomeOf(long), 'ZK_RESPONSE_TOO_LARGE unknown');
    assert.equal(outcomeOf(next), 'ok');
  },

  async 'a multi has the results of its operations'(client: BuiltClient) {
    const { op } = client;
    const play = await new Play(client).live();
    const ok = play.end(play.conn.multi([op.create('/a'), op.create('/b'), op.set('/c', 'x')]));
    const failing = play.end(play.conn.multi([op.create('/a'), op.check('/b', 7), op.delete('/c')]));
    const [first, second] = await play.asked();
    const { create, setData } = operations;
    const results = [
      { errno: 0, op: create, response: { path: '/a' } },
      { errno: 0, op: create, response: { path: '/b' } },
      { errno: 0, op: setData, response: { stat: STAT } },
    ];
    await play.link.answer(first as never, { results });
    assert.deepEqual((valueOf(ok) as unknown[]).slice(0, 2), ['/a', '/b']);
    const refusals = [0, -103, -2].map((errno) => ({ errno, op: null, response: null }));
    await play.link.answer(second as never, { results: refusals });
    assert.equal(outcomeOf(failing), 'ZK_BAD_VERSION rejected');
    assert.equal((failing.current as unknown as { error: { index: number } }).error.index, 1);
  },

  async 'a chroot is not seen'(client: BuiltClient) {
    const play = await new Play(client, {}, 'a:1/top').live();
    const made = play.end(play.conn.create('/n-', null, { mode: 'PERSISTENT_SEQUENTIAL' }));
    const reading = play.conn.getW('/a');
    const adding = play.conn.addWatch('/p', 'PERSISTENT');
    const [create, get, add] = await play.asked();
    assert.equal(get?.request['path'], '/top/a');
    await play.reply((create as Xid).xid, 5n, (w) => w.ustring('/top/n-0000000007'));
    assert.equal(valueOf(made), '/n-0000000007');
    await play.reply((get as Xid).xid);
    await play.reply((add as Xid).xid, 5n, (w) => w.int(0));
    const { watch } = await reading;
    const item = play.end((await adding).next());
    const event = play.end(watch.event);
    await play.event(3, '/top/a');
    await play.event(3, '/top/p');
    assert.equal((valueOf(event) as { path: string }).path, '/a');
    assert.equal((valueOf(item) as { value: { path: string } }).value.path, '/p');
  },

  async 'a wrong reply costs the connection'(client: BuiltClient) {
    const attack = async (frames: (xids: readonly number[]) => Buffer[]): Promise<void> => {
      const play = await new Play(client).live();
      const calls = [play.end(play.conn.sync('/a')), play.end(play.conn.sync('/b'))];
      const asked = await play.asked();
      const { link } = play;
      await link.send(...frames(asked.map(({ xid }) => xid)));
      assert.ok(link.destroyed, 'the connection goes on');
      for (const call of calls) assert.match(outcomeOf(call), / unknown$/);
    };
    const text = (bytes: readonly number[]) => (w: { buffer(value: Uint8Array): void }) =>
      w.buffer(Buffer.from(bytes));
    await attack(([a = 0, b = 0]) => [
      replyFrame(b, { body: (w) => w.ustring('/b') }),
      replyFrame(a, { body: (w) => w.ustring('/a') }),
    ]);
    await attack(([a = 0]) => [replyFrame(a, { body: (w) => w.int(100) })]);
    await attack(([a = 0]) => [replyFrame(a, { body: text([0x2f, 0xff]) })]);
  },

  async 'data is the caller’s own'(client: BuiltClient) {
    const play = await new Play(client).live();
    const get = play.end(play.conn.get('/a'));
    const [request] = await play.asked();
    const frame = answerFrame(request as never, { data: Buffer.from('mine'), stat: STAT });
    const chunk = Buffer.concat([frame, frame.subarray(0, 2)]);
    play.link.events.onData(chunk);
    await settle();
    chunk.fill(0);
    assert.equal(String((valueOf(get) as { data: Buffer }).data), 'mine');
  },

  async 'what waits is kept'(client: BuiltClient) {
    const play = await new Play(client).live();
    play.end(play.conn.getW('/w'));
    const behind = play.end(play.conn.get('/behind'));
    const [armed, read] = await play.asked();
    const chunk = Buffer.concat([
      replyFrame((armed as Xid).xid, { body: dataBody }),
      notification(3, '/w'),
      replyFrame((read as Xid).xid, { body: dataBody }),
    ]);
    play.link.events.onData(chunk);
    // the socket reads the next bytes into the same buffer
    chunk.fill(0xff);
    await settle();
    assert.equal(outcomeOf(behind), 'ok');
    assert.equal(String((valueOf(behind) as { data: Buffer }).data), 'data');
  },

  async 'a watch fires once'(client: BuiltClient) {
    const play = await new Play(client).live();
    const reading = play.conn.getW('/a');
    const [request] = await play.asked();
    await play.reply((request as Xid).xid);
    const { watch } = await reading;
    await play.event(3, '/a');
    assert.equal((await watch.event).type, 'NodeDataChanged');
    await play.cut();
    assert.deepEqual(await play.names(), []);
  },

  async 'a call that is aborted is not sent'(client: BuiltClient) {
    const play = await new Play(client).live();
    await play.link.fail(new Error('cut'));
    const controller = new AbortController();
    const aborted = play.end(play.conn.set('/a', 'x', -1, { signal: controller.signal }));
    play.end(play.conn.get('/b'));
    controller.abort();
    await play.comeBack();
    assert.ok(aborted.current !== undefined && 'error' in aborted.current);
    assert.deepEqual(await play.names(), ['getData']);
  },

  async 'the queue is bounded'(client: BuiltClient) {
    const play = await new Play(client, { offlineQueue: { maxRequests: 3 } }).live();
    play.link.writable = false;
    play.end(play.conn.set('/first', 'x'));
    await settle();
    const calls = [1, 2, 3, 4, 5].map(() => play.end(play.conn.set('/a', 'x')));
    await settle();
    assert.equal(play.link.requests.length, 1, 'a full socket was written to');
    assert.deepEqual(calls.map(outcomeOf), [
      'open',
      'open',
      'open',
      'ZK_QUEUE_FULL not-sent',
      'ZK_QUEUE_FULL not-sent',
    ]);
  },

  async 'a refused credential is the end'(client: BuiltClient) {
    const play = await new Play(client).live();
    const refused = play.end(play.conn.addAuth('digest', 'a:b'));
    const get = play.end(play.conn.get('/a'));
    await settle();
    await play.link.send(replyFrame(-4, { err: -115 }));
    assert.equal(outcomeOf(refused), 'ZK_AUTH_FAILED rejected');
    assert.equal(play.conn.state, 'AuthFailed');
    assert.equal(outcomeOf(get), 'ZK_AUTH_FAILED unknown');
    assert.equal(play.server.clock.timers, 0);
  },

  async 'a stream may be cut anywhere'(client: BuiltClient) {
    const play = await new Play(client).live();
    const calls = [play.end(play.conn.get('/a')), play.end(play.conn.get('/b'))];
    const asked = await play.asked();
    const long = (w: { buffer(value: Uint8Array): void }): void => w.buffer(Buffer.alloc(300, 1));
    const bytes = Buffer.concat(
      asked.map(({ xid }) =>
        replyFrame(xid, {
          body: (w) => {
            long(w);
            dataBody(w);
          },
        }),
      ),
    );
    await play.link.drip(bytes);
    assert.deepEqual(calls.map(outcomeOf), ['ok', 'ok']);
    assert.equal((valueOf(calls[1] as never) as { data: Buffer }).data.length, 300);
  },
} as const;

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
