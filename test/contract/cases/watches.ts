import { describe, expect, it } from 'vitest';
import {
  NoAuthError,
  NoNodeError,
  OPEN_ACL_UNSAFE,
  WatchClosedError,
  type Conn,
  type Watch,
} from '../../../src/index.js';
import { failure, recordWatches, settled, type ContractTarget } from '../target.js';

type Arm = (conn: Conn, path: string) => Promise<{ readonly watch: Watch }>;

/** What is done to the watched node `n`. */
interface Change {
  readonly prepare?: (conn: Conn, n: string) => Promise<unknown>;
  readonly run: (conn: Conn, n: string) => Promise<unknown>;
}

const withChild = (conn: Conn, n: string): Promise<unknown> => conn.create(`${n}/child`);

const CHANGES = {
  'its data is set': { run: (conn, n) => conn.set(n, 'new') },
  'its data is set to the same': { run: (conn, n) => conn.set(n, null) },
  'it is deleted': { run: (conn, n) => conn.delete(n) },
  'its ACL is set': { run: (conn, n) => conn.setAcl(n, OPEN_ACL_UNSAFE) },
  'a child is created': { run: (conn, n) => conn.create(`${n}/child`) },
  'a child is deleted': { prepare: withChild, run: (conn, n) => conn.delete(`${n}/child`) },
  'a child’s data is set': { prepare: withChild, run: (conn, n) => conn.set(`${n}/child`, 'new') },
  'a grandchild is created': { prepare: withChild, run: (conn, n) => conn.create(`${n}/child/x`) },
} as const satisfies Record<string, Change>;

type ChangeName = keyof typeof CHANGES;

const KINDS: Readonly<Record<string, { arm: Arm; fires: Partial<Record<ChangeName, string>> }>> = {
  getW: {
    arm: (conn, path) => conn.getW(path),
    fires: {
      'its data is set': 'NodeDataChanged',
      'its data is set to the same': 'NodeDataChanged',
      'it is deleted': 'NodeDeleted',
    },
  },
  'existsW of a node': {
    arm: (conn, path) => conn.existsW(path),
    fires: {
      'its data is set': 'NodeDataChanged',
      'its data is set to the same': 'NodeDataChanged',
      'it is deleted': 'NodeDeleted',
    },
  },
  childrenW: {
    arm: (conn, path) => conn.childrenW(path),
    fires: {
      'it is deleted': 'NodeDeleted',
      'a child is created': 'NodeChildrenChanged',
      'a child is deleted': 'NodeChildrenChanged',
    },
  },
};

const MATRIX = Object.entries(KINDS).flatMap(([kind, { arm, fires }]) =>
  (Object.keys(CHANGES) as ChangeName[]).map((change) => ({
    kind,
    arm,
    change,
    type: fires[change] ?? null,
  })),
);

