/** Watches that stay, and what checks and removes watches. Through bare sockets: what the server itself keeps. */
import { describe, expect, it } from 'vitest';
import { digestAcl, OPEN_ACL_UNSAFE } from '../../../src/index.js';
import { AddWatchModeCode, EventTypeCode, WatcherTypeCode } from '../../../src/protocol/constants.js';
import type { RawClient, RawEvent } from '../../support/raw-client.js';
import type { ContractTarget } from '../target.js';

const { NodeCreated, NodeDeleted, NodeDataChanged, NodeChildrenChanged } = EventTypeCode;
const OK = 0;
const NO_WATCHER = -121;
const MARSHALLING = -5;

const MARKS: Readonly<Record<number, string>> = {
  [NodeCreated]: '+',
  [NodeDeleted]: '-',
  [NodeDataChanged]: 'D',
  [NodeChildrenChanged]: 'C',
};

/** Ways to a watch. */
const ARM = {
  data: (client: RawClient, path: string) => client.call('exists', { path, watch: true }),
  child: (client: RawClient, path: string) => client.call('getChildren', { path, watch: true }),
  persistent: (client: RawClient, path: string) =>
    client.call('addWatch', { path, mode: AddWatchModeCode.PERSISTENT }),
  recursive: (client: RawClient, path: string) =>
    client.call('addWatch', { path, mode: AddWatchModeCode.PERSISTENT_RECURSIVE }),
} as const;

type Kind = keyof typeof ARM;

const KINDS = Object.keys(ARM) as Kind[];
const TYPES = Object.values(WatcherTypeCode);
/** Types that came with 3.9. */
const NEW_TYPES: readonly number[] = [WatcherTypeCode.Persistent, WatcherTypeCode.PersistentRecursive];

/** Types that say yes to a watch, where the modes stand side by side and where they do not. */
const HELD: Readonly<Record<Kind, { readonly now: readonly number[]; readonly before: readonly number[] }>> =
  {
    data: { now: [2, 3], before: [2, 3] },
    child: { now: [1, 3], before: [1, 3] },
    persistent: { now: [3, 4], before: [1, 2, 3] },
    recursive: { now: [3, 5], before: [1, 2, 3] },
  };

/** Events of: its data is set, a child is created, the child is deleted. `now` and `before` as above. */
const TOGETHER: readonly (readonly [Kind, Kind, { readonly now: string; readonly before: string }])[] = [
  ['data', 'persistent', { now: 'D C C', before: 'D C C' }],
  ['persistent', 'data', { now: 'D C C', before: 'D C C' }],
  ['data', 'recursive', { now: 'D +x -x', before: 'D +x -x' }],
  // the one-shot watch takes the place of the other, so that this is over after the first event
  ['recursive', 'data', { now: 'D +x -x', before: 'D -x' }],
  ['persistent', 'recursive', { now: 'D +x C -x C', before: 'D +x -x' }],
  ['recursive', 'persistent', { now: 'D +x C -x C', before: 'D C C' }],
  ['child', 'recursive', { now: 'D +x C -x', before: 'D +x -x' }],
  ['recursive', 'child', { now: 'D +x C -x', before: 'D +x C -x' }],
  ['child', 'persistent', { now: 'D C C', before: 'D C C' }],
  ['persistent', 'child', { now: 'D C C', before: 'D C' }],
];

