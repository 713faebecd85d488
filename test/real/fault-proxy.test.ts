/** The fault proxy in front of real servers: what it does to a mini-server it does to them. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { ConnectionLossError, connect, type Conn } from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { operations } from '../../src/protocol/operations.js';
import { FaultProxy, MiniServer, type FaultRule } from '../../src/testing.js';
import { Scribe } from '../fault-rules/fault-world.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

/** Is it a failure? For `then`. */
const FAILED = [() => false, () => true] as const;

onEveryRelease('a fault proxy', (version) => {
  let server: RealServer;
  let proxy: FaultProxy;
  let admin: Conn;
  let client: Scribe;

  beforeAll(async () => {
    server = await startRealServer({ version });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    admin = await connect(server.connectString);
    await admin.ensurePath('/t');
    proxy = await FaultProxy.start({ target: server.connectString });
    client = await Scribe.open(proxy.port);
  });
  afterEach(async () => {
    client.destroy();
    await proxy.close();
    await admin.deleteRecursive('/t');
    await admin.close();
  });

  const made = async (): Promise<string[]> => [...(await admin.children('/t')).children].sort();
  const request = () => proxy.when({ op: 'create', path: '/t/2' });
  const reply = () => proxy.when({ op: 'create', path: '/t/2', direction: 'toClient' });

  it.each<[string, () => FaultRule, string[], string[]]>([
    [
      'nothing',
      () => proxy.when({ op: 'whoAmI' }).drop(),
      ['1', '2', '3', '4'],
      ['1 ok', '2 ok', '3 ok', '4 ok'],
    ],
    ['drop a request', () => request().drop(), ['1', '3', '4'], ['1 ok', '3 ok', '4 ok']],
    ['drop a reply', () => reply().drop(), ['1', '2', '3', '4'], ['1 ok', '3 ok', '4 ok']],
    ['reply', () => request().reply('NoAuth'), ['1', '3', '4'], ['1 ok', '2 NoAuth', '3 ok', '4 ok']],
    [
      'duplicate a request',
      () => request().duplicate(),
      ['1', '2', '3', '4'],
      ['1 ok', '2 ok', '2 NodeExists', '3 ok', '4 ok'],
    ],
    ['swap requests', () => request().swap(), ['1', '2', '3', '4'], ['1 ok', '3 ok', '2 ok', '4 ok']],
    ['swap replies', () => reply().swap(), ['1', '2', '3', '4'], ['1 ok', '3 ok', '2 ok', '4 ok']],
    ['truncate', () => request().truncate(8), ['1', '3', '4'], ['1 ok', '2 Marshalling', '3 ok', '4 ok']],
    ['chunk a request', () => request().chunk(1), ['1', '2', '3', '4'], ['1 ok', '2 ok', '3 ok', '4 ok']],
    ['delay a reply', () => reply().delay(20), ['1', '2', '3', '4'], ['1 ok', '2 ok', '3 ok', '4 ok']],
  ])('%s', async (what, make, nodes, seen) => {
    const rule = make();
    client.createAll();
    // a real server may answer a ping before what was asked for earlier
    const all = await client.until((lines) => lines.length === seen.length + 1);
    expect(all.filter((line) => line !== 'ping')).toEqual(seen);
    expect(await made()).toEqual(nodes);
    expect(rule.count).toBe(what === 'nothing' ? 0 : 1);
  });

  it.each([
    ['beforeApplied', ['1'], ['1 ok', 'reset']],
    ['beforeAnswered', ['1', '2'], ['1 ok', 'reset']],
    ['afterAnswered', ['1', '2'], ['1 ok', '2 ok', 'reset']],
  ] as const)('cut %s', async (point, nodes, seen) => {
    const rule = request().cut(point);
    client.createAll(2);
    const all = await client.untilEnd();
    expect(all.filter((line) => line !== 'ping')).toEqual(seen);
    expect(await made()).toEqual(nodes);
    expect(rule.count).toBe(1);
  });

  it('holds an event, and what comes behind it', async () => {
    const conn = await connect(proxy.connectString);
    const { watch } = await conn.existsW('/t/x');
    const rule = proxy.when({ notification: 'NodeCreated', path: '/t/x' }).hold();
    await admin.create('/t/x');
    expect(await rule.reached).toMatchObject({ session: conn.sessionId, kind: 'notification' });
    const read = conn.get('/t/x');
    let isRead = false;
    void read.then(() => (isRead = true));
    await proxy.log.next({ path: '/t/x', op: 'getData', direction: 'toClient' });
    await new Promise(setImmediate);
    expect(isRead).toBe(false);
    rule.release();
    expect((await watch.event).type).toBe('NodeCreated');
    await read;
    await conn.close();
  });

  it('a session survives 40 cuts, and no write is lost that was acknowledged', async () => {
    const conn = await connect(proxy.connectString, { backoff: { baseMs: 1, maxMs: 5 } });
    const { sessionId } = conn;
    const acknowledged: string[] = [];
    const cuts = [
      () => proxy.when({ op: 'create' }).cut('beforeApplied'),
      () => proxy.when({ op: 'create' }).cut('beforeAnswered'),
      () => proxy.when({ op: 'create' }).cut('afterAnswered', { how: 'fin' }),
      () => proxy.when({ op: 'create' }).cut('beforeApplied', { afterBytes: 7 }),
    ];
    for (let i = 0; i < 40; i++) {
      const rule = cuts[i % cuts.length]!();
      await conn.create(`/t/n${i}`).then(
        (path) => acknowledged.push(path),
        (error: unknown) => expect(error).toBeInstanceOf(ConnectionLossError),
      );
      await rule.reached;
      // before the client has noticed, what it sends is lost
      while (await conn.exists('/t').then(...FAILED));
    }
    expect(proxy.injected).toEqual({ cut: 40 });
    expect(conn.sessionId).toBe(sessionId);
    const nodes = new Set((await admin.children('/t')).children.map((name) => `/t/${name}`));
    expect(acknowledged.length).toBeGreaterThanOrEqual(10);
    expect(acknowledged.filter((path) => !nodes.has(path))).toEqual([]);
    await conn.close();
  });

  it('logs the same frames as in front of a mini-server', async () => {
    const program = async (port: number): Promise<void> => {
      const who = await Scribe.open(port);
      const acl = OPEN_ACL_UNSAFE;
      await who.call('create', { path: '/t/a', data: Buffer.from('x'), acl, flags: 0 });
      await who.call('getData', { path: '/t/a', watch: true });
      await who.call('setData', { path: '/t/a', data: null, version: -1 });
      await who.call('getData', { path: '/t/none', watch: false });
      await who.call('multi', {
        ops: ['/t/b', '/t/a'].map((path) => ({
          op: operations.create,
          request: { path, data: null, acl, flags: 0 },
        })),
      });
      await who.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('a:b') }, -4);
      await who.call('closeSession', {});
      await who.untilEnd();
    };
    client.destroy();
    proxy.log.clear();
    await program(proxy.port);
    await using mini = await MiniServer.start({ log: true });
    const setUp = await Scribe.open(mini.port);
    await setUp.call('create', { path: '/t', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    setUp.destroy();
    mini.log.clear();
    await program(mini.port);
    const words = (log: typeof mini.log): string[] =>
      log
        .frames()
        .map(({ direction, kind, op, xid, path, event, errno, bytes }) =>
          [direction, kind, op, xid, path, event, errno, bytes].map(String).join(' '),
        );
    expect(words(proxy.log)).toEqual(words(mini.log));
  });

  it('a four-letter word goes through', async () => {
    const word = await Scribe.connect(proxy.port);
    word.socket.write('srvr');
    await word.untilEnd();
    expect(proxy.log.frames({ kind: 'opaque', direction: 'toServer' })).toMatchObject([{ bytes: 4 }]);
    expect(word.chunks.length).toBeGreaterThan(0);
  });
});
