/** Members that have no quorum and serve those who only read. */
import { describe, expect, it } from 'vitest';
import { NotReadOnlyError } from '../../../../src/index.js';
import { Errno } from '../../../../src/protocol/error-codes.js';
import { OPEN_ACL_UNSAFE } from '../../../../src/protocol/acls.js';
import { fourLetterWord } from '../../../support/raw-client.js';
import { ManualClock } from '../manual-clock.js';
import { conn, create, raw, read, socket, startEnsemble } from './ensemble-world.js';

/** A connect request without a session, with the read-only byte set. */
const CONNECT = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x75, 0x30]),
  Buffer.alloc(8),
  Buffer.from([0, 0, 0, 16]),
  Buffer.alloc(16),
  Buffer.from([1]),
]);
const NODE = { path: '/b', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };

describe('a minority in read-only mode', () => {
  it('answers reads and refuses the rest, on sessions of its own', async () => {
    const ensemble = await startEnsemble({ readOnlyMode: true });
    const lone = ensemble.members[0]!;
    const writer = await raw(lone);
    await create(writer, '/a');
    const { lastZxid } = lone;
    ensemble.partition([[0], [1, 2]]);
    expect(await writer.frame()).toBeNull();
    expect(lone.role).toBe('looking');

    const client = await raw(lone, { readOnly: true });
    expect(client.session!.readOnly).toBe(true);
    expect(await read(client, '/a', true)).toBe('');
    for (const call of [
      () => client.call('create', NODE),
      () => client.call('sync', { path: '/a' }),
      () => client.call('multi', { ops: [] }),
      () =>
        client.call('reconfig', {
          joiningServers: null,
          leavingServers: '1',
          newMembers: null,
          curConfigId: -1n,
        }),
    ]) {
      expect(await call()).toMatchObject({ errno: Errno.NotReadOnly, zxid: lastZxid });
    }
    // its session is no change
    expect(lone.lastZxid).toBe(lastZxid);
    expect((await client.call('closeSession', {})).errno).toBe(0);
    expect(await client.frame()).toBeNull();
    expect(lone.sessions.map(({ id }) => id)).toEqual([writer.session!.sessionId]);
  });

  it('lets in nobody who writes, nor a session of the ensemble', async () => {
    const ensemble = await startEnsemble({ readOnlyMode: true });
    const lone = ensemble.members[0]!;
    const { sessionId, passwd } = (await raw(lone)).session!;
    ensemble.partition([[0], [1, 2]]);
    expect(await (await socket(lone)).handshake({ readOnly: false })).toBeNull();
    expect(await (await socket(lone)).handshake({ readOnly: true, sessionId, passwd })).toBeNull();
    const own = await raw(lone, { readOnly: true });
    const again = await socket(lone);
    const { sessionId: ownId, passwd: ownPasswd } = own.session!;
    await again.handshake({ readOnly: true, sessionId: ownId, passwd: ownPasswd });
    expect(again.session!.sessionId).toBe(ownId);
    expect(await own.frame()).toBeNull();
    const wrong = await (await socket(lone)).handshake({ readOnly: true, sessionId: ownId });
    expect([
      wrong!.timeOut,
      (await (await socket(lone)).handshake({ readOnly: true, sessionId: 9n }))!.timeOut,
    ]).toEqual([0, 0]);
  });

  it('without local sessions refuses new ones by an error', async () => {
    const ensemble = await startEnsemble({ readOnlyMode: { localSessions: false } });
    ensemble.partition([[0], [1, 2]]);
    const client = await socket(ensemble.members[0]!);
    client.sendFrame(CONNECT);
    expect(await client.reply()).toMatchObject({ xid: 0, errno: Errno.NotReadOnly });
    expect(await client.frame()).toBeNull();
  });

  it('closes all connections when it is no minority any more', async () => {
    const ensemble = await startEnsemble({ readOnlyMode: true });
    const lone = ensemble.members[0]!;
    ensemble.partition([[0], [1, 2]]);
    const client = await raw(lone, { readOnly: true });
    const { sessionId, passwd } = client.session!;
    ensemble.heal();
    expect(await client.frame()).toBeNull();
    expect([lone.role, lone.sessions]).toEqual(['follower', []]);
    expect((await (await socket(lone)).handshake({ readOnly: true, sessionId, passwd }))!.timeOut).toBe(0);
    expect((await raw(lone, { readOnly: true })).session!.readOnly).toBe(false);
  });

  it('begins after the time that it is told', async () => {
    const clock = new ManualClock();
    const ensemble = await startEnsemble({ clock, readOnlyMode: true, readOnlyAfterMs: 2_000 });
    ensemble.partition([[0], [1, 2]]);
    clock.advance(1_999);
    expect(await (await socket(ensemble.members[0]!)).handshake({ readOnly: true })).toBeNull();
    clock.advance(1);
    await raw(ensemble.members[0]!, { readOnly: true });
    ensemble.heal();
    ensemble.partition([[0], [1, 2]]);
    clock.advance(1_000);
    ensemble.heal();
    clock.advance(5_000);
    expect(ensemble.members[0]!.role).toBe('follower');
    expect((await raw(ensemble.members[0]!, { readOnly: true })).session!.readOnly).toBe(false);
  });

  it('serves a Conn that may only read, which writes again when all is well', async () => {
    const ensemble = await startEnsemble({ readOnlyMode: true });
    const writer = await conn(ensemble.connectString);
    await writer.create('/a', 'x');
    await writer.close();
    ensemble.partition([[0], [1], [2]]);
    const client = await conn(ensemble.connectString, { readOnly: true });
    expect(client.state).toBe('ConnectedReadOnly');
    expect(String((await client.get('/a')).data)).toBe('x');
    await expect(client.set('/a', 'y')).rejects.toBeInstanceOf(NotReadOnlyError);
    const writable = new Promise<void>((resolve) => {
      client.on('state', ({ state }) => {
        if (state === 'SyncConnected') resolve();
      });
    });
    ensemble.heal();
    await writable;
    await client.set('/a', 'y');
  });
});

