/** The object itself: options, life, what it shows, time that a test owns. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { connect } from '../../../../src/index.js';
import { InvalidArgumentError, InvalidOptionError } from '../../../../src/protocol/errors.js';
import { ListenError, MiniEnsemble, MiniServer, VirtualClock } from '../../../../src/testing.js';
import type { MiniEnsembleOptions } from '../../../../src/testing/ensemble/ensemble-options.js';
import { ManualClock } from '../manual-clock.js';
import { conn, create, followersOf, raw, read, set, startEnsemble } from './ensemble-world.js';

describe('options', () => {
  it.each<[string, MiniEnsembleOptions]>([
    ['members', { members: 0 }],
    ['members', { members: 2.5 }],
    ['observers', { observers: -1 }],
    ['ports', { ports: [1, 2] }],
    ['ports', { port: 2181 } as MiniEnsembleOptions],
    ['readOnlyMode', { readOnlyMode: { localSessions: 1 } as never }],
    ['readOnlyMode', { readOnlyMode: 'yes' as never }],
    ['reconfigEnabled', { reconfigEnabled: 'yes' as never }],
    ['syncLimitMs', { syncLimitMs: -1 }],
    ['electionMs', { electionMs: Infinity }],
    ['readOnlyAfterMs', { readOnlyAfterMs: 1.5 }],
    ['tickTimeMs', { tickTimeMs: 0 }],
    ['unknown option quorum', { quorum: 3 } as MiniEnsembleOptions],
  ])('refuses %s that cannot be', async (text, options) => {
    const refused = await MiniEnsemble.start(options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(InvalidOptionError);
    expect(String(refused)).toContain(text);
  });

  it('one port that is taken ends the others', async () => {
    await using taken = await MiniServer.start();
    await expect(MiniEnsemble.start({ members: 2, ports: [0, taken.port] })).rejects.toMatchObject({
      reason: 'EADDRINUSE',
    });
  });

  it('a single member is a quorum', async () => {
    const ensemble = await startEnsemble({ members: 1 });
    expect(ensemble.leader).toBe(ensemble.members[0]);
    const client = await raw(ensemble.leader!);
    expect((await create(client, '/a')).errno).toBe(0);
  });

  it('a snapshot is what all begin with', async () => {
    const first = await startEnsemble();
    await create(await raw(first.members[0]!), '/a');
    const snapshot = first.members[1]!.snapshot();
    const second = await startEnsemble({ snapshot });
    const added = await second.addMember();
    for (const { tree } of second.members) expect(tree.get('/a')).toEqual(first.leader!.tree.get('/a'));
    const client = await raw(added);
    expect((await set(client, '/a', 'new')).zxid).toBeGreaterThan(0x200000000n);
    second.members[0]!.restore(snapshot);
    expect(await client.frame()).toBeNull();
    expect(second.leader).toBeDefined();
    expect(second.members.map(({ tree }) => tree.get('/a')!.stat.version)).toEqual([0, 0, 0, 0]);
    expect(second.members.map(({ tree }) => tree.get('/zookeeper/config')!.data!.toString())).toEqual(
      Array(4).fill(second.config),
    );
    const other = await raw(second.members[1]!);
    expect((await set(other, '/a', 'newer')).errno).toBe(0);
    expect(() => second.members[0]!.restore({} as never)).toThrow(/snapshot/i);
  });
});

describe('a lag', () => {
  it('of some ms passes with the clock, change by change', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock });
    const [slow] = followersOf(ensemble);
    const client = await raw(ensemble.leader!);
    ensemble.lag(slow!, 100);
    await create(client, '/a');
    clock.advance(60);
    await create(client, '/b');
    clock.advance(40);
    const has = (path: string): boolean => slow!.tree.get(path) !== undefined;
    expect([has('/a'), has('/b')]).toEqual([true, false]);
    clock.advance(60);
    expect(has('/b')).toBe(true);
  });

  it('takes the place of a former one; ends once', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.leader!);
    const held = ensemble.lag(0);
    await create(client, '/a');
    const other = ensemble.lag(0, 1_000_000);
    expect([held.standing, other.standing]).toEqual([false, true]);
    held.end();
    await create(client, '/b');
    expect(ensemble.members[0]!.tree.get('/a')).toBeDefined();
    expect(ensemble.members[0]!.tree.get('/b')).toBeUndefined();
    other[Symbol.dispose]();
    expect(ensemble.members[0]!.tree.get('/b')).toBeDefined();
    for (const ms of [0, -1, 1.5, NaN, '1' as never]) {
      expect(() => ensemble.lag(0, ms)).toThrow(InvalidArgumentError);
    }
  });

  it('is over for what is in the log when the leader is lost', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.leader!);
    ensemble.lag(0);
    await create(client, '/a');
    await ensemble.stop(ensemble.leader!);
    expect(ensemble.members[0]!.tree.get('/a')).toBeDefined();
  });
});

describe('a member', () => {
  it('has the faults of a mini-server', async () => {
    const ensemble = await startEnsemble();
    const [member] = ensemble.members;
    member!.when({ op: 'create' }).reply('OperationTimeout');
    const client = await raw(member!);
    expect((await create(client, '/a')).errno).toBe(-7);
    expect((await create(client, '/a')).errno).toBe(0);
    expect(() => member!.readOnly()).toThrow(InvalidArgumentError);
  });

  it('gets all from the others when its disk is lost', async () => {
    const ensemble = await startEnsemble();
    const client = await raw(ensemble.members[0]!);
    await create(client, '/a', 1);
    for (const member of ensemble.members) {
      member.wipe();
      expect(member.tree.get('/a')).toBeDefined();
    }
    expect(ensemble.sessions).toHaveLength(1);
  });

  it('deletes what is due through the leader', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock });
    const client = await conn(ensemble.members[0]!.connectString);
    await client.create('/ttl', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 100 });
    clock.advance(101);
    ensemble.members[0]!.reap();
    expect(ensemble.members.map(({ tree }) => tree.get('/ttl'))).toEqual([undefined, undefined, undefined]);
  });

  it('that leads and stands still lets no session expire', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock });
    await raw(ensemble.members[0]!, { timeOut: 2_000 });
    const pause = ensemble.leader!.pause();
    clock.advance(10_000);
    expect(ensemble.sessions).toHaveLength(1);
    pause.end();
    clock.advance(1_000);
    expect(ensemble.sessions).toEqual([]);
  });

  it('stops, starts and closes by itself too', async () => {
    const ensemble = await startEnsemble();
    const [first, second, third] = ensemble.members;
    await third!.stop();
    expect(ensemble.leader).toBe(second);
    await third!.restart();
    expect(third!.role).toBe('follower');
    await first!.restart();
    expect(ensemble.members.map(({ role }) => role)).toEqual(['follower', 'leader', 'follower']);
    await third!.close();
    expect(third!.role).toBe('stopped');
  });
});

it('shows its members and their roles', async () => {
  const ensemble = await startEnsemble();
  expect(JSON.parse(JSON.stringify(ensemble))).toEqual({
    connectString: ensemble.connectString,
    roles: ['follower', 'follower', 'leader'],
  });
  expect(inspect(ensemble)).toContain("roles: [ 'follower', 'follower', 'leader' ]");
});

it('leaves nothing behind when it is closed, twice', async () => {
  const clock = new ManualClock();
  const ensemble = await MiniEnsemble.start({ clock, electionMs: 10, syncLimitMs: 10, readOnlyAfterMs: 10 });
  clock.advance(10);
  ensemble.partition([[0]]);
  ensemble.lag(1, 100);
  await ensemble.close();
  await ensemble.close();
  expect(clock.pendingTimers).toBe(0);
});

it('is closed for good: no member starts, none is added', async () => {
  const ensemble = await MiniEnsemble.start();
  const late = ensemble.addMember();
  await ensemble.close();
  await expect(late).rejects.toThrow(ListenError);
  await expect(ensemble.addMember()).rejects.toThrow(ListenError);
  await expect(ensemble.start(0)).rejects.toThrow(ListenError);
  expect(() => ensemble.elect(0)).toThrow(InvalidArgumentError);
  expect(ensemble.members.map(({ role, running }) => [role, running])).toEqual([
    ['stopped', false],
    ['stopped', false],
    ['stopped', false],
  ]);
  expect(ensemble.members[0]!.tree.get('/zookeeper')).toBeDefined();
});

it('a member is closed for good, and the others go on', async () => {
  const ensemble = await startEnsemble();
  await ensemble.leader!.close();
  await expect(ensemble.start(2)).rejects.toThrow(ListenError);
  expect(ensemble.members.map(({ role }) => role)).toEqual(['follower', 'leader', 'stopped']);
});

it('heal ends the partition and every lag, and no fault between a member and its clients', async () => {
  const ensemble = await startEnsemble();
  const [slow, other] = followersOf(ensemble);
  const lags = [ensemble.lag(slow!), ensemble.lag(other!, 1_000)];
  const own = slow!.lag(1);
  const writer = await raw(ensemble.leader!);
  await create(writer, '/a');
  expect(slow!.tree.get('/a')).toBeUndefined();
  ensemble.heal();
  expect(lags.map(({ standing }) => standing)).toEqual([false, false]);
  expect([slow, other].map((member) => member!.tree.get('/a')?.text)).toEqual(['', '']);
  expect(own.standing).toBe(true);
});

it('lives on a virtual clock, without sockets: an hour with a fail-over in each minute', async () => {
  const clock = new VirtualClock();
  const ensemble = await MiniEnsemble.start({ clock, syncLimitMs: 1_000, electionMs: 300 });
  await clock.advanceUntil(() => ensemble.leader !== undefined);
  const { dialer } = ensemble;
  const client = await clock.advanceUntil(connect(ensemble.connectString, { clock, dialer }));
  await clock.advanceUntil(client.create('/mine', '0', { mode: 'EPHEMERAL' }));
  const { sessionId } = client;
  for (let minute = 1; minute <= 60; minute++) {
    const leader = ensemble.leader!;
    const others = ensemble.members.filter((member) => member !== leader);
    ensemble.partition([[leader], others]);
    await clock.advance(30_000);
    await clock.advanceUntil(client.set('/mine', String(minute)));
    ensemble.heal();
    await clock.advance(30_000);
  }
  expect(client.sessionId).toBe(sessionId);
  for (const { tree } of ensemble.members) expect(String(tree.get('/mine')!.data)).toBe('60');
  expect(ensemble.leader!.lastZxid >> 32n).toBe(61n);
  await clock.advanceUntil(client.close());
  await ensemble.close();
});

it('reads of one member are of one history: what was read never goes back', async () => {
  const ensemble = await startEnsemble();
  const [slow] = followersOf(ensemble);
  const [writer, reader] = [await raw(ensemble.leader!), await raw(slow!)];
  await create(writer, '/a');
  for (let i = 0; i < 20; i++) {
    const lag = i % 3 === 0 ? ensemble.lag(slow!) : null;
    await set(writer, '/a', String(i));
    const seen = Number(await read(reader, '/a'));
    expect(seen).toBe(lag === null ? i : Math.max(0, i - 1));
    lag?.end();
  }
});
