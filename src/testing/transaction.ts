/** One change of the tree under one zxid: everything that belongs to it happens, or nothing does. */
import { EventTypeCode } from '../protocol/constants.js';
import { parentPath } from '../protocol/paths.js';
import type { Acl } from '../protocol/records.js';
import { DataNode, type DataTree, type Lifetime, type Undo } from './data-tree.js';
import type { Quotas } from './quotas.js';
import type { Trigger } from './watch-table.js';

/** Applies changes at once, so that a later one sees the earlier, and keeps how to take them back. */
export class Transaction {
  private readonly undos: Undo[] = [];
  private readonly collected: Trigger[] = [];
  /** Children that nodes have had, where that is more than can be kept. */
  private readonly counts = new Map<DataNode, number>();

  private readonly tree: DataTree;
  private readonly quotas: Quotas;
  readonly zxid: bigint;
  readonly timeMs: number;

  /**
   * @param zxid of every change in it
   * @param timeMs their `ctime` and `mtime`, ms since 1970
   */
  constructor(tree: DataTree, quotas: Quotas, zxid: bigint, timeMs: number) {
    this.tree = tree;
    this.quotas = quotas;
    this.zxid = zxid;
    this.timeMs = timeMs;
  }

  /** What to tell watchers, in order, once nothing can fail any more. */
  get triggers(): readonly Trigger[] {
    return this.collected;
  }

  /** Children that a node has had. Within a transaction this goes on behind the highest number; outside it stays there. */
  countOf(parent: DataNode): number {
    return this.counts.get(parent) ?? parent.creates;
  }

  /** Creates a node; its parent must exist, it must not. */
  create(path: string, data: Buffer | null, acl: readonly Acl[], lifetime: Lifetime): DataNode {
    const node = new DataNode(data, acl, lifetime, this.zxid, this.timeMs);
    const parent = this.tree.get(parentPath(path)) as DataNode;
    const count = (this.countOf(parent) + 1) | 0;
    if (count < parent.creates) this.counts.set(parent, count);
    this.undos.push(this.tree.insert(path, node, count), this.quotas.created(path, node));
    this.trigger(EventTypeCode.NodeCreated, path, acl, data?.length);
    this.childrenChanged(path);
    return node;
  }

  /** Deletes a node without children. */
  delete(path: string, node: DataNode): void {
    this.undos.push(this.tree.remove(path, node, this.zxid), this.quotas.deleted(path, node));
    this.trigger(EventTypeCode.NodeDeleted, path, node.acl);
    this.childrenChanged(path);
  }

  /** Changes the data; watchers of the node are told. */
  setData(path: string, node: DataNode, data: Buffer | null): void {
    const { dataLength } = node;
    this.undos.push(this.tree.setData(node, data, this.zxid, this.timeMs));
    this.undos.push(this.quotas.dataSet(path, node, dataLength));
    this.trigger(EventTypeCode.NodeDataChanged, path, node.acl, data?.length);
  }

  /** Fires no watch. */
  setAcl(_path: string, node: DataNode, acl: readonly Acl[]): void {
    this.undos.push(this.tree.setAcl(node, acl));
  }

  /** Takes everything back. The zxid stays used. */
  rollback(): void {
    for (let undo = this.undos.pop(); undo !== undefined; undo = this.undos.pop()) undo();
    this.collected.length = 0;
  }

  private childrenChanged(path: string): void {
    const parent = parentPath(path);
    const acl = this.tree.get(parent)?.acl ?? [];
    this.trigger(EventTypeCode.NodeChildrenChanged, parent, acl);
  }

  private trigger(type: number, path: string, acl: readonly Acl[], bytes = 0): void {
    this.collected.push({ type, path, acl, bytes });
  }
}
