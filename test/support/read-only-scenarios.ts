/** What a server without a quorum does that serves those who only read. The same on mini-servers and on real ones. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { Errno } from '../../src/protocol/error-codes.js';
import type { ConnectRequest } from '../../src/protocol/records.js';
import { RawClient } from './raw-client.js';

/** A server in read-only mode with local sessions. */
export interface ReadOnlyStage {
  readonly port: number;
  stop(): Promise<void>;
}

const NOBODY = { readOnly: true, sessionId: 0x4711n };

/** Registers them in the suite that is being described. */
export function readOnlyScenarios(start: () => Promise<ReadOnlyStage>): void {
  let stage: ReadOnlyStage;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    stage = await start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });
  afterAll(() => stage.stop());

  const socket = async (): Promise<RawClient> => {
    const client = await RawClient.connect(stage);
    clients.push(client);
    return client;
  };
  const open = async (request: Partial<ConnectRequest> = {}): Promise<RawClient> => {
    const client = await socket();
    expect((await client.handshake({ readOnly: true, ...request }))?.timeOut).toBeGreaterThan(0);
    return client;
  };
  const zxidAt = async (client: RawClient): Promise<bigint> =>
    (await client.call('exists', { path: '/', watch: false })).zxid;
  const idOf = (client: RawClient) => {
    const { sessionId, passwd } = client.session!;
    return { sessionId, passwd };
  };

  it('sessions come and go without a zxid', async () => {
    const client = await open();
    const zxid = await zxidAt(client);
    const other = await open();
    expect(await other.call('closeSession', {})).toMatchObject({ errno: 0, zxid });
    expect(await other.frame()).toBeNull();
    expect(await zxidAt(client)).toBe(zxid);
    expect((await (await socket()).handshake({ readOnly: true, ...idOf(other) }))?.timeOut).toBe(0);
  });

  it('one whose time is up goes without a zxid too', async () => {
    const client = await open();
    const zxid = await zxidAt(client);
    const idle = await open({ timeOut: 1000 });
    expect(await idle.frame()).toBeNull();
    expect((await (await socket()).handshake({ readOnly: true, ...idOf(idle) }))?.timeOut).toBe(0);
    expect(await zxidAt(client)).toBe(zxid);
  });

  it('nothing that writes gets through, whatever it looks like', async () => {
    const client = await open();
    const zxid = await zxidAt(client);
    const node = { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
    const refused = { errno: Errno.NotReadOnly, zxid };
    expect(await client.call('create', node)).toMatchObject(refused);
    expect(await client.call('createContainer', { ...node, flags: 4 })).toMatchObject(refused);
    expect(await client.call('setACL', { path: '/', acl: OPEN_ACL_UNSAFE, version: 7 })).toMatchObject(
      refused,
    );
    expect(await client.call('sync', { path: '/' })).toMatchObject(refused);
    expect(await client.call('multi', { ops: [] })).toMatchObject(refused);
    const leaving = { joiningServers: null, leavingServers: '1', newMembers: null, curConfigId: -1n };
    expect(await client.call('reconfig', leaving)).toMatchObject(refused);
    // deleteContainer of /a, and setData with a body that is none
    for (const hex of ['00000014000000022f61', '00000005ffff']) {
      client.sendFrame(Buffer.from(`00000009${hex}`, 'hex'));
      expect(await client.reply(), hex).toMatchObject({ xid: 9, ...refused });
    }
    expect(await zxidAt(client)).toBe(zxid);
    expect((await client.call('addWatch', { path: '/', mode: 0 })).errno).toBe(0);
    expect((await client.call('multiRead', { ops: [] })).errno).toBe(0);
  });

  it('a session is taken up again, by those who know its password', async () => {
    const first = await open();
    const second = await open({ ...idOf(first), timeOut: 20_000 });
    expect(await first.frame()).toBeNull();
    expect(second.session).toMatchObject({
      sessionId: first.session!.sessionId,
      timeOut: 20_000,
      readOnly: true,
    });
    const { sessionId } = second.session!;
    // the other connection is closed in any case
    expect((await (await socket()).handshake({ readOnly: true, sessionId }))?.timeOut).toBe(0);
    expect(await second.frame()).toBeNull();
    expect((await open(idOf(second))).session!.sessionId).toBe(sessionId);
  });

  it('who knows too much, or wants to write, is hung up on', async () => {
    const seen = { readOnly: true, lastZxidSeen: 0x7fffffffffffn };
    expect(await (await socket()).handshake(seen)).toBeNull();
    expect(await (await socket()).handshake({ readOnly: false })).toBeNull();
    expect((await (await socket()).handshake(NOBODY))?.timeOut).toBe(0);
  });
}