export function watches(target: ContractTarget): void {
  describe('watches', () => {
    it.each(MATRIX)('$kind, when $change: $type', async ({ arm, change, type }) => {
      const [conn, other] = [await target.connect(), await target.connect()];
      const { prepare, run }: Change = CHANGES[change];
      for (const writer of [conn, other]) {
        const path = await conn.create(target.at('/n-'), null, { mode: 'PERSISTENT_SEQUENTIAL' });
        await prepare?.(conn, path);
        const seen = recordWatches(conn);
        const { watch } = await arm(conn, path);
        expect(watch.path).toBe(path);
        await writer.sync(path);
        await run(writer, path);
        await settled(conn);
        expect(seen).toEqual(type === null ? [] : [`${type} ${path}`]);
        if (type === null) watch.close();
        else expect(await watch.event).toMatchObject({ type, path });
      }
    });

    it('existsW of a missing node fires when it is created', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      const { stat, watch } = await conn.existsW(target.at('/new'));
      expect(stat).toBeNull();
      await other.create(target.at('/new'), 'x');
      expect(await watch.event).toMatchObject({ type: 'NodeCreated', path: target.at('/new') });
      expect((await conn.get(target.at('/new'))).data?.toString()).toBe('x');
    });

    it('existsW below a missing node waits for its own node', async () => {
      const conn = await target.connect();
      const seen = recordWatches(conn);
      await conn.existsW(target.at('/a/b'));
      await conn.create(target.at('/a'));
      expect(seen).toEqual([]);
      await conn.create(target.at('/a/b'));
      expect(seen).toEqual([`NodeCreated ${target.at('/a/b')}`]);
    });

    it.each(['getW', 'childrenW'] as const)('%s that fails leaves no watch', async (method) => {
      const conn = await target.connect();
      const seen = recordWatches(conn);
      expect(await failure(conn[method](target.at('/new')))).toBeInstanceOf(NoNodeError);
      await conn.create(target.at('/new'));
      await conn.create(target.at('/new/child'));
      await conn.delete(target.at('/new/child'));
      await conn.delete(target.at('/new'));
      expect(seen).toEqual([]);
    });

    it('existsW that is not permitted leaves no watch, where it needs permission', async () => {
      const [conn, owner] = [await target.connect(), await target.as('owner:secret')];
      const path = target.at('/mine');
      await owner.create(path, null, { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      await conn.sync(path);
      const seen = recordWatches(conn);
      const refused = await conn.existsW(path).catch((error: unknown) => error);
      expect(refused instanceof NoAuthError).toBe(target.facts.existsNeedsRead);
      await owner.setAcl(path, OPEN_ACL_UNSAFE);
      await owner.set(path, 'x');
      await settled(conn);
      expect(seen).toEqual(target.facts.existsNeedsRead ? [] : [`NodeDataChanged ${path}`]);
    });

    it.each(['getW', 'childrenW'] as const)('%s that is not permitted leaves no watch', async (method) => {
      const [conn, owner] = [await target.connect(), await target.as('owner:secret')];
      const path = target.at('/mine');
      await owner.create(path, null, { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
      await conn.sync(path);
      const seen = recordWatches(conn);
      expect(await failure(conn[method](path))).toMatchObject({ errno: -102 });
      await owner.setAcl(path, OPEN_ACL_UNSAFE);
      await owner.set(path, 'x');
      await owner.create(`${path}/child`);
      await settled(conn);
      expect(seen).toEqual([]);
    });

    it('a watch fires once', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const seen = recordWatches(conn);
      const { watch } = await conn.getW(target.at('/a'));
      for (const data of ['1', '2', '3']) await conn.set(target.at('/a'), data);
      const { watch: again } = await conn.getW(target.at('/a'));
      await conn.set(target.at('/a'), '4');
      expect(seen).toHaveLength(2);
      const events = [];
      for await (const event of watch) events.push(event);
      expect(events).toEqual([await watch.event]);
      expect((await again.event).type).toBe('NodeDataChanged');
    });

    it('its event is in hand before the reply to the write that caused it', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const order: string[] = [];
      const { watch } = await conn.getW(target.at('/a'));
      void watch.event.then(() => order.push('event'));
      await conn.set(target.at('/a'), 'x').then(() => order.push('reply'));
      expect(order).toEqual(['event', 'reply']);
    });

    it('its event is in hand before the changed data, from whomever [C17]', async () => {
      const [conn, other] = [await target.connect(), await target.connect()];
      await conn.create(target.at('/a'), 'old');
      await other.sync('/');
      for (let round = 0; round < 10; round++) {
        const order: string[] = [];
        const { data: before, watch } = await conn.getW(target.at('/a'));
        void watch.event.then(() => order.push('event'));
        const written = other.set(target.at('/a'), `new ${round}`);
        let data = before;
        while (data?.toString() === before?.toString()) ({ data } = await conn.get(target.at('/a')));
        order.push('data');
        await written;
        expect(order).toEqual(['event', 'data']);
      }
    });

    it('all watchers of a path hear of one change', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const { watch: data } = await conn.getW(target.at('/a'));
      const { watch: exists } = await conn.existsW(target.at('/a'));
      const { watch: children } = await conn.childrenW(target.at('/a'));
      const { watch: second } = await conn.getW(target.at('/a'));
      const seen = recordWatches(conn);
      await conn.delete(target.at('/a'));
      await settled(conn);
      expect(seen).toEqual([`NodeDeleted ${target.at('/a')}`]);
      for (const watch of [data, exists, children, second]) {
        expect((await watch.event).type).toBe('NodeDeleted');
      }
    });

    it('a change of the data leaves the child watch on the same node, and the other way round', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const seen = recordWatches(conn);
      await conn.getW(target.at('/a'));
      await conn.childrenW(target.at('/a'));
      await conn.set(target.at('/a'), 'x');
      expect(seen).toEqual([`NodeDataChanged ${target.at('/a')}`]);
      await conn.create(target.at('/a/child'));
      expect(seen.slice(1)).toEqual([`NodeChildrenChanged ${target.at('/a')}`]);
    });

    it('the watchers of several clients are all told', async () => {
      const conns = await Promise.all([1, 2, 3].map(() => target.connect()));
      await conns[0]!.create(target.at('/a'));
      await Promise.all(conns.map((conn) => conn.sync('/')));
      const armed = await Promise.all(conns.map((conn) => conn.getW(target.at('/a'))));
      await conns[1]!.delete(target.at('/a'));
      const types = await Promise.all(armed.map(async ({ watch }) => (await watch.event).type));
      expect(types).toEqual(['NodeDeleted', 'NodeDeleted', 'NodeDeleted']);
    });

    it('a closed watch stays silent, its neighbour does not', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const { watch: closed } = await conn.getW(target.at('/a'));
      const { watch: open } = await conn.getW(target.at('/a'));
      closed.close();
      closed.close();
      await conn.set(target.at('/a'), 'x');
      expect((await open.event).type).toBe('NodeDataChanged');
      expect(await failure(closed.event)).toBeInstanceOf(WatchClosedError);
      expect(await closed.next()).toEqual({ value: undefined, done: true });
    });

    it('the end of the Conn ends its watches', async () => {
      const conn = await target.connect();
      const { watch } = await conn.existsW(target.at('/a'));
      const { watch: iterated } = await conn.childrenW(target.root);
      const next = iterated.next();
      await conn.close();
      expect((await failure(watch.event)).code).toBe('ZK_CLOSED');
      expect(await next).toEqual({ value: undefined, done: true });
    });

    it('events carry the zxid of their change, where the server tells it', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'));
      const { watch } = await conn.getW(target.at('/a'));
      const { mzxid } = await conn.set(target.at('/a'), 'x');
      expect((await watch.event).zxid).toBe(target.facts.eventsCarryZxid ? mzxid : undefined);
    });

    it('on the root node work', async () => {
      const conn = await target.connect({}, target.root);
      const { watch } = await conn.childrenW('/');
      await conn.create('/a');
      expect(await watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/' });
    });

    it('events on a node that may not be read any more are not sent', async () => {
      const [conn, owner] = [await target.connect(), await target.as('owner:secret')];
      const path = target.at('/a');
      await owner.create(path);
      await conn.sync(path);
      const seen = recordWatches(conn);
      await conn.getW(path);
      await owner.setAcl(path, [{ perms: 31, scheme: 'auth', id: '' }]);
      await owner.set(path, 'secret');
      await settled(conn);
      expect(seen).toEqual(target.facts.eventsNeedRead ? [] : [`NodeDataChanged ${path}`]);
      // the watch is used up all the same
      await owner.setAcl(path, OPEN_ACL_UNSAFE);
      await owner.set(path, 'public');
      await settled(conn);
      expect(seen).toHaveLength(target.facts.eventsNeedRead ? 0 : 1);
    });

    it('the ACL that counts is that of the node in the event', async () => {
      const [conn, owner] = [await target.connect(), await target.as('owner:secret')];
      const locked = { acl: [{ perms: 31, scheme: 'auth', id: '' }] };
      await owner.create(target.at('/open'));
      await owner.create(target.at('/open/locked'), null, locked);
      await owner.create(target.at('/half'));
      await owner.create(target.at('/half/open'));
      await conn.sync('/');
      const seen = recordWatches(conn);
      await conn.existsW(target.at('/open/new'));
      await conn.childrenW(target.at('/open'));
      await conn.childrenW(target.at('/half'));
      await conn.getW(target.at('/half/open'));
      await owner.create(target.at('/open/new'), null, locked);
      await owner.setAcl(target.at('/half'), locked.acl);
      await owner.delete(target.at('/half/open'));
      await settled(conn);
      const [created, children] = [
        `NodeCreated ${target.at('/open/new')}`,
        `NodeChildrenChanged ${target.at('/half')}`,
      ];
      expect(seen).toEqual(
        [
          created,
          `NodeChildrenChanged ${target.at('/open')}`,
          `NodeDeleted ${target.at('/half/open')}`,
          children,
        ].filter((event) => !target.facts.eventsNeedRead || (event !== created && event !== children)),
      );
    });
  });

  describe('watches on the wire', () => {
    const create = (path: string) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });

    it('one create: NodeCreated, then NodeChildrenChanged of the parent, then the reply', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('getChildren', { path: target.root, watch: true });
      await client.call('exists', { path, watch: true });
      const reply = await client.call('create', create(path));
      const zxid = target.facts.eventsCarryZxid ? reply.zxid : -1n;
      expect(client.events.splice(0)).toEqual([
        { zxid, type: 1, path },
        { zxid, type: 4, path: target.root },
      ]);
      expect(await client.drainEvents()).toEqual([]);
    });

    it('one delete: NodeDeleted once, also with both kinds of watches, then the parent', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('create', create(path));
      await client.call('getChildren2', { path, watch: true });
      await client.call('getData', { path, watch: true });
      await client.call('getChildren', { path: target.root, watch: true });
      const reply = await client.call('delete', { path, version: -1 });
      const zxid = target.facts.eventsCarryZxid ? reply.zxid : -1n;
      expect(client.events.splice(0)).toEqual([
        { zxid, type: 2, path },
        { zxid, type: 4, path: target.root },
      ]);
      expect(await client.drainEvents()).toEqual([]);
    });

    it('belong to the connection: another one of the same session has none', async () => {
      const first = await target.raw();
      await first.call('exists', { path: target.at('/a'), watch: true });
      const second = await target.reattach(first);
      await second.call('create', create(target.at('/a')));
      expect(await second.drainEvents()).toEqual([]);
      expect(second.events).toEqual([]);
    });

    it('a flag that is not set arms nothing', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('exists', { path, watch: false });
      await client.call('getChildren', { path: target.root, watch: false });
      await client.call('create', create(path));
      await client.call('getData', { path, watch: false });
      await client.call('delete', { path, version: -1 });
      expect(client.events).toEqual([]);
    });
  });

  describe('setWatches', () => {
    const none = { dataWatches: [], existWatches: [], childWatches: [] };
    const create = (path: string) => ({ path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });

    it('tells at once what was missed, in the order data, exist, child, before its reply', async () => {
      const client = await target.raw();
      const [changed, deleted, made] = [target.at('/changed'), target.at('/deleted'), target.at('/made')];
      for (const path of [changed, deleted]) await client.call('create', create(path));
      const { zxid: relativeZxid } = await client.call('sync', { path: '/' });
      await client.call('setData', { path: changed, data: null, version: -1 });
      await client.call('delete', { path: deleted, version: -1 });
      await client.call('create', create(made));
      await client.call('create', create(`${changed}/child`));
      await client.call('setWatches', {
        relativeZxid,
        childWatches: [deleted, changed],
        existWatches: [made],
        dataWatches: [deleted, changed],
      });
      expect(client.events.splice(0)).toEqual([
        { zxid: -1n, type: 2, path: deleted },
        { zxid: -1n, type: 3, path: changed },
        { zxid: -1n, type: 1, path: made },
        { zxid: -1n, type: 2, path: deleted },
        { zxid: -1n, type: 4, path: changed },
      ]);
    });

    it('arms what did not change', async () => {
      const client = await target.raw();
      const [path, missing] = [target.at('/a'), target.at('/missing')];
      await client.call('create', create(path));
      const { zxid: relativeZxid } = await client.call('sync', { path: '/' });
      await client.call('setWatches', {
        relativeZxid,
        dataWatches: [path],
        existWatches: [missing],
        childWatches: [path],
      });
      expect(client.events).toEqual([]);
      await client.call('setData', { path, data: null, version: -1 });
      await client.call('create', create(`${path}/child`));
      await client.call('create', create(missing));
      expect(client.events.splice(0).map(({ type, path: at }) => [type, at])).toEqual([
        [3, path],
        [4, path],
        [1, missing],
      ]);
    });

    it('says nothing of a change of the ACL, or of a grandchild', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('create', create(path));
      await client.call('create', create(`${path}/b`));
      const { zxid: relativeZxid } = await client.call('sync', { path: '/' });
      await client.call('setACL', { path, acl: OPEN_ACL_UNSAFE, version: -1 });
      await client.call('create', create(`${path}/b/c`));
      await client.call('setWatches', { ...none, relativeZxid, dataWatches: [path], childWatches: [path] });
      expect(client.events).toEqual([]);
    });

    it('tells of nodes that may not be read, too', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('create', create(path));
      const { zxid: relativeZxid } = await client.call('sync', { path: '/' });
      await target.admin.set(path, 'secret');
      await target.admin.setAcl(path, [{ perms: 31, scheme: 'digest', id: 'a:b' }]);
      await client.call('sync', { path: '/' });
      await client.call('setWatches', { ...none, relativeZxid, dataWatches: [path] });
      expect(client.events.splice(0)).toEqual([{ zxid: -1n, type: 3, path }]);
    });

    it('calls a node that was deleted and made again a change', async () => {
      const client = await target.raw();
      const path = target.at('/a');
      await client.call('create', create(path));
      const { zxid: relativeZxid } = await client.call('sync', { path: '/' });
      await client.call('delete', { path, version: -1 });
      await client.call('create', create(path));
      await client.call('setWatches', { ...none, relativeZxid, dataWatches: [path] });
      expect(client.events.splice(0)).toEqual([{ zxid: -1n, type: 3, path }]);
    });
  });
}
