/** What an ensemble shows that a server by itself does not. The same on a mini-ensemble and on real ones. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { EventTypeCode } from '../../src/protocol/constants.js';
import { Errno } from '../../src/protocol/error-codes.js';
import type { MultiOp } from '../../src/protocol/multi.js';
import { operations } from '../../src/protocol/operations.js';
import type { ConnectRequest } from '../../src/protocol/records.js';
import type { Stage, StageMember } from './ensemble-stage.js';
import { RawClient } from './raw-client.js';

const EPHEMERAL = 1;

/** Registers them in the suite that is being described. They run in their order: the later ones end members. */
export function ensembleScenarios(start: () => Promise<Stage>): void {
  let stage: Stage;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    stage = await start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });
  afterAll(() => stage.stop());

  const keep = (client: RawClient): RawClient => {
    clients.push(client);
    return client;
  };
  const open = async (member: StageMember, request: Partial<ConnectRequest> = {}): Promise<RawClient> =>
    keep(await RawClient.open(member, request));
  const socket = async (member: StageMember): Promise<RawClient> => keep(await RawClient.connect(member));
  /** A client at a member that has all that was written so far. */
  const upToDate = async (member: StageMember): Promise<RawClient> => {
    const client = await open(member);
    await client.call('sync', { path: '/' });
    return client;
  };
  const followers = async (): Promise<readonly StageMember[]> => {
    const leader = await stage.leader();
    return stage.members.filter(({ id }) => id !== leader.id);
  };
  const create = (client: RawClient, path: string, flags = 0) =>
    client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags });
  const set = (client: RawClient, path: string, data: string) =>
    client.call('setData', { path, data: Buffer.from(data), version: -1 });
  const read = async (client: RawClient, path: string, watch = false) => {
    const { response, zxid } = await client.call('getData', { path, watch });
    return { data: String(response?.data ?? ''), zxid };
  };

  it('a member that hears nothing of the leader answers from the past, until sync', async () => {
    const writer = await open(await stage.leader());
    await create(writer, '/stale');
    const { zxid: old } = await set(writer, '/stale', 'old');
    const reader = await upToDate(stage.remote);
    const watcher = await upToDate(stage.remote);
    const author = await upToDate(stage.remote);
    await read(watcher, '/stale', true);
    const seen = (await read(reader, '/stale')).zxid;
    expect(seen).toBeGreaterThan(old);

    const release = stage.holdRemote();
    const { zxid } = await set(writer, '/stale', 'new');
    expect(await read(reader, '/stale')).toEqual({ data: 'old', zxid: seen });
    // it lacks what this client has seen
    const { sessionId, passwd } = idOf(writer);
    const mover = await socket(stage.remote);
    expect(await mover.handshake({ sessionId, passwd, lastZxidSeen: zxid })).toBeNull();
    expect(await watcher.drainEvents()).toEqual([]);
    // these are answered when the leader is heard of again; what comes behind them waits too
    const order: string[] = [];
    const created = create(author, '/stale/child').then((reply) => {
      order.push('create');
      return reply;
    });
    const behind = read(author, '/stale').then((reply) => {
      order.push('read');
      return reply;
    });
    const synced = reader.call('sync', { path: '/stale' }).then((reply) => {
      order.push('sync');
      return reply;
    });
    expect((await read(await onlooker(writer), '/stale')).data).toBe('new');
    expect(order).toEqual([]);
    release();
    expect((await created).errno).toBe(0);
    expect((await behind).data).toBe('new');
    expect(order.filter((each) => each !== 'sync')).toEqual(['create', 'read']);
    expect((await synced).errno).toBe(0);
    expect((await read(reader, '/stale')).data).toBe('new');
    expect(await watcher.event()).toMatchObject({ type: EventTypeCode.NodeDataChanged, path: '/stale' });
  });

  const idOf = (client: RawClient) => {
    const { sessionId, passwd } = client.session!;
    return { sessionId, passwd };
  };

  /** Another client at the member of this one. */
  const onlooker = async (client: RawClient): Promise<RawClient> => {
    const leader = await stage.leader();
    return RawClient.reattach(leader, client).then(keep);
  };

  it('a session moves: the old connection may read, and is closed when it writes', async () => {
    const [from, to] = await followers();
    const old = await open(from!);
    await create(old, '/moves', EPHEMERAL);
    const now = keep(await RawClient.reattach(to!, old));
    expect((await old.call('getData', { path: '/moves', watch: false })).errno).toBe(0);
    expect((await old.call('sync', { path: '/moves' })).errno).toBe(0);
    expect((await old.call('ping', {})).errno).toBe(0);
    const { zxid } = await set(now, '/moves', 'once');
    old.send('setData', { path: '/moves', data: Buffer.from('lost'), version: -1 });
    expect(await old.reply()).toBeNull();
    const { response, zxid: next } = await set(now, '/moves', 'twice');
    expect(response!.stat).toMatchObject({ version: 2, ephemeralOwner: old.session!.sessionId });
    // the write that was refused has used up a zxid
    expect(next).toBe(zxid + 2n);
  });

  it('a session moves: which requests close the old connection', async () => {
    const [from, to] = await followers();
    const moved = async (): Promise<RawClient> => {
      const old = await open(from!);
      keep(await RawClient.reattach(to!, old));
      return old;
    };
    const ends = async (send: (client: RawClient) => void): Promise<void> => {
      const old = await moved();
      send(old);
      expect(await old.reply()).toBeNull();
    };
    const check = { op: operations.check, request: { path: '/', version: -1 } } as MultiOp;
    await ends((old) => old.send('multi', { ops: [check] }));
    await ends((old) => old.send('delete', { path: '/none', version: -1 }));
    const container = { path: '/c', data: null, acl: OPEN_ACL_UNSAFE, flags: 4 };
    await ends((old) => old.send('createContainer', container));
    await ends((old) => old.send('setACL', { path: '/', acl: OPEN_ACL_UNSAFE, version: 7 }));
    // nobody is asked about what follows
    const old = await moved();
    expect((await old.call('multi', { ops: [] })).errno).toBe(0);
    old.sendFrame(deleteContainer('/none'));
    expect([Errno.NoNode, Errno.BadArguments]).toContain((await old.reply())?.errno);
    const reply = await old.call('reconfig', NO_RECONFIG);
    expect(reply.errno).toBe(Errno.ReconfigDisabled);
  });

  it.each(['closed', 'expired'])(
    'a session that has moved is %s: its old connection ends too',
    async (how) => {
      const [from, to] = await followers();
      // little to wait for, and enough to get from one to the other on a busy machine
      const timeOut = how === 'closed' ? 30_000 : 6_000;
      const old = await open(from!, { timeOut });
      const now = keep(await RawClient.open(to!, { ...idOf(old), timeOut }));
      if (how === 'closed') expect((await now.call('closeSession', {})).errno).toBe(0);
      else now.destroy();
      expect(await old.reply()).toBeNull();
    },
  );

  it('a session moves away from the leader, where the old connection may not even read', async () => {
    const [to] = await followers();
    for (const op of ['getData', 'sync', 'ping'] as const) {
      const old = await open(await stage.leader());
      keep(await RawClient.reattach(to!, old));
      if (op === 'ping') old.send('ping', {});
      else if (op === 'sync') old.send('sync', { path: '/' });
      else old.send('getData', { path: '/', watch: false });
      expect(await old.frame(), op).toBeNull();
    }
  });

  it('a session that has moved can be closed from where it was', async () => {
    const [from, to] = await followers();
    const old = await open(from!);
    const now = keep(await RawClient.reattach(to!, old));
    expect((await old.call('closeSession', {})).errno).toBe(0);
    expect(await now.frame()).toBeNull();
  });

  it('a leader that stands still holds writes and syncs, and nothing else', async () => {
    const [follower] = await followers();
    const [writer, reader] = [await open(follower!), await upToDate(follower!)];
    await create(writer, '/frozen');
    await reader.call('sync', { path: '/' });
    const goOn = await stage.freezeLeader();
    const order: string[] = [];
    const written = set(writer, '/frozen', 'x').then(({ errno }) => order.push(`write ${errno}`));
    const opening = (await socket(follower!))
      .handshake()
      .then((session) => order.push(`open ${session!.timeOut}`));
    for (let i = 0; i < 10; i++) expect((await read(reader, '/frozen')).data).toBe('');
    expect(order).toEqual([]);
    await goOn();
    await Promise.all([written, opening]);
    expect(order.sort()).toEqual(['open 30000', 'write 0']);
    await reader.call('sync', { path: '/' });
    expect((await read(reader, '/frozen')).data).toBe('x');
  });

  it('the leader is lost: sessions and what was acknowledged go on, in a new epoch', async () => {
    const first = await stage.leader();
    const [follower] = await followers();
    const client = await open(follower!);
    await create(client, '/kept', EPHEMERAL);
    const { zxid } = await set(client, '/kept', 'x');
    await stage.kill(first);
    // members without a leader serve nobody
    expect(await client.frame()).toBeNull();
    const second = await stage.leader();
    const [other] = (await followers()).filter(({ id }) => id !== first.id);
    const epoch = ((zxid >> 32n) + 1n) << 32n;

    // the leader begins with its epoch, and who has seen that is refused by those who have not
    const early = await socket(second);
    const { sessionId, passwd } = client.session!;
    expect((await early.handshake({ sessionId, passwd, lastZxidSeen: zxid }))!.sessionId).toBe(sessionId);
    expect(await read(early, '/kept')).toEqual({ data: 'x', zxid: epoch });
    expect(await (await socket(other!)).handshake({ sessionId, passwd, lastZxidSeen: epoch })).toBeNull();
    expect((await set(early, '/kept', 'y')).zxid).toBe(epoch + 1n);
    const late = await upToDate(other!);
    expect((await read(late, '/kept')).data).toBe('y');
    expect((await late.call('exists', { path: '/kept', watch: false })).response!.stat.ephemeralOwner).toBe(
      sessionId,
    );
    const last = keep(await RawClient.reattach(other!, client));
    expect((await last.call('closeSession', {})).errno).toBe(0);
    await stage.complete();
    const again = await upToDate(first);
    expect((await again.call('exists', { path: '/kept', watch: false })).errno).toBe(Errno.NoNode);
    expect((await read(again, '/frozen')).data).toBe('x');
  });

  it('one is left: it lets in nobody who writes, no session, and nobody without one', async () => {
    const [survivor] = await followers();
    const client = await upToDate(survivor!);
    const { sessionId, passwd } = client.session!;
    for (const member of stage.members) if (member.id !== survivor!.id) await stage.kill(member);
    await stage.kill(stage.remote);
    expect(await client.frame()).toBeNull();
    await stage.servesReadOnly(survivor!);
    expect(await (await socket(survivor!)).handshake({ readOnly: false })).toBeNull();
    expect(await (await socket(survivor!)).handshake({ readOnly: true, sessionId, passwd })).toBeNull();
    const stranger = await socket(survivor!);
    stranger.sendFrame(READ_ONLY_CONNECT);
    // a reply header in the place of an answer to the handshake
    expect(await stranger.reply()).toMatchObject({ xid: 0, errno: Errno.NotReadOnly });
    await stage.complete();
    const back = await socket(survivor!);
    expect((await back.handshake({ sessionId, passwd }))!.sessionId).toBe(sessionId);
  });
}

/** What servers ask each other for. */
function deleteContainer(path: string): Buffer {
  const frame = Buffer.alloc(12 + path.length);
  for (const [i, int] of [9, 20, path.length].entries()) frame.writeInt32BE(int, i * 4);
  frame.write(path, 12);
  return frame;
}

const NO_RECONFIG = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n };

/** A connect request without a session, with the read-only byte set. */
const READ_ONLY_CONNECT = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x75, 0x30]),
  Buffer.alloc(8),
  Buffer.from([0, 0, 0, 16]),
  Buffer.alloc(16),
  Buffer.from([1]),
]);