describe('four-letter words', () => {
  it('tell the mode of a member', async () => {
    const ensemble = await startEnsemble({ observers: 1, readOnlyMode: true });
    const modes = async (): Promise<string[]> =>
      Promise.all(
        ensemble.members.map(
          async (member) => /Mode: (\S+)/.exec(await fourLetterWord(member, 'srvr'))?.[1] ?? '',
        ),
      );
    expect(await modes()).toEqual(['follower', 'follower', 'leader', 'observer']);
    const words = async (word: string): Promise<string[]> =>
      Promise.all(ensemble.members.map((member) => fourLetterWord(member, word)));
    expect((await words('srvr')).map((text) => text.includes('Proposal sizes last/min/max: '))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect((await words('mntr')).map((text) => /zk_server_state\t(\S+)/.exec(text)?.[1])).toEqual([
      'follower',
      'follower',
      'leader',
      'observer',
    ]);
    expect((await words('conf')).map((text) => /serverId=(\d)/.exec(text)?.[1])).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
    expect((await words('conf'))[3]).toContain('peerType=1\nmembership: \nserver.1=');
    ensemble.partition([[0], [1, 2]]);
    expect(await modes()).toEqual(['read-only', 'follower', 'leader', 'read-only']);
    expect((await words('stat'))[0]).toContain('READ-ONLY mode; serving only read-only clients\n');
    expect(await words('isro')).toEqual(['ro', 'rw', 'rw', 'ro']);
  });

  it('tell that a member does not serve', async () => {
    const ensemble = await startEnsemble();
    ensemble.partition([[0], [1, 2]]);
    const [lone] = ensemble.members;
    const texts = await Promise.all(
      ['srvr', 'mntr', 'isro', 'ruok'].map((word) => fourLetterWord(lone!, word)),
    );
    const notServing = 'This ZooKeeper instance is not currently serving requests\n';
    expect(texts).toEqual([notServing, notServing, 'null', 'imok']);
  });
});
