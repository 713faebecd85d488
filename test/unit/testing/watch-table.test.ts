import { describe, expect, it } from 'vitest';
import { traitsOf } from '../../../src/testing/release.js';
import { AddWatchModeCode, EventTypeCode, WatcherTypeCode } from '../../../src/protocol/constants.js';
import { Watches, WatchMode, WatchTable, type Watcher } from '../../../src/testing/watch-table.js';

const { NodeDataChanged } = EventTypeCode;

class Ear implements Watcher {
  readonly heard: [number, string][] = [];
  notify(type: number, path: string): void {
    this.heard.push([type, path]);
  }
}

describe('WatchTable', () => {
  it('uses up the watches on the path that changed, and no others', () => {
    const table = new WatchTable(true);
    const [one, two] = [new Ear(), new Ear()];
    table.add('/a', one);
    table.add('/a', two);
    table.add('/a/b', two);
    expect([...table.trigger('/a', NodeDataChanged)]).toEqual([one, two]);
    expect([...table.trigger('/a', NodeDataChanged)]).toEqual([]);
    expect([...table.trigger('/a/b', NodeDataChanged)]).toEqual([two]);
    // both count as watchers until they are closed
    expect([table.pathCount, table.watcherCount]).toEqual([0, 2]);
    table.removeWatcher(one);
    expect([...table.watchers()]).toEqual([[two, new Set()]]);
  });

  it('counts pairs, paths and watchers, and forgets a watcher', () => {
    const table = new WatchTable(true);
    const [one, two] = [new Ear(), new Ear()];
    table.add('/a', one);
    table.add('/a', one);
    table.add('/a', two);
    table.add('/b', two);
    expect([table.count(), table.count('/a'), table.pathCount, table.watcherCount]).toEqual([3, 2, 2, 2]);
    table.removeWatcher(two);
    expect([table.count(), table.count('/b'), table.pathCount, table.watcherCount]).toEqual([1, 0, 1, 1]);
    expect([...table.trigger('/b', NodeDataChanged)]).toEqual([]);
    table.removeWatcher(two);
    expect([...table.trigger('/a', NodeDataChanged)]).toEqual([one]);
  });
});

describe('a recursive watch', () => {
  it.each(['/', '/a', '/a/b', '/a/b/cde'])(
    'on %s hears of what is below it, however deep that is',
    (path) => {
      const table = new WatchTable(true);
      const one = new Ear();
      table.add(path, one, WatchMode.RECURSIVE);
      for (const end of ['', '/x', '/x/y', `/${'z'.repeat(50)}`, '/x'.repeat(100)]) {
        const at = path === '/' ? end || '/' : path + end;
        expect([...table.trigger(at, NodeDataChanged)]).toEqual([one]);
      }
      expect([...table.trigger(`${path}x`, NodeDataChanged)]).toEqual(path === '/' ? [one] : []);
    },
  );

  it('is not looked for on paths that are longer than any that is watched', () => {
    const table = new WatchTable(true);
    for (const path of ['/a', '/long/er']) table.add(path, new Ear(), WatchMode.RECURSIVE);
    const { byPath } = table as unknown as { byPath: Map<string, unknown> };
    const asked: string[] = [];
    byPath.get = (key) => {
      asked.push(key);
      return Map.prototype.get.call(byPath, key) as unknown;
    };
    table.trigger('/x'.repeat(5000), NodeDataChanged);
    expect(asked.slice(1)).toEqual(['/x/x/x/x', '/x/x/x', '/x/x', '/x', '/']);
  });
});

describe('modes', () => {
  it('stand side by side, and only the standard one is used up', () => {
    const table = new WatchTable(true);
    const one = new Ear();
    for (const mode of Object.values(WatchMode)) table.add('/a', one, mode);
    expect(table.count()).toBe(1);
    expect([...table.trigger('/a', NodeDataChanged)]).toEqual([one]);
    expect(table.has('/a', one, WatchMode.STANDARD)).toBe(false);
    expect(table.remove('/a', one, WatchMode.STANDARD)).toBe(false);
    expect(table.remove('/a', one, WatchMode.PERSISTENT)).toBe(true);
    expect([...table.trigger('/a/b/c', NodeDataChanged)]).toEqual([one]);
    expect(table.remove('/a', one)).toBe(true);
    expect([table.pathCount, table.watcherCount]).toEqual([0, 0]);
    expect([...table.trigger('/a/b', NodeDataChanged)]).toEqual([]);
  });

  it('recursive ones hear of what is below, by whole names, the root of everything', () => {
    const table = new WatchTable(true);
    const [root, a] = [new Ear(), new Ear()];
    table.add('/', root, WatchMode.RECURSIVE);
    table.add('/a', a, WatchMode.RECURSIVE);
    table.add('/a', new Ear(), WatchMode.PERSISTENT);
    expect([...table.trigger('/a/b', NodeDataChanged)]).toEqual([a, root]);
    expect([...table.trigger('/ab', NodeDataChanged)]).toEqual([root]);
    expect([...table.trigger('/', NodeDataChanged)]).toEqual([root]);
    table.removeWatcher(root);
    expect([...table.trigger('/ab/c', NodeDataChanged)]).toEqual([]);
  });
});

