/** What a mini-server can suffer besides rules and conditions: moved sessions, a lost quorum, an empty disk, SIGSTOP. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidArgumentError, InvalidOptionError } from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { MiniEnsemble, type MiniServer } from '../../src/testing.js';
import { fourLetterWord } from '../support/raw-client.js';
import { Scribe, settle, startWorld, type World } from './fault-world.js';

const node = (path: string, flags = 0) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags });
const there = { path: '/t', watch: false };

let world: World;
let server: MiniServer;
let client: Scribe;

beforeEach(async () => {
  world = await startWorld('mini-server', { tickTimeMs: 100 });
  ({ server } = world);
  client = await world.open({ timeOut: 1000 });
});
afterEach(() => world[Symbol.asyncDispose]());

const resume = (who: Scribe, readOnly = false): Promise<Scribe> =>
  world.open({ sessionId: who.sessionId, passwd: who.session!.passwd, timeOut: 1000, readOnly });

describe('moveSession', () => {
  it('lets reads pass, and closes the connection in place of a write, which is not applied', async () => {
    const other = await world.open();
    expect(server.moveSession(client.sessionId)).toBe(true);
    expect(await client.call('exists', there)).toBe('ok');
    const before = server.lastZxid;
    expect(await client.call('create', node('/t/1'))).toBe('fin');
    expect(server.tree.get('/t/1')).toBeUndefined();
    expect(server.lastZxid).toBe(before + 1n);
    expect(await other.call('create', node('/t/2'))).toBe('ok');
    expect(server.injected).toEqual({ moveSession: 1 });
  });

  it.each([
    ['sync', { path: '/t' }, 'ok'],
    ['getData', there, 'ok'],
    ['setData', { path: '/t', data: null, version: -1 }, 'fin'],
    ['multi', { ops: [] }, 'ok'],
    ['closeSession', {}, 'ok'],
  ] as const)('serves %s as a follower does', async (name, request, answer) => {
    server.moveSession(client.sessionId);
    expect(await client.call(name, request as never)).toBe(answer);
  });

  it('answers pings', async () => {
    server.moveSession(client.sessionId);
    client.send('ping', {}, -2);
    expect(await client.untilPing()).toEqual(['ping']);
  });

  it('is over when the session is taken up on a new connection, which leaves the old one alone', async () => {
    server.moveSession(client.sessionId);
    const again = await resume(client);
    expect(again.sessionId).toBe(client.sessionId);
    expect(await again.call('create', node('/t/1', 1))).toBe('ok');
    expect(await client.call('exists', there)).toBe('ok');
    expect(await client.call('create', node('/t/2'))).toBe('fin');
    expect(await again.call('exists', there)).toBe('ok');
    expect(server.sessions.map(({ connected }) => connected)).toEqual([true]);
  });

  it.each([
    ['expires', () => server.expireSession(client.sessionId)],
    ['is taken off by a snapshot', () => server.restore(server.snapshot())],
    ['is closed', (again: Scribe) => again.send('closeSession', {})],
  ] as const)('ends the old connection too when the session %s', async (_, end) => {
    server.moveSession(client.sessionId);
    const again = await resume(client);
    end(again);
    expect(await client.untilEnd()).toEqual(['fin']);
    await again.untilEnd();
    expect(server.connectionCount).toBe(0);
  });

  it('says so if there is no such session, or it has no connection', async () => {
    expect(server.moveSession(4711n)).toBe(false);
    client.destroy();
    await settle(world);
    expect(server.moveSession(client.sessionId)).toBe(false);
  });
});

describe('readOnly', () => {
  it('closes all connections, and lets only read-only clients without a session in', async () => {
    const mode = server.readOnly();
    expect(await client.untilEnd()).toEqual(['fin']);
    await expect(world.open()).rejects.toThrow('no session: fin');
    await expect(resume(client, true)).rejects.toThrow('no session: fin');
    const reader = await world.open({ readOnly: true });
    expect(reader.session!.readOnly).toBe(true);
    expect(mode.count).toBe(2);
    const again = await resume(reader, true);
    expect(again.session!.readOnly).toBe(true);
  });

  it('answers reads, and NotReadOnly to writes and sync, and the connection stays', async () => {
    const mode = server.readOnly();
    const reader = await world.open({ readOnly: true });
    const zxid = server.lastZxid;
    expect(await reader.call('getChildren', there)).toBe('ok');
    expect(await reader.call('create', node('/t/1'))).toBe('NotReadOnly');
    expect(await reader.call('setData', { path: '/t', data: null, version: -1 })).toBe('NotReadOnly');
    expect(await reader.call('sync', { path: '/t' })).toBe('NotReadOnly');
    expect(await reader.call('multi', { ops: [] })).toBe('NotReadOnly');
    expect(await reader.call('getData', there)).toBe('ok');
    expect(mode.count).toBe(4);
    expect(server.lastZxid).toBe(zxid);
    expect(server.rules).toEqual([]);
    expect(server.conditions).toEqual([mode]);
  });

  it('without local sessions nobody gets one', async () => {
    server.readOnly({ localSessions: false });
    await expect(world.open({ readOnly: true })).rejects.toThrow('no session: handshake NotReadOnly');
  });

  it('when it ends, sessions of before go on and those of read-only clients are forgotten', async () => {
    expect(await client.call('create', node('/t/e', 1))).toBe('ok');
    const mode = server.readOnly();
    const reader = await world.open({ readOnly: true, timeOut: 60_000 });
    world.clock.advance(10_000);
    expect(server.tree.get('/t/e')).toBeDefined();
    mode.end();
    mode.end();
    expect(await reader.untilEnd()).toEqual(['fin']);
    await expect(resume(reader, true)).rejects.toThrow('no session: expired');
    const again = await resume(client, true);
    expect(again.session!.readOnly).toBe(false);
    expect(await again.call('create', node('/t/1'))).toBe('ok');
    // and time goes on for all
    again.destroy();
    await settle(world);
    world.clock.advance(2_000);
    expect(server.sessions).toEqual([]);
    expect(server.tree.get('/t/e')).toBeUndefined();
  });

  it('gives sessions of before their whole time again', async () => {
    client.destroy();
    const mode = server.readOnly();
    world.clock.advance(900);
    mode.end();
    world.clock.advance(900);
    expect(server.sessions).toHaveLength(1);
    world.clock.advance(300);
    expect(server.sessions).toEqual([]);
  });

  it('comes after the rules of the user', async () => {
    server.readOnly();
    const reader = await world.open({ readOnly: true });
    const rule = server.when({ op: 'create' }).reply('NoAuth');
    expect(await reader.call('create', node('/t/1'))).toBe('NoAuth');
    expect(await reader.call('create', node('/t/1'))).toBe('NotReadOnly');
    expect(rule.count).toBe(1);
    expect(server.injected).toMatchObject({ reply: 1, readOnly: 1 });
  });

  it('is what the four-letter words say', async () => {
    expect(await fourLetterWord(server, 'isro')).toBe('rw');
    const mode = server.readOnly();
    expect(await fourLetterWord(server, 'isro')).toBe('ro');
    const srvr = await fourLetterWord(server, 'srvr');
    expect(srvr).toContain('\nREAD-ONLY mode; serving only read-only clients\n');
    expect(srvr).toContain('\nMode: read-only\n');
    expect(await fourLetterWord(server, 'mntr')).toContain('zk_server_state\tread-only\n');
    mode.end();
    expect(await fourLetterWord(server, 'srvr')).toContain('\nMode: standalone\n');
  });

  it('is not begun twice', () => {
    server.readOnly();
    expect(() => server.readOnly()).toThrow(InvalidOptionError);
    expect(() => server.readOnly({ local: true } as object)).toThrow(InvalidOptionError);
    server.heal();
    server.readOnly().end();
  });
});

describe('wipe', () => {
  it('loses nodes, sessions and zxids, and hangs up on clients that have seen more', async () => {
    expect(await client.call('create', node('/t/1'))).toBe('ok');
    const seen = server.lastZxid;
    server.wipe();
    expect(await client.untilEnd()).toContain('reset');
    expect(server.lastZxid).toBe(0n);
    expect(server.sessions).toEqual([]);
    expect(server.tree.paths()).toEqual(['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota']);
    await expect(world.open({ lastZxidSeen: seen })).rejects.toThrow('no session: fin');
    await expect(resume(client)).rejects.toThrow('no session: expired');
    const fresh = await world.open();
    expect(await fresh.call('create', node('/again'))).toBe('ok');
    expect(server.tree.get('/again')!.stat.czxid).toBe(2n);
    expect(server.watchCount()).toBe(0);
  });
});

describe('pause', () => {
  it('stops the time of the server too: nobody expires, and pings that wait count when it goes on', async () => {
    const idle = await world.open({ timeOut: 1000 });
    const pause = server.pause();
    client.send('ping', {}, -2);
    while (pause.count < 1) await settle(world);
    world.clock.advance(60_000);
    expect(server.sessions).toHaveLength(2);
    pause.end();
    world.clock.advance(150);
    expect(server.sessions.map(({ id }) => id)).toEqual([client.sessionId]);
    expect(await idle.untilEnd()).toEqual(['fin']);
    expect(await client.untilPing()).toEqual(['ping']);
  });

  it('in one direction does not: sessions expire', async () => {
    server.pause('toServer');
    world.clock.advance(2_000);
    expect(server.sessions).toEqual([]);
    expect(await client.untilEnd()).toEqual(['fin']);
  });

  it('does not answer four-letter words either', async () => {
    const pause = server.pause();
    const word = await Scribe.connect(server.port);
    word.socket.write('ruok');
    while (pause.count < 1) await settle(world);
    await settle(world);
    expect(word.chunks).toEqual([]);
    pause.end();
    await word.untilEnd();
    expect(word.chunks).toEqual([4]);
  });
});

describe('a request that is held', () => {
  it('is applied when it is let go, though its connection is closed', async () => {
    const rule = server.when({ op: 'create' }).hold();
    client.socket.write(Buffer.alloc(0));
    client.send('create', node('/t/late'));
    await rule.reached;
    client.destroy();
    await settle(world);
    expect(server.tree.get('/t/late')).toBeUndefined();
    rule.release();
    expect(server.tree.get('/t/late')).toBeDefined();
  });

  it('is lost when its session was taken up elsewhere, or the server is closed', async () => {
    const rule = server.when({ op: 'create', times: 2 }).hold();
    client.send('create', node('/t/late'));
    await rule.reached;
    const again = await resume(client);
    rule.release();
    expect(server.tree.get('/t/late')).toBeUndefined();
    const held = server.when({ op: 'create' }).hold();
    again.send('create', node('/t/later'));
    await held.reached;
    await server.close();
    expect(held.holding).toBe(0);
    held.release();
    expect(server.tree.get('/t/later')).toBeUndefined();
  });
});

describe('jumpZxid', () => {
  it('lets the next change have the zxid behind it, and nobody notices', async () => {
    expect(await client.call('getData', { path: '/t', watch: true })).toBe('ok');
    const seen = client.seen.length;
    const to = 0x1_ffff_fffen;
    server.jumpZxid(to);
    expect(server.lastZxid).toBe(to);
    expect(await client.call('exists', there)).toBe('ok');
    for (const [i, name] of ['/t/1', '/t/2', '/t/3'].entries()) {
      expect(await client.call('create', node(name))).toBe('ok');
      expect(server.tree.get(name)?.stat.czxid).toBe(to + BigInt(i + 1));
    }
    expect(client.seen.slice(seen).every((line) => line.endsWith(' ok'))).toBe(true);
    expect(server.injected).toEqual({ jumpZxid: 1 });
  });

  it('goes to the last epoch but one, and a client that has seen it comes back', async () => {
    const last = 0x7fff_fffe_ffff_ffffn;
    server.jumpZxid(last);
    expect(await client.call('create', node('/t/1'))).toBe('ok');
    expect(server.tree.get('/t/1')?.stat.czxid).toBe(0x7fff_ffff_0000_0000n);
    const again = await world.open({ lastZxidSeen: server.lastZxid });
    expect(await again.call('exists', { path: '/t/1', watch: false })).toBe('ok');
  });

  it('does not move where it is, and goes neither back nor too far', () => {
    const { lastZxid } = server;
    server.jumpZxid(lastZxid);
    for (const zxid of [lastZxid - 1n, 0n, -1n, 0x7fff_ffff_0000_0000n, 2n ** 64n, 5, '7', null, undefined]) {
      expect(() => server.jumpZxid(zxid as bigint)).toThrow(InvalidArgumentError);
    }
    expect(server.lastZxid).toBe(lastZxid);
    expect(server.injected).toEqual({ jumpZxid: 1 });
  });

  it('is the business of the leader in an ensemble', async () => {
    await using ensemble = await MiniEnsemble.start();
    expect(() => ensemble.members[0]!.jumpZxid(0x7_0000_0000n)).toThrow(InvalidArgumentError);
  });
});
