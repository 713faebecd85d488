import { describe, expect, it } from 'vitest';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { Watches, WatchTable, type Watcher } from '../../../src/testing/watch-table.js';

class Ear implements Watcher {
  readonly heard: [number, string][] = [];
  notify(type: number, path: string): void {
    this.heard.push([type, path]);
  }
}

describe('WatchTable', () => {
  it('uses up the watches on the path that changed, and no others', () => {
    const table = new WatchTable();
    const [one, two] = [new Ear(), new Ear()];
    table.add('/a', one);
    table.add('/a', two);
    table.add('/a/b', two);
    expect([...table.trigger('/a')]).toEqual([one, two]);
    expect([...table.trigger('/a')]).toEqual([]);
    expect([...table.trigger('/a/b')]).toEqual([two]);
    expect([table.pathCount, table.watcherCount]).toEqual([0, 0]);
  });

  it('counts pairs, paths and watchers, and forgets a watcher', () => {
    const table = new WatchTable();
    const [one, two] = [new Ear(), new Ear()];
    table.add('/a', one);
    table.add('/a', one);
    table.add('/a', two);
    table.add('/b', two);
    expect([table.count(), table.count('/a'), table.pathCount, table.watcherCount]).toEqual([3, 2, 2, 2]);
    table.removeWatcher(two);
    expect([table.count(), table.count('/b'), table.pathCount, table.watcherCount]).toEqual([1, 0, 1, 1]);
    expect([...table.trigger('/b')]).toEqual([]);
    table.removeWatcher(two);
    expect([...table.trigger('/a')]).toEqual([one]);
  });
});

describe('Watches', () => {
  it('tells of a deletion once, also to who watches data and children', () => {
    const watches = new Watches();
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
    const watches = new Watches();
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
