/** What the mini-server answers to those who watch, frame by frame. Each of these was seen on a ZooKeeper 3.9.3. */
import { describe, expect, it } from 'vitest';
import { digestAcl } from '../../../src/protocol/acls.js';
import { EventTypeCode, Perms } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { RawClient } from '../../support/raw-client.js';
import { client, create, open, server, useServer } from './protocol-world.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventTypeCode;

useServer();

describe('watches', () => {
  const typed = (events: readonly { type: number; path: string }[]) =>
    events.map(({ type, path }) => [type, path]);

  it('fire before the reply, the node first and then its parent, with the zxid of the change', async () => {
    await client.call('exists', { path: '/t/a', watch: true });
    await client.call('getChildren', { path: '/t', watch: true });
    const { zxid } = await create('/t/a');
    expect(client.events.splice(0)).toEqual([
      { zxid, type: NodeCreated, path: '/t/a' },
      { zxid, type: NodeChildrenChanged, path: '/t' },
    ]);
    await create('/t/b');
    expect(client.events).toEqual([]);
  });

  it('tell of a deletion once', async () => {
    await create('/t/a');
    await client.call('getData', { path: '/t/a', watch: true });
    await client.call('getChildren2', { path: '/t/a', watch: true });
    await client.call('delete', { path: '/t/a', version: -1 });
    expect(typed(client.events)).toEqual([[NodeDeleted, '/t/a']]);
  });

  it('are left by exists on a missing node, and not by getData or getChildren', async () => {
    const missing = { path: '/t/m', watch: true };
    await client.call('exists', missing);
    await client.call('getData', missing);
    await client.call('getChildren', missing);
    expect(server.watchCount('/t/m')).toBe(1);
  });

  it('reach other connections', async () => {
    const other = await open();
    await other.call('getData', { path: '/t', watch: true });
    const { zxid } = await client.call('setData', { path: '/t', data: null, version: -1 });
    expect(await other.event()).toEqual({ zxid, type: NodeDataChanged, path: '/t' });
  });

  it('go with their connection', async () => {
    const other = await open();
    await other.call('getData', { path: '/t', watch: true });
    await RawClient.reattach(server, other);
    expect(server.watchCount('/t')).toBe(0);
  });

  it('are not told of what may not be read, and are used up all the same', async () => {
    const owner = await open();
    await owner.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') });
    await create('/t/a');
    await client.call('getData', { path: '/t/a', watch: true });
    await owner.call('getData', { path: '/t/a', watch: true });
    await owner.call('setACL', { path: '/t/a', acl: [digestAcl(Perms.ALL, 'u:p')], version: -1 });
    await owner.call('setData', { path: '/t/a', data: null, version: -1 });
    expect(await client.drainEvents()).toEqual([]);
    expect(typed(await owner.drainEvents())).toEqual([[NodeDataChanged, '/t/a']]);
    expect(server.watchCount('/t/a')).toBe(0);
    expect((await client.call('getData', { path: '/t/a', watch: true })).errno).toBe(Errno.NoAuth);
    expect((await client.call('exists', { path: '/t/a', watch: true })).errno).toBe(Errno.NoAuth);
    expect(server.watchCount('/t/a')).toBe(0);
  });

  it('are set again by setWatches, and what was missed comes first', async () => {
    const { zxid } = await create('/t/a');
    const set = (relativeZxid: bigint) =>
      client.call('setWatches', {
        relativeZxid,
        dataWatches: ['/t/a', '/t/gone'],
        existWatches: ['/t/a', '/t/later'],
        childWatches: ['/t', '/t/gone'],
      });
    await set(zxid - 1n);
    expect(client.events.splice(0)).toEqual(
      [
        [NodeDataChanged, '/t/a'],
        [NodeDeleted, '/t/gone'],
        [NodeCreated, '/t/a'],
        [NodeChildrenChanged, '/t'],
        [NodeDeleted, '/t/gone'],
      ].map(([type, path]) => ({ zxid: -1n, type, path })),
    );
    expect(server.watchCount()).toBe(1);
    await set(zxid);
    expect(typed(client.events.splice(0))).toEqual([
      [NodeDeleted, '/t/gone'],
      [NodeCreated, '/t/a'],
      [NodeDeleted, '/t/gone'],
    ]);
    await create('/t/later');
    expect(typed(client.events)).toEqual([
      [NodeCreated, '/t/later'],
      [NodeChildrenChanged, '/t'],
    ]);
  });
});
