import { describe, expect, it } from 'vitest';
import { NoWatcherError, UnsupportedError, WatchClosedError } from '../../../src/index.js';
import type { ContractTarget } from '../target.js';

/** What it resolves or rejects with. */
const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

export function removesWatches(target: ContractTarget): void {
  describe('conn.removeWatches', () => {
    it.each(['Data', 'Children'] as const)('of %s leaves a persistent watch alone', async (type) => {
      const conn = await target.connect({}, target.root);
      await conn.create('/a');
      const stream = await conn.addWatch('/a', 'PERSISTENT');
      const { watch } = type === 'Data' ? await conn.getW('/a') : await conn.childrenW('/a');
      await conn.removeWatches('/a', type);
      expect(await outcome(watch.event)).toBeInstanceOf(WatchClosedError);
      await conn.set('/a', 'x');
      await conn.create('/a/b');
      expect((await stream.next()).value).toMatchObject({ type: 'NodeDataChanged', path: '/a' });
      expect((await stream.next()).value).toMatchObject({ type: 'NodeChildrenChanged', path: '/a' });
    });

    it('of Any takes all off the server', async () => {
      const conn = await target.connect({}, target.root);
      await conn.create('/a');
      const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
      const { watch } = await conn.childrenW('/a');
      await conn.removeWatches('/a', 'Any');
      expect((await stream.next()).done).toBe(true);
      expect(await outcome(watch.event)).toBeInstanceOf(WatchClosedError);
      expect(await conn.checkWatches('/a', 'Any')).toBe(false);
      expect(await outcome(conn.removeWatches('/a', 'Any'))).toBeInstanceOf(NoWatcherError);
    });

    it('of Persistent leaves one-shot watches armed; before 3.9 nothing happens', async () => {
      const conn = await target.connect({}, target.root);
      await conn.create('/a');
      const stream = await conn.addWatch('/a', 'PERSISTENT');
      const { watch } = await conn.getW('/a');
      const removed = await outcome(conn.removeWatches('/a', 'Persistent'));
      if (target.facts.watchModesStandSideBySide) expect(removed).toBeUndefined();
      else expect(removed).toBeInstanceOf(UnsupportedError);
      await conn.exists('/a');
      await conn.set('/a', 'x');
      expect(await watch.event).toMatchObject({ type: 'NodeDataChanged', path: '/a' });
      expect((await stream.next()).done).toBe(target.facts.watchModesStandSideBySide);
    });
  });

  describe('reads with a watch, called right behind conn.addWatch', () => {
    it.each(['PERSISTENT', 'PERSISTENT_RECURSIVE'] as const)('leave %s as it is', async (mode) => {
      const conn = await target.connect({}, target.root);
      await conn.create('/a');
      // all in one write: none of them knows of the answer to the first
      const streaming = conn.addWatch('/a', mode);
      const reading = [conn.getW('/a'), conn.existsW('/a')];
      const stream = await streaming;
      for (const { watch } of await Promise.all(reading)) void watch.event;
      for (const data of ['x', 'y', 'z']) {
        await conn.set('/a', data);
        expect((await stream.next()).value).toMatchObject({ type: 'NodeDataChanged', path: '/a' });
      }
    });
  });

  describe('a child watch and a recursive one of the same path', () => {
    it.each(['before it', 'behind it'] as const)(
      'both work, with the child watch armed %s',
      async (order) => {
        const { conn } = await target.cuttable({}, target.root);
        await conn.create('/a');
        const early = order === 'before it' ? await conn.childrenW('/a') : null;
        const stream = await conn.addWatch('/a', 'PERSISTENT_RECURSIVE');
        const { watch } = early ?? (await conn.childrenW('/a'));
        await conn.create('/a/b');
        expect(await watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/a' });
        expect((await stream.next()).value).toMatchObject({ type: 'NodeCreated', path: '/a/b' });
        const { watch: again } = await conn.childrenW('/a');
        const back = new Promise<void>((resolve) => {
          conn.once('session', () => resolve());
        });
        await conn.reconnect();
        await back;
        expect((await stream.next()).value).toEqual({ type: 'gap' });
        await conn.create('/a/c');
        expect(await again.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/a' });
        expect((await stream.next()).value).toMatchObject({ type: 'NodeCreated', path: '/a/c' });
      },
    );
  });
}