export function watchModes(target: ContractTarget): void {
  const sides = () => (target.facts.watchModesStandSideBySide ? 'now' : 'before');

  const create = (client: RawClient, path: string) =>
    client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
  const set = (client: RawClient, path: string) => client.call('setData', { path, data: null, version: -1 });
  const remove = (client: RawClient, path: string) => client.call('delete', { path, version: -1 });

  /** What each type of watch is answered on a path. */
  async function held(client: RawClient, path: string): Promise<number[]> {
    const errnos: number[] = [];
    for (const type of TYPES) errnos.push((await client.call('checkWatches', { path, type })).errno);
    return errnos;
  }

  /** The same, as it ought to be. */
  const answers = (yes: readonly number[]): number[] =>
    TYPES.map((type) => {
      if (NEW_TYPES.includes(type) && sides() === 'before') return MARSHALLING;
      return yes.includes(type) ? OK : NO_WATCHER;
    });

  const typed = (events: readonly RawEvent[], below: string): string =>
    events
      .map(({ type, path }) => {
        const name = path === below ? '' : path.slice(below.length + 1);
        return `${MARKS[type] ?? '?'}${name}`;
      })
      .join(' ');

  /** A client, and a node `/n` of the case's own. */
  async function world(): Promise<{ readonly client: RawClient; readonly n: string }> {
    const client = await target.raw();
    const n = target.at('/n');
    await create(client, n);
    return { client, n };
  }

  /** Everything that can happen to a node and around it. */
  async function everything(client: RawClient, n: string): Promise<void> {
    await set(client, n);
    await create(client, `${n}/x`);
    await create(client, `${n}/x/y`);
    await set(client, `${n}/x`);
    await remove(client, `${n}/x/y`);
    await remove(client, `${n}/x`);
    await client.call('setACL', { path: n, acl: OPEN_ACL_UNSAFE, version: -1 });
    await remove(client, n);
    await create(client, n);
    await set(client, n);
  }

  describe('a watch that stays', () => {
    it.each([
      ['persistent', 'D C C - + D'],
      ['recursive', 'D +x +x/y Dx -x/y -x - + D'],
    ] as const)('%s: hears %s, from others and from its own session', async (kind, heard) => {
      const { client, n } = await world();
      const other = await target.raw();
      for (const writer of [client, other]) {
        await ARM[kind](client, n);
        await everything(writer, n);
        expect(typed(await client.drainEvents(), n)).toBe(heard);
        await client.call('removeWatches', { path: n, type: WatcherTypeCode.Any });
      }
    });

    it('carries the zxid of the change, and comes before the reply to it', async () => {
      const { client, n } = await world();
      await ARM.recursive(client, n);
      const { zxid } = await set(client, n);
      expect(client.events.splice(0)).toEqual([
        { type: NodeDataChanged, path: n, zxid: target.facts.eventsCarryZxid ? zxid : -1n },
      ]);
    });

    it.each(['persistent', 'recursive'] as const)('%s: waits for a node that is not there', async (kind) => {
      const { client, n } = await world();
      expect((await ARM[kind](client, `${n}/a/b`)).response).toEqual({ err: 0 });
      await create(client, `${n}/a`);
      await create(client, `${n}/a/b`);
      expect(typed(await client.drainEvents(), n)).toBe('+a/b');
    });

    it('recursive: hears nothing of its neighbours, whatever they are called', async () => {
      const { client, n } = await world();
      await ARM.recursive(client, `${n}/a`);
      for (const path of [`${n}/ab`, `${n}/a.`, `${n}/b`]) await create(client, path);
      await set(client, n);
      expect(await client.drainEvents()).toEqual([]);
    });

    it('recursive on the root: hears everything', async () => {
      const { client, n } = await world();
      await ARM.recursive(client, '/');
      await set(client, n);
      const events = (await client.drainEvents()).filter(({ path }) => path === n);
      expect(typed(events, n)).toBe('D');
    });

    it.each(['persistent', 'recursive'] as const)('%s: set twice tells once', async (kind) => {
      const { client, n } = await world();
      await ARM[kind](client, n);
      await ARM[kind](client, n);
      await set(client, n);
      expect(typed(await client.drainEvents(), n)).toBe('D');
      await client.call('removeWatches', { path: n, type: WatcherTypeCode.Any });
      await set(client, n);
      expect(await client.drainEvents()).toEqual([]);
    });

    it('recursive ones on several levels tell once', async () => {
      const { client, n } = await world();
      for (const path of [target.root, n, `${n}/x`]) await ARM.recursive(client, path);
      await client.call('exists', { path: `${n}/x`, watch: true });
      await create(client, `${n}/x`);
      await remove(client, `${n}/x`);
      expect(typed(await client.drainEvents(), n)).toBe('+x -x');
    });

    it('hears of a deletion once, also beside watches of data and of children', async () => {
      const { client, n } = await world();
      await ARM.persistent(client, n);
      await ARM.child(client, n);
      await ARM.data(client, n);
      await remove(client, n);
      expect(typed(await client.drainEvents(), n)).toBe('-');
    });

    it('is told only of what may be read at the time, and stays', async () => {
      const [{ client, n }, owner] = [await world(), await target.raw()];
      await owner.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') }, -4);
      await ARM.recursive(client, n);
      await create(owner, `${n}/x`);
      await owner.call('setACL', { path: `${n}/x`, acl: [digestAcl(31, 'u:p')], version: -1 });
      await set(owner, `${n}/x`);
      await set(owner, n);
      await owner.call('setACL', { path: `${n}/x`, acl: OPEN_ACL_UNSAFE, version: -1 });
      await set(owner, `${n}/x`);
      const heard = target.facts.eventsNeedRead ? '+x D Dx' : '+x Dx D Dx';
      expect(typed(await client.drainEvents(), n)).toBe(heard);
    });

    it('needs no permission to be set', async () => {
      const { client, n } = await world();
      await client.call('setACL', { path: n, acl: [digestAcl(31, 'u:p')], version: -1 });
      expect((await ARM.persistent(client, n)).errno).toBe(OK);
    });

    it('belongs to its connection', async () => {
      const { client, n } = await world();
      await ARM.persistent(client, n);
      const again = await target.reattach(client);
      expect(await held(again, n)).toEqual(answers([]));
      await set(again, n);
      expect(await again.drainEvents()).toEqual([]);
    });

    it.each(['abc', '', '/a//b', '/n/'])('takes the path %j unseen', async (path) => {
      const client = await target.raw();
      expect((await client.call('addWatch', { path, mode: 0 })).response).toEqual({ err: 0 });
    });

    it.each([2, -1])('has no mode %i', async (mode) => {
      const client = await target.raw();
      expect((await client.call('addWatch', { path: target.root, mode })).errno).toBe(MARSHALLING);
      expect((await client.call('ping', {})).errno).toBe(OK);
    });
  });

  describe('watches of several kinds on one path', () => {
    it.each(TOGETHER)('%s, then %s: one event per change and path', async (first, second, heard) => {
      const { client, n } = await world();
      await ARM[first](client, n);
      await ARM[second](client, n);
      await set(client, n);
      await create(client, `${n}/x`);
      await remove(client, `${n}/x`);
      expect(typed(await client.drainEvents(), n)).toBe(heard[sides()]);
    });
  });

  describe('checkWatches', () => {
    it.each(KINDS)('knows a watch of the kind %s', async (kind) => {
      const { client, n } = await world();
      expect(await held(client, n)).toEqual(answers([]));
      await ARM[kind](client, n);
      expect(await held(client, n)).toEqual(answers(HELD[kind][sides()]));
      // exactly this path, exactly this connection, and it changes nothing
      expect(await held(client, target.root)).toEqual(answers([]));
      expect(await held(client, `${n}/x`)).toEqual(answers([]));
      const ofOther = await held(await target.raw(), n);
      expect(ofOther).toEqual(answers(target.facts.checkWatchesAsksForOwn ? [] : HELD[kind][sides()]));
      expect(await held(client, n)).toEqual(answers(HELD[kind][sides()]));
    });

    it.each(['', 'abc', '/..', '/a/'])('takes the path %j, or cannot bear it', async (path) => {
      const client = await target.raw();
      const hasParent = path === '' || path.includes('/');
      const { errno } = await client.call('checkWatches', { path, type: WatcherTypeCode.Any });
      expect(errno).toBe(hasParent || target.facts.checkWatchesAsksForOwn ? NO_WATCHER : MARSHALLING);
      expect((await client.call('ping', {})).errno).toBe(OK);
    });

    it.each([0, 6, -1])('has no type %i', async (type) => {
      const { client, n } = await world();
      await ARM.data(client, n);
      expect((await client.call('checkWatches', { path: n, type })).errno).toBe(MARSHALLING);
      expect((await client.call('removeWatches', { path: n, type })).errno).toBe(MARSHALLING);
      expect(await held(client, n)).toEqual(answers(HELD.data[sides()]));
    });
  });

  describe('removeWatches', () => {
    const PAIRS = KINDS.flatMap((kind) => TYPES.map((type) => ({ kind, type })));

    it.each(PAIRS)('of type $type and a watch of the kind $kind', async ({ kind, type }) => {
      const { client, n } = await world();
      await ARM[kind](client, n);
      const yes = HELD[kind][sides()];
      const { errno } = await client.call('removeWatches', { path: n, type });
      expect(errno).toBe(answers(yes)[TYPES.indexOf(type)]);
      // before 3.9 a watch that stays is in both tables, and types 1 and 2 take it out of one
      const left =
        errno !== OK ? yes : type === WatcherTypeCode.Any ? [] : yes.filter((each) => each !== type);
      const gone = left.length === 1 && left[0] === WatcherTypeCode.Any;
      expect(await held(client, n)).toEqual(answers(gone ? [] : left));
    });

    it('sends no event, and what was removed is silent', async () => {
      const { client, n } = await world();
      const other = await target.raw();
      for (const kind of KINDS) await ARM[kind](client, n);
      await ARM.persistent(other, n);
      expect((await client.call('removeWatches', { path: n, type: WatcherTypeCode.Any })).errno).toBe(OK);
      await everything(client, n);
      expect(await client.drainEvents()).toEqual([]);
      // that of another session is another
      expect(typed(await other.drainEvents(), n)).toBe('D C C - + D');
    });

    it('of a recursive watch leaves those above and below it', async () => {
      const { client, n } = await world();
      for (const path of [target.root, n, `${n}/x`]) await ARM.recursive(client, path);
      await client.call('removeWatches', { path: n, type: WatcherTypeCode.Any });
      await create(client, `${n}/x`);
      await client.call('removeWatches', { path: target.root, type: WatcherTypeCode.Any });
      await set(client, n);
      await set(client, `${n}/x`);
      expect(typed(await client.drainEvents(), n)).toBe('+x Dx');
    });
  });

  describe('setWatches2', () => {
    it('tells what was missed as setWatches does, and only registers what stays', async () => {
      const { client, n } = await world();
      const none = `${n}/none`;
      const { zxid } = await client.call('sync', { path: '/' });
      const { errno } = await client.call('setWatches2', {
        relativeZxid: zxid - 1_000_000n,
        dataWatches: [n, none],
        existWatches: [n],
        childWatches: [n],
        persistentWatches: [n, none],
        persistentRecursiveWatches: [n],
      });
      expect(errno).toBe(OK);
      const events = client.events.splice(0);
      expect(typed(events, n)).toBe('D -none + C');
      expect(events.every((event) => event.zxid === -1n)).toBe(true);
      const side = sides();
      expect(await held(client, n)).toEqual(answers(side === 'now' ? [3, 4, 5] : [1, 2, 3]));
      expect(await held(client, none)).toEqual(answers(HELD.persistent[side]));
    });

    it('arms what fires once, where nothing was missed', async () => {
      const { client, n } = await world();
      const { zxid } = await client.call('sync', { path: '/' });
      await client.call('setWatches2', {
        relativeZxid: zxid,
        dataWatches: [n],
        existWatches: [`${n}/x`],
        childWatches: [n],
        persistentWatches: [],
        persistentRecursiveWatches: [],
      });
      expect(client.events).toEqual([]);
      await set(client, n);
      await create(client, `${n}/x`);
      expect(typed(await client.drainEvents(), n)).toBe('D +x C');
      expect(await held(client, n)).toEqual(answers([]));
    });
  });
}
