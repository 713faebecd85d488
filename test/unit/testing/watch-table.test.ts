import { describe, expect, it } from 'vitest';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { WatchMode, Watches, WatchTable, type Watcher } from '../../../src/testing/watch-table.js';

class Ear implements Watcher {
  readonly heard: [number, string][] = [];
  notify(type: number, path: string): void {
    this.heard.push([type, path]);
  }
}

const { STANDARD, PERSISTENT, PERSISTENT_RECURSIVE } = WatchMode;

describe('WatchTable', () => {
  it('uses up a standard watch and keeps the others', () => {
    const table = new WatchTable();
    const [once, always] = [new Ear(), new Ear()];
    table.add('/a', once, STANDARD);
    table.add('/a', always, STANDARD);
    table.add('/a', always, PERSISTENT);
    expect([...table.trigger('/a')]).toEqual([once, always]);
    expect(table.modes('/a', once)).toBe(0);
    expect(table.modes('/a', always)).toBe(PERSISTENT);
    expect([...table.trigger('/a')]).toEqual([always]);
  });

  it('tells a recursive watcher of everything below, each watcher once', () => {
    const table = new WatchTable();
    const [ear, root] = [new Ear(), new Ear()];
    table.add('/a', ear, PERSISTENT_RECURSIVE);
    table.add('/a/b/c', ear, STANDARD);
    table.add('/', root, PERSISTENT_RECURSIVE);
    expect([...table.trigger('/a/b/c')]).toEqual([ear, root]);
    expect([...table.trigger('/ab')]).toEqual([root]);
    expect([...table.trigger('/')]).toEqual([root]);
    table.remove('/', root, PERSISTENT_RECURSIVE);
    expect([...table.trigger('/ab')]).toEqual([]);
  });

  it('takes modes away and says whether they were there', () => {
    const table = new WatchTable();
    const ear = new Ear();
    table.add('/a', ear, STANDARD | PERSISTENT);
    expect(table.remove('/a', ear, PERSISTENT_RECURSIVE)).toBe(false);
    expect(table.remove('/a', ear, PERSISTENT)).toBe(true);
    expect(table.modes('/a', ear)).toBe(STANDARD);
    expect(table.remove('/b', ear, STANDARD)).toBe(false);
  });

  it('counts pairs, paths and watchers, and forgets a watcher', () => {
    const table = new WatchTable();
    const [one, two] = [new Ear(), new Ear()];
    table.add('/a', one, STANDARD);
    table.add('/a', one, STANDARD);
    table.add('/a', two, STANDARD);
    table.add('/b', two, PERSISTENT_RECURSIVE);
    expect([table.count(), table.count('/a'), table.pathCount, table.watcherCount]).toEqual([3, 2, 2, 2]);
    table.removeWatcher(two);
    expect([table.count(), table.count('/b'), table.pathCount, table.watcherCount]).toEqual([1, 0, 1, 1]);
    expect([...table.trigger('/b/x')]).toEqual([]);
  });
});

describe('Watches', () => {
  it('tells of a deletion once, also to who watches data and children', () => {
    const watches = new Watches();
    const [both, child] = [new Ear(), new Ear()];
    watches.data.add('/a', both, STANDARD);
    watches.child.add('/a', both, STANDARD);
    watches.child.add('/a', child, STANDARD);
    watches.fire({ type: EventTypeCode.NodeDeleted, path: '/a', acl: [] }, 1n);
    expect(both.heard).toEqual([[EventTypeCode.NodeDeleted, '/a']]);
    expect(child.heard).toEqual([[EventTypeCode.NodeDeleted, '/a']]);
    expect(watches.count()).toBe(0);
  });

  it('sends no NodeChildrenChanged to data watches, and no NodeDataChanged to child watches', () => {
    const watches = new Watches();
    const [data, child] = [new Ear(), new Ear()];
    watches.data.add('/a', data, PERSISTENT_RECURSIVE);
    watches.child.add('/a', child, STANDARD);
    watches.fire({ type: EventTypeCode.NodeDataChanged, path: '/a', acl: [] }, 1n);
    watches.fire({ type: EventTypeCode.NodeChildrenChanged, path: '/a', acl: [] }, 2n);
    expect(data.heard).toEqual([[EventTypeCode.NodeDataChanged, '/a']]);
    expect(child.heard).toEqual([[EventTypeCode.NodeChildrenChanged, '/a']]);
  });
});
