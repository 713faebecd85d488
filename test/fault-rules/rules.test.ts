/** Each action of a rule does exactly what it says and nothing else, on a mini-server and on a proxy before one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddWatchModeCode } from '../../src/protocol/constants.js';
import type { FaultRule, HoldRule, RequestActions } from '../../src/testing.js';
import { KINDS, applied, createFrame, settle, startWorld, type Scribe, type World } from './fault-world.js';

const ALL = ['1 ok', '2 ok', '3 ok', '4 ok', 'ping'];
const MADE = ['1', '2', '3', '4'];

describe.each(KINDS)('on a %s', (kind) => {
  let world: World;
  let client: Scribe;

  beforeEach(async () => {
    world = await startWorld(kind);
    client = await world.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const request = (): RequestActions => world.faults.when({ op: 'create', path: '/t/2' });
  const reply = () => world.faults.when({ op: 'create', path: '/t/2', direction: 'toClient' });

  it('nothing happens without a rule', async () => {
    client.createAll();
    expect(await client.untilPing()).toEqual(ALL);
    expect(applied(world.server)).toEqual(MADE);
  });

  it.each<[string, () => FaultRule, string[], string[]]>([
    ['drop a request', () => request().drop(), ['1 ok', '3 ok', '4 ok', 'ping'], ['1', '3', '4']],
    ['drop a reply', () => reply().drop(), ['1 ok', '3 ok', '4 ok', 'ping'], MADE],
    [
      'reply in its place',
      () => request().reply('NoAuth'),
      ['1 ok', '2 NoAuth', '3 ok', '4 ok', 'ping'],
      ['1', '3', '4'],
    ],
    [
      'reply by number',
      () => request().reply(-4711),
      ['1 ok', '2 -4711', '3 ok', '4 ok', 'ping'],
      ['1', '3', '4'],
    ],
    [
      'duplicate a request',
      () => request().duplicate(),
      ['1 ok', '2 ok', '2 NodeExists', '3 ok', '4 ok', 'ping'],
      MADE,
    ],
    ['duplicate a reply', () => reply().duplicate(), ['1 ok', '2 ok', '2 ok', '3 ok', '4 ok', 'ping'], MADE],
    [
      'swap a request',
      () => request().swap(),
      ['1 ok', '3 ok', '2 ok', '4 ok', 'ping'],
      ['1', '3', '2', '4'],
    ],
    ['swap a reply', () => reply().swap(), ['1 ok', '3 ok', '2 ok', '4 ok', 'ping'], MADE],
    [
      'truncate a request',
      () => request().truncate(8),
      ['1 ok', '2 Marshalling', '3 ok', '4 ok', 'ping'],
      ['1', '3', '4'],
    ],
    ['truncate a reply', () => reply().truncate(10), ['1 ok', '10 bytes', '3 ok', '4 ok', 'ping'], MADE],
    [
      'rewrite a request',
      () =>
        request().rewrite((body) => Buffer.from(body.toString('latin1').replace('/t/2', '/t/x'), 'latin1')),
      ALL,
      ['1', 'x', '3', '4'],
    ],
    [
      'rewrite a reply',
      () => reply().rewrite((body) => (body.writeInt32BE(-102, 12), body)),
      ['1 ok', '2 NoAuth', '3 ok', '4 ok', 'ping'],
      MADE,
    ],
    ['chunk a request', () => request().chunk(1), ALL, MADE],
    ['chunk a reply', () => reply().chunk([3, 1]), ALL, MADE],
    ['truncate what is no longer', () => request().truncate(1000), ALL, MADE],
  ])('%s', async (what, rule, seen, made) => {
    const standing = rule();
    expect(world.faults.rules).toEqual([standing]);
    client.createAll();
    expect(await client.untilPing()).toEqual(seen);
    expect(applied(world.server)).toEqual(made);
    const acts = what.endsWith('no longer') ? 0 : 1;
    expect(standing.count).toBe(acts);
    expect(standing.standing).toBe(acts === 0);
    expect(world.faults.rules).toHaveLength(1 - acts);
    if (acts === 1) expect((await standing.reached).path).toBe('/t/2');
    // and the connection is as good as ever
    expect(await client.call('getData', { path: '/t', watch: false })).toBe('ok');
  });

  it('chunks arrive as such', async () => {
    reply().chunk([3, 1]);
    client.createAll();
    await client.untilPing();
    const size = client.frames[1]!.length + 4;
    expect(client.chunks.filter((bytes) => bytes === 3)).toHaveLength(1);
    expect(client.chunks.filter((bytes) => bytes === 1)).toHaveLength(size - 3);
  });

  it.each([1, 5])('garble flips %d bits, always the same', async (bits) => {
    client.createAll();
    await client.untilPing();
    const plain = client.frames[1]!;
    const flipped: string[] = [];
    for (let i = 0; i < 2; i++) {
      await using again = await startWorld(kind);
      const other = await again.open();
      again.faults.when({ xid: 2, direction: 'toClient' }).garble({ bits, seed: 7 });
      other.createAll();
      await other.until((seen) => seen.length === 5);
      expect(other.frames.map((frame) => frame.length)).toEqual(client.frames.map((frame) => frame.length));
      const garbled = other.frames[1]!;
      expect(bitsApart(plain, garbled)).toBe(bits);
      other.frames.splice(1, 1);
      expect(other.frames).toEqual(client.frames.filter((frame) => frame !== plain));
      flipped.push(garbled.toString('hex'));
    }
    expect(flipped[0]).toBe(flipped[1]);
  });

  it('garble the length of a reply and nothing else', async () => {
    const rule = reply().garble({ part: 'length', seed: 3 });
    client.createAll();
    await rule.reached;
    await client.until((seen) => seen.length > 0);
    expect(client.seen[0]).toBe('1 ok');
    expect(applied(world.server)).toEqual(MADE);
    expect(rule.count).toBe(1);
  });

  it('swap of a request: the end of the stream does not count as the next one', async () => {
    const rule = request().swap();
    client.socket.end(createFrame(2));
    await rule.reached;
    while (applied(world.server).length === 0) await settle(world);
    expect(applied(world.server)).toEqual(['2']);
  });

  describe.each(['request', 'reply'] as const)('of a %s', (which) => {
    const before = which === 'request' ? ['1'] : MADE;
    const chosen = () => (which === 'request' ? request() : reply());

    it('delay: it and all behind it come later', async () => {
      const rule = chosen().delay(250);
      client.createAll();
      await rule.reached;
      world.clock.advance(249);
      await settle(world);
      expect(client.seen).toEqual(['1 ok']);
      expect(applied(world.server)).toEqual(before);
      // whatever else comes meanwhile
      client.send('exists', { path: '/t', watch: false }, 99);
      await settle(world);
      expect(client.seen).toEqual(['1 ok']);
      world.clock.advance(1);
      await client.until((seen) => seen.includes('99 ok'));
      expect(client.seen).toEqual([...ALL, '99 ok']);
      expect(applied(world.server)).toEqual(MADE);
      expect(rule.count).toBe(1);
    });

    it.each<[string, (rule: HoldRule) => void]>([
      ['release', (rule) => rule.release()],
      ['remove', (rule) => rule.remove()],
      ['clearRules', () => world.faults.clearRules()],
      ['heal', () => world.faults.heal()],
      ['dispose', (rule) => rule[Symbol.dispose]()],
    ])('hold: it and all behind it wait for %s', async (_name, release) => {
      const rule = chosen().hold();
      client.createAll();
      expect(await rule.reached).toMatchObject({ path: '/t/2', op: 'create', xid: 2 });
      world.clock.advance(1_000);
      await settle(world);
      expect(client.seen).toEqual(['1 ok']);
      expect(applied(world.server)).toEqual(before);
      expect(rule.holding).toBe(1);
      expect(world.faults.rules).toEqual([rule]);
      release(rule);
      expect(rule.holding).toBe(0);
      expect(rule.standing).toBe(false);
      expect(world.faults.rules).toEqual([]);
      expect(await client.untilPing()).toEqual(ALL);
      expect(applied(world.server)).toEqual(MADE);
      expect(rule.count).toBe(1);
    });

    it('swap: it waits until there is a next one, or the rule is removed', async () => {
      const rule = world.faults
        .when({
          op: 'create',
          path: '/t/4',
          ...(which === 'reply' ? { direction: 'toClient' } : {}),
        } as object)
        .swap();
      client.socket.write(Buffer.alloc(0));
      client.send(
        'create',
        { path: '/t/4', data: null, acl: [{ perms: 31, scheme: 'world', id: 'anyone' }], flags: 0 },
        4,
      );
      await rule.reached;
      await settle(world);
      expect(client.seen).toEqual([]);
      rule.remove();
      await client.until((seen) => seen.length === 1);
      expect(client.seen).toEqual(['4 ok']);
    });
  });

  describe('cut', () => {
    it.each(['reset', 'fin'] as const)('before it is applied, by %s', async (how) => {
      const rule = request().cut('beforeApplied', { how });
      client.createAll();
      expect(await client.untilEnd()).toEqual(['1 ok', how]);
      expect(applied(world.server)).toEqual(['1']);
      expect(rule.count).toBe(1);
      expect(world.faults.rules).toEqual([]);
    });

    it.each(['reset', 'fin'] as const)('before it is answered, by %s', async (how) => {
      const rule = request().cut('beforeAnswered', { how });
      client.createAll(2);
      expect(await client.untilEnd()).toEqual(['1 ok', how]);
      expect(applied(world.server)).toEqual(['1', '2']);
      expect(rule.count).toBe(1);
    });

    it.each(['reset', 'fin'] as const)('after it is answered, by %s', async (how) => {
      const rule = request().cut('afterAnswered', { how });
      client.createAll(2);
      expect(await client.untilEnd()).toEqual(['1 ok', '2 ok', how]);
      expect(applied(world.server)).toEqual(['1', '2']);
      expect(rule.count).toBe(1);
    });

    it.each(['reset', 'fin'] as const)('before and after a reply is delivered, by %s', async (how) => {
      reply().cut('beforeDelivered', { how });
      client.createAll(2);
      expect(await client.untilEnd()).toEqual(['1 ok', how]);
      const other = await world.open();
      world.faults.when({ op: 'exists', direction: 'toClient' }).cut('afterDelivered', { how });
      other.send('exists', { path: '/t', watch: false }, 5);
      expect(await other.untilEnd()).toEqual(['5 ok', how]);
      expect(applied(world.server)).toEqual(['1', '2']);
    });

    it('silence: both ends keep their socket and hear nothing', async () => {
      const rule = request().cut('beforeAnswered', { how: 'silence' });
      client.createAll();
      await rule.reached;
      await settle(world);
      expect(client.seen).toEqual(['1 ok']);
      expect(world.server.sessions.map(({ connected }) => connected)).toEqual([true]);
      client.send('create', { path: '/t/9', data: null, acl: [], flags: 0 });
      client.socket.end();
      await settle(world);
      expect(client.seen.filter((line) => line !== 'fin')).toEqual(['1 ok']);
      expect(world.server.sessions.map(({ connected }) => connected)).toEqual([true]);
      expect(applied(world.server)).not.toContain('9');
    });

    it('after so many bytes of a reply', async () => {
      for (let bytes = 1; bytes < 24; bytes++) {
        const each = await world.open();
        world.faults
          .when({ op: 'exists', direction: 'toClient' })
          .cut('beforeDelivered', { afterBytes: bytes });
        each.send('exists', { path: '/t', watch: false }, 5);
        expect(await each.untilEnd()).toEqual(['reset']);
        expect(each.chunks).toEqual([bytes]);
      }
    });

    it('after so many bytes of a request', async () => {
      const rule = request().cut('beforeApplied', { afterBytes: 5, how: 'fin' });
      client.createAll();
      expect(await client.untilEnd()).toEqual(['1 ok', 'fin']);
      expect(applied(world.server)).toEqual(['1']);
      expect(rule.count).toBe(1);
    });

    it.each(['beforeAnswered', 'afterAnswered'] as const)(
      '%s is off when its rule is removed before',
      async (point) => {
        const pause = world.faults.pause('toServer');
        const rule = request().cut(point);
        client.createAll();
        while (pause.count < 5) await settle(world);
        rule.remove();
        pause.end();
        expect(await client.untilPing()).toEqual(ALL);
        expect(rule.count).toBe(0);
        await expect(rule.reached).rejects.toMatchObject({ code: 'ZK_RULE_REMOVED' });
      },
    );
  });

  describe('handshakes', () => {
    it.each([
      ['SessionExpired', 'expired'],
      ['NotReadOnly', 'handshake NotReadOnly'],
    ] as const)('refused with %s', async (error, seen) => {
      const rule = world.faults.when({ handshake: true }).reply(error);
      const before = world.server.sessions.length;
      const opened = await world.open().catch((reason: unknown) => (reason as Error).message);
      expect(opened).toBe(`no session: ${seen}`);
      expect(rule.count).toBe(1);
      expect(world.server.sessions).toHaveLength(before);
      expect((await world.open()).sessionId).not.toBe(0n);
    });

    it.each(['reset', 'fin'] as const)('cut before and after they are applied, by %s', async (how) => {
      const cases = [
        ['beforeApplied', 0, ''],
        ['beforeAnswered', 1, ''],
        ['afterAnswered', 1, 'welcome'],
      ] as const;
      for (const [point, sessions, seen] of cases) {
        const before = world.server.sessions.length;
        const rule = world.faults.when({ handshake: true }).cut(point, { how });
        const opened = await world.open().catch(() => null);
        if (opened === null) expect(seen).toBe('');
        else await opened.untilEnd();
        expect(world.server.sessions).toHaveLength(before + sessions);
        expect(rule.count).toBe(1);
      }
    });

    it('of one session alone', async () => {
      const { sessionId, session } = client;
      const rule = world.faults.when({ handshake: true, session: sessionId }).cut('beforeApplied');
      const other = await world.open();
      expect(rule.count).toBe(0);
      await expect(world.open({ sessionId, passwd: session!.passwd })).rejects.toThrow('no session: reset');
      expect(rule.count).toBe(1);
      expect(await other.call('exists', { path: '/t', watch: false })).toBe('ok');
    });
  });

  describe('notifications', () => {
    const watch = async (by: Scribe): Promise<void> => {
      expect(await by.call('addWatch', { path: '/t', mode: AddWatchModeCode.PERSISTENT_RECURSIVE })).toBe(
        'ok',
      );
      by.seen.length = 0;
    };
    const events = (by: Scribe): string[] => by.seen.filter((line) => line.startsWith('event'));

    it('of one path are dropped', async () => {
      await watch(client);
      const rule = world.faults.when({ notification: true, path: '/t/2' }).drop();
      client.createAll();
      await client.untilPing();
      expect(events(client)).toEqual(['event 1 /t/1', 'event 1 /t/3', 'event 1 /t/4']);
      expect(client.seen.filter((line) => line.endsWith('ok'))).toEqual(ALL.slice(0, 4));
      expect(rule.count).toBe(1);
    });

    it('of one type are duplicated', async () => {
      await watch(client);
      world.faults.when({ notification: 'NodeDeleted', times: Infinity }).duplicate();
      client.createAll(1);
      await client.untilPing();
      await client.call('delete', { path: '/t/1', version: -1 });
      expect(events(client)).toEqual(['event 1 /t/1', 'event 2 /t/1', 'event 2 /t/1']);
    });

    it('swapped with what comes next, so behind the reply', async () => {
      await watch(client);
      world.faults.when({ notification: true }).swap();
      client.createAll(1);
      expect(await client.untilPing()).toEqual(['1 ok', 'event 1 /t/1', 'ping']);
    });

    it('held hold what comes behind', async () => {
      const other = await world.open();
      await watch(other);
      const rule = world.faults.when({ notification: true, session: other.sessionId }).hold();
      client.createAll(1);
      await client.untilPing();
      await rule.reached;
      other.send('exists', { path: '/t', watch: false }, 5);
      await settle(world);
      expect(other.seen).toEqual([]);
      rule.release();
      await other.until((seen) => seen.length === 2);
      expect(other.seen).toEqual(['event 1 /t/1', '5 ok']);
    });
  });
});

function bitsApart(a: Buffer, b: Buffer): number {
  let bits = 0;
  for (let i = 0; i < a.length; i++) {
    for (let x = a[i]! ^ b[i]!; x !== 0; x &= x - 1) bits++;
  }
  return bits;
}
