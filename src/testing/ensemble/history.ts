/** Transactions as they go from a leader to those who follow it (Java `TxnHeader` and its records). */
import { EventTypeCode } from '../../protocol/constants.js';
import type { Acl } from '../../protocol/records.js';
import type { DataNode, Lifetime } from '../data-tree.js';
import type { ServerState } from '../server-state.js';
import type { Session } from '../session-table.js';
import { Transaction } from '../transaction.js';

/** The node that tells which servers there are. */
export const CONFIG_NODE = '/zookeeper/config';

/** One step of a transaction. Nothing in it can fail where the transactions before it were applied. */
export type Change =
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly data: Buffer | null;
      readonly acl: readonly Acl[];
      readonly lifetime: Lifetime;
    }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'setData'; readonly path: string; readonly data: Buffer | null }
  | { readonly kind: 'setAcl'; readonly path: string; readonly acl: readonly Acl[] }
  | {
      readonly kind: 'openSession';
      readonly id: bigint;
      readonly passwd: Buffer;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'closeSession'; readonly id: bigint; readonly expired: boolean }
  | { readonly kind: 'config'; readonly text: string };

/** A transaction. One without changes is a write that failed. */
export interface Entry {
  readonly zxid: bigint;
  /** ms since 1970 */
  readonly timeMs: number;
  readonly changes: readonly Change[];
}

/** A transaction that writes down what it does. */
export class RecordedTransaction extends Transaction {
  readonly changes: Change[] = [];

  override create(path: string, data: Buffer | null, acl: readonly Acl[], lifetime: Lifetime): DataNode {
    const node = super.create(path, data, acl, lifetime);
    this.changes.push({ kind: 'create', path, data, acl, lifetime });
    return node;
  }

  override delete(path: string, node: DataNode): void {
    super.delete(path, node);
    this.changes.push({ kind: 'delete', path });
  }

  override setData(path: string, node: DataNode, data: Buffer | null): void {
    super.setData(path, node, data);
    this.changes.push({ kind: 'setData', path, data });
  }

  override setAcl(path: string, node: DataNode, acl: readonly Acl[]): void {
    super.setAcl(path, node, acl);
    this.changes.push({ kind: 'setAcl', path, acl });
  }

  override rollback(): void {
    super.rollback();
    this.changes.length = 0;
  }
}

/** The same transaction: a leader makes no other ones. */
export function recorded(txn: Transaction): RecordedTransaction {
  if (!(txn instanceof RecordedTransaction)) throw new Error('a leader writes down what it does');
  return txn;
}

/**
 * Does on one server what was done on the leader, and tells those who watch there.
 * @returns sessions that have ended by it and whose connections are still to be closed
 */
export function replay({ zxid, timeMs, changes }: Entry, state: ServerState): readonly Session[] {
  const ended: Session[] = [];
  const txn = new Transaction(state.tree, state.quotas, zxid, timeMs);
  state.continueFrom(zxid);
  state.quotas.begin();
  for (const change of changes) {
    if (change.kind === 'openSession') {
      const { id, passwd, timeoutMs } = change;
      if (state.sessions.get(id) === undefined) state.sessions.add(id, passwd, timeoutMs);
    } else if (change.kind === 'closeSession') {
      const session = state.sessions.get(change.id);
      if (session === undefined) continue;
      state.sessions.remove(session);
      if (change.expired) session.hangUp();
      else ended.push(session);
    } else if (change.kind === 'config') {
      setConfig(state, change.text, zxid, timeMs);
      const { acl } = configNode(state);
      state.watches.fire({ type: EventTypeCode.NodeDataChanged, path: CONFIG_NODE, acl }, zxid);
    } else {
      replayOnNode(change, txn, state);
    }
  }
  for (const change of changes) if (change.kind === 'closeSession') state.tree.forgetOwner(change.id);
  state.commit(txn);
  return ended;
}

type NodeChange = Extract<Change, { readonly path: string }>;

function replayOnNode(change: NodeChange, txn: Transaction, { tree }: ServerState): void {
  const { path } = change;
  if (change.kind === 'create') {
    txn.create(path, change.data, change.acl, change.lifetime);
    return;
  }
  const node = tree.get(path);
  // every server has the same nodes at the same zxid
  if (node === undefined) throw new Error(`a server has lost ${path}`);
  if (change.kind === 'delete') txn.delete(path, node);
  else if (change.kind === 'setData') txn.setData(path, node, change.data);
  else txn.setAcl(path, node, change.acl);
}

/** Puts a configuration in its node, whose version never moves (Java `PrepRequestProcessor`, case reconfig). */
export function setConfig(state: ServerState, text: string, zxid: bigint, timeMs: number): void {
  // a server before 3.5 tells nobody
  if (!state.tree.isSpecial(CONFIG_NODE)) return;
  const node = configNode(state);
  node.data = Buffer.from(text);
  node.version = -1;
  node.mzxid = zxid;
  node.mtime = timeMs;
}

function configNode({ tree }: ServerState): DataNode {
  return tree.get(CONFIG_NODE) as DataNode;
}