describe('Watches', () => {
  it('finds and removes watches by their type', () => {
    const watches = new Watches(traitsOf('3.9'));
    const one = new Ear();
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT);
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT_RECURSIVE);
    watches.child.add('/a', one);
    const held = () => Object.entries(WatcherTypeCode).filter(([, type]) => watches.has('/a', one, type));
    expect(held().map(([name]) => name)).toEqual(['Children', 'Any', 'Persistent', 'PersistentRecursive']);
    expect(watches.remove('/a', one, WatcherTypeCode.Data)).toBe(false);
    expect(watches.remove('/a', one, WatcherTypeCode.Persistent)).toBe(true);
    expect(held().map(([name]) => name)).toEqual(['Children', 'Any', 'PersistentRecursive']);
    expect(watches.remove('/a', one, WatcherTypeCode.Any)).toBe(true);
    expect([held(), watches.count()]).toEqual([[], 0]);
    expect([0, 1, 5, 6, -1].map((type) => watches.knowsType(type))).toEqual([
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  it.each(['3.9', '3.8'] as const)('counts a lasting watch once, as %s has them', (emulation) => {
    const watches = new Watches(traitsOf(emulation));
    const [one, other] = [new Ear(), new Ear()];
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT);
    watches.addLasting('/b', one, AddWatchModeCode.PERSISTENT_RECURSIVE);
    expect([watches.count(), watches.count('/a'), watches.count('/b')]).toEqual([2, 1, 1]);
    watches.data.add('/c', one);
    watches.child.add('/c', one);
    watches.child.add('/c', other);
    expect([watches.count(), watches.count('/c'), watches.count('/none')]).toEqual([5, 3, 0]);
    // `mntr` counts what is in the tables
    expect(watches.entryCount).toBe(emulation === '3.9' ? 6 : 7);
    watches.removeWatcher(one);
    expect(watches.count()).toBe(1);
  });

  it('counts each kind on one path', () => {
    const watches = new Watches(traitsOf('3.9'));
    const one = new Ear();
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT);
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT_RECURSIVE);
    watches.data.add('/a', one);
    watches.child.add('/a', one);
    expect(watches.count()).toBe(4);
    watches.remove('/a', one, WatcherTypeCode.Persistent);
    expect(watches.count('/a')).toBe(3);
  });

  it('tells of a deletion once, also to who watches data and children', () => {
    const watches = new Watches(traitsOf('3.9'));
    const [both, child] = [new Ear(), new Ear()];
    watches.data.add('/a', both);
    watches.child.add('/a', both);
    watches.child.add('/a', child);
    watches.fire({ type: EventTypeCode.NodeDeleted, path: '/a', acl: [] }, 1n);
    expect(both.heard).toEqual([[EventTypeCode.NodeDeleted, '/a']]);
    expect(child.heard).toEqual([[EventTypeCode.NodeDeleted, '/a']]);
    expect(watches.count()).toBe(0);
  });

  it('sends no NodeChildrenChanged to data watches, and no NodeDataChanged to child watches', () => {
    const watches = new Watches(traitsOf('3.9'));
    const [data, child] = [new Ear(), new Ear()];
    watches.data.add('/a', data);
    watches.child.add('/a', child);
    watches.fire({ type: EventTypeCode.NodeDataChanged, path: '/a', acl: [] }, 1n);
    watches.fire({ type: EventTypeCode.NodeChildrenChanged, path: '/a', acl: [] }, 2n);
    expect(data.heard).toEqual([[EventTypeCode.NodeDataChanged, '/a']]);
    expect(child.heard).toEqual([[EventTypeCode.NodeChildrenChanged, '/a']]);
    expect(watches.count()).toBe(0);
  });
});

describe('before 3.9', () => {
  it('a watcher has one mode on a path, the last one', () => {
    const table = new WatchTable(false);
    const one = new Ear();
    table.add('/a', one, WatchMode.RECURSIVE);
    table.add('/a', one, WatchMode.STANDARD);
    expect(table.has('/a', one, WatchMode.RECURSIVE)).toBe(false);
    expect([...table.trigger('/a/b', NodeDataChanged)]).toEqual([]);
    expect([...table.trigger('/a', NodeDataChanged)]).toEqual([one]);
    table.add('/a', one);
    expect(table.remove('/a', one)).toBe(true);
    // not forgotten where its last watch is removed, either
    expect([table.pathCount, table.watcherCount]).toEqual([0, 1]);
  });

  it('types name tables, and a recursive watch is in both', () => {
    const watches = new Watches(traitsOf('3.8'));
    const one = new Ear();
    watches.addLasting('/a', one, AddWatchModeCode.PERSISTENT_RECURSIVE);
    expect([1, 2, 3, 4, 5].map((type) => watches.knowsType(type))).toEqual([true, true, true, false, false]);
    expect([watches.data.has('/a', one), watches.child.has('/a', one)]).toEqual([true, true]);
    expect(watches.has('/a', new Ear(), WatcherTypeCode.Data)).toBe(true);
    watches.fire({ type: EventTypeCode.NodeChildrenChanged, path: '/a', acl: [] }, 1n);
    expect(one.heard).toEqual([]);
    expect(watches.remove('/a', one, WatcherTypeCode.Children)).toBe(true);
    expect([watches.data.has('/a', one), watches.child.has('/a', one)]).toEqual([true, false]);
  });
});
