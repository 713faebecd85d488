/** Nodes that the server itself deletes. It looks for them once a second or more often. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, type Conn } from '../../../src/index.js';
import type { ContractTarget } from '../target.js';

export function mortals(target: ContractTarget): void {
  /** Waits until the server has looked at all nodes at least once: a node that is due from the start has gone. */
  async function oneRound(conn: Conn): Promise<void> {
    const path = await conn.create(target.at('/clock-'), null, {
      mode: 'PERSISTENT_SEQUENTIAL_WITH_TTL',
      ttlMs: 1,
    });
    const { stat, watch } = await conn.existsW(path);
    if (stat !== null) expect(await watch.event).toMatchObject({ type: 'NodeDeleted', path });
  }

  describe('containers', () => {
    it('go after their last child has gone', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/c'), null, { mode: 'CONTAINER' });
      await conn.create(target.at('/c/child'));
      const { watch } = await conn.existsW(target.at('/c'));
      await conn.delete(target.at('/c/child'));
      expect(await watch.event).toMatchObject({ type: 'NodeDeleted', path: target.at('/c') });
      expect(await conn.exists(target.at('/c'))).toBeNull();
    });

    it('stay while they have a child, or never had one; plain nodes stay anyway', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/parent'), null, { mode: 'CONTAINER' });
      await conn.create(target.at('/parent/child'));
      await conn.create(target.at('/unused'), null, { mode: 'CONTAINER' });
      await conn.create(target.at('/plain'));
      await conn.create(target.at('/plain/child'));
      await conn.delete(target.at('/plain/child'));
      await oneRound(conn);
      await oneRound(conn);
      expect([...(await conn.children(target.root)).children].sort()).toEqual(['parent', 'plain', 'unused']);
    });

    it('are what createContainer makes, whatever the flags; create with their flag makes none', async () => {
      const client = await target.raw();
      const conn = await target.connect();
      const node = { data: null, acl: OPEN_ACL_UNSAFE };
      const made: string[] = [];
      for (const [name, flags] of [
        ['createContainer', 0],
        ['createContainer', 1],
        ['createContainer', 2],
      ] as const) {
        const path = target.at(`/c${flags}-`);
        made.push((await client.call(name, { ...node, path, flags })).response!.path);
      }
      expect(made).toEqual(['/c0-', '/c1-', '/c2-0000000002'].map((path) => target.at(path)));
      const plain = target.at('/plain');
      await client.call('create', { ...node, path: plain, flags: 4 });
      await conn.sync('/');
      const watches = await Promise.all(made.map((path) => conn.existsW(path)));
      for (const path of [plain, ...made]) {
        await conn.create(`${path}/child`);
        await conn.delete(`${path}/child`);
      }
      for (const { watch } of watches) expect((await watch.event).type).toBe('NodeDeleted');
      await oneRound(conn);
      expect((await conn.children(target.root)).children).toEqual(['plain']);
    });

    it('made in a multi go like others', async () => {
      const conn = await target.connect();
      await conn
        .transaction()
        .create(target.at('/c'), null, { mode: 'CONTAINER' })
        .create(target.at('/c/child'))
        .commit();
      const { watch } = await conn.existsW(target.at('/c'));
      await conn.delete(target.at('/c/child'));
      expect(await watch.event).toMatchObject({ type: 'NodeDeleted' });
    });
  });

  describe('TTL nodes', () => {
    it('go when their time is up', async () => {
      const conn = await target.connect();
      const path = await conn.create(target.at('/t'), 'x', { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1 });
      const { stat, watch } = await conn.existsW(path);
      if (stat !== null) expect(await watch.event).toMatchObject({ type: 'NodeDeleted', path });
      expect(await conn.exists(path)).toBeNull();
    });

    it('stay while they have a child, and while there is time', async () => {
      const conn = await target.connect();
      await conn
        .transaction()
        .create(target.at('/parent'), null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1 })
        .create(target.at('/parent/child'))
        .commit();
      await conn.create(target.at('/young'), null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 0xff_ffff_ffff });
      await oneRound(conn);
      await oneRound(conn);
      expect([...(await conn.children(target.root)).children].sort()).toEqual(['parent', 'young']);
    });
  });
}
