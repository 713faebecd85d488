import { describe, expect, it } from 'vitest';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { DataTree, PERSISTENT, type DataNode } from '../../../src/testing/data-tree.js';
import { Quotas } from '../../../src/testing/quotas.js';
import { Transaction } from '../../../src/testing/transaction.js';

const ACL = [{ perms: 31, scheme: 'world', id: 'anyone' }];

describe('Transaction', () => {
  it('lets a later change see the earlier, all under one zxid and time', () => {
    const tree = new DataTree();
    const txn = new Transaction(tree, new Quotas(tree, false), 9n, 5000);
    txn.create('/a', null, ACL, PERSISTENT);
    const b = txn.create('/a/b', null, ACL, PERSISTENT);
    txn.setData('/a/b', b, Buffer.from('x'));
    expect(tree.get('/a/b')?.stat()).toMatchObject({ czxid: 9n, mzxid: 9n, mtime: 5000, version: 1 });
    expect(tree.get('/a')?.pzxid).toBe(9n);
  });

  it('collects what watchers want to know, in order', () => {
    const tree = new DataTree();
    const txn = new Transaction(tree, new Quotas(tree, false), 9n, 5000);
    const a = txn.create('/a', null, ACL, PERSISTENT);
    txn.setData('/a', a, null);
    txn.setAcl('/a', a, []);
    txn.delete('/a', a);
    expect(txn.triggers.map(({ type, path }) => [type, path])).toEqual([
      [EventTypeCode.NodeCreated, '/a'],
      [EventTypeCode.NodeChildrenChanged, '/'],
      [EventTypeCode.NodeDataChanged, '/a'],
      [EventTypeCode.NodeDeleted, '/a'],
      [EventTypeCode.NodeChildrenChanged, '/'],
    ]);
  });

  it('takes everything back, the sequence too', () => {
    const tree = new DataTree();
    const setUp = new Transaction(tree, new Quotas(tree, false), 1n, 1);
    setUp.create('/a', Buffer.from('old'), ACL, PERSISTENT);
    setUp.create('/a/b', null, ACL, { kind: 'ephemeral', owner: 3n });
    const shot = () =>
      [...tree.paths()].sort().map((path) => [path, tree.get(path)?.stat(), tree.get(path)?.creates]);
    const before = shot();
    const txn = new Transaction(tree, new Quotas(tree, false), 2n, 2);
    txn.setData('/a', tree.get('/a') as DataNode, null);
    txn.delete('/a/b', tree.get('/a/b') as DataNode);
    txn.create('/a/b', null, ACL, PERSISTENT);
    txn.create('/a/c', null, ACL, PERSISTENT);
    txn.setAcl('/a', tree.get('/a') as DataNode, []);
    txn.rollback();
    expect(shot()).toEqual(before);
    expect(txn.triggers).toEqual([]);
    expect(tree.get('/a')?.data?.toString()).toBe('old');
    expect(tree.ephemeralsOf(3n)).toEqual(['/a/b']);
  });
});
