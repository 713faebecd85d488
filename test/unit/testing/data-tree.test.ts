import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import {
  DataNode,
  DataTree,
  PERSISTENT,
  sequenceSuffix,
  type Lifetime,
} from '../../../src/testing/data-tree.js';

function add(tree: DataTree, path: string, zxid: bigint, lifetime: Lifetime = PERSISTENT): DataNode {
  const node = new DataNode(Buffer.from('abc'), OPEN_ACL_UNSAFE, lifetime, zxid, 1000);
  tree.insert(path, node);
  return node;
}

describe('DataTree', () => {
  it('begins with the Stats of a fresh server', () => {
    const tree = new DataTree();
    expect(tree.get('/')?.stat()).toMatchObject({
      czxid: 0n,
      cversion: -1,
      numChildren: 1,
      pzxid: 0n,
      ctime: 0,
    });
    expect(tree.get('')).toBe(tree.get('/'));
    expect(tree.get('/zookeeper')?.stat()).toMatchObject({ cversion: -2, numChildren: 2 });
    expect(tree.get('/zookeeper/config')?.stat()).toMatchObject({ aversion: -1, dataLength: 0 });
    expect(tree.size).toBe(4);
  });

  it('gives a new node its Stat', () => {
    const tree = new DataTree();
    add(tree, '/a', 7n);
    expect(tree.get('/a')?.stat()).toEqual({
      czxid: 7n,
      mzxid: 7n,
      ctime: 1000,
      mtime: 1000,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 3,
      numChildren: 0,
      pzxid: 7n,
    });
  });

  it('counts creates and deletes of children in cversion, and creates alone in the sequence', () => {
    const tree = new DataTree();
    const parent = add(tree, '/a', 1n);
    const b = add(tree, '/a/b', 2n);
    add(tree, '/a/c', 3n);
    tree.remove('/a/b', b, 4n);
    expect(parent.stat()).toMatchObject({ cversion: 3, numChildren: 1, pzxid: 4n });
    expect(parent.creates).toBe(2);
  });

  it('changes version, mzxid and mtime by setData, aversion alone by setAcl', () => {
    const tree = new DataTree();
    const node = add(tree, '/a', 1n);
    tree.setData(node, null, 2n, 2000);
    expect(node.stat()).toMatchObject({
      version: 1,
      mzxid: 2n,
      mtime: 2000,
      dataLength: 0,
      aversion: 0,
      pzxid: 1n,
    });
    tree.setAcl(node, []);
    expect(node.stat()).toMatchObject({ version: 1, mzxid: 2n, aversion: 1 });
  });

  it('hides the special owners of containers and TTL nodes, and lists them for the reaper', () => {
    const tree = new DataTree();
    add(tree, '/e', 1n, { kind: 'ephemeral', owner: 5n });
    add(tree, '/c', 2n, { kind: 'container' });
    add(tree, '/t', 3n, { kind: 'ttl', ttlMs: 10 });
    expect(['/e', '/c', '/t'].map((path) => tree.get(path)?.ephemeralOwner)).toEqual([5n, 0n, 0n]);
    expect(tree.ephemeralsOf(5n)).toEqual(['/e']);
    expect([...tree.owners()]).toEqual([5n]);
    expect(tree.mortals()).toEqual(['/c', '/t']);
  });

  it('takes each change back', () => {
    const tree = new DataTree();
    const parent = add(tree, '/a', 1n);
    const child = add(tree, '/a/b', 2n, { kind: 'ephemeral', owner: 5n });
    const before = [parent.stat(), child.stat()];
    const undos = [
      tree.setData(child, null, 3n, 3000),
      tree.setAcl(child, []),
      tree.remove('/a/b', child, 3n),
      tree.insert('/a/c', new DataNode(null, [], { kind: 'container' }, 3n, 3000)),
    ];
    expect(tree.ephemeralsOf(5n)).toEqual([]);
    for (const undo of undos.reverse()) undo();
    expect([parent.stat(), child.stat()]).toEqual(before);
    expect(tree.get('/a/c')).toBeUndefined();
    expect(tree.mortals()).toEqual([]);
    expect(tree.ephemeralsOf(5n)).toEqual(['/a/b']);
  });
});

describe('the sequence', () => {
  it.each([
    [0, '0000000000'],
    [2147483647, '2147483647'],
    [-2147483648, '-2147483648'],
    [-1, '-000000001'],
  ])('prints %i as Java does', (n, text) => {
    expect(sequenceSuffix(n)).toBe(text);
  });

  it('stays at the highest number, and so does the zxid of the last child', () => {
    const tree = new DataTree();
    const parent = add(tree, '/a', 1n);
    parent.creates = 0x7ffffffe;
    add(tree, '/a/b', 2n);
    add(tree, '/a/c', 3n);
    expect([parent.creates, parent.pzxid]).toEqual([0x7fffffff, 2n]);
    expect(parent.cversion).toBe((2 * 0x7fffffff - 2) | 0);
  });
});
