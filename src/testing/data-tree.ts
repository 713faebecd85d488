/**
 * The znodes with their Stats (Java `DataTree`, `DataNode`). Changes are applied at once and hand back how to take
 * them back; who may do what is decided elsewhere.
 */
import { OPEN_ACL_UNSAFE, READ_ACL_UNSAFE } from '../protocol/acls.js';
import { baseName, parentPath } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';

/** What ends a node's life (Java `EphemeralType`). */
export type Lifetime =
  | { readonly kind: 'persistent' }
  | { readonly kind: 'ephemeral'; readonly owner: bigint }
  | { readonly kind: 'container' }
  | { readonly kind: 'ttl'; readonly ttlMs: number };

/** A node that stays until somebody deletes it. */
export const PERSISTENT: Lifetime = Object.freeze({ kind: 'persistent' });

/** Takes one change back. Changes are taken back in the opposite order. */
export type Undo = () => void;

/** A node. It is its own Stat, as of now; {@link DataNode.stat} gives one that stays. */
export class DataNode implements Stat {
  mzxid: bigint;
  mtime: number;
  version = 0;
  aversion = 0;
  pzxid: bigint;
  /**
   * Children ever created, as far as that can be counted in 32 bits; the next sequential child gets this number
   * (`StatPersisted.cversion`).
   */
  creates = 0;
  /** Names, in the order of their creation. */
  readonly children = new Set<string>();

  data: Buffer | null;
  acl: readonly Acl[];
  readonly lifetime: Lifetime;
  readonly czxid: bigint;
  readonly ctime: number;

  constructor(data: Buffer | null, acl: readonly Acl[], lifetime: Lifetime, czxid: bigint, ctime: number) {
    this.data = data;
    this.acl = acl;
    this.lifetime = lifetime;
    this.czxid = czxid;
    this.ctime = ctime;
    this.mzxid = czxid;
    this.pzxid = czxid;
    this.mtime = ctime;
  }

  /** Creates and deletes of children: each child that is gone was counted once and is missing once. */
  get cversion(): number {
    return (2 * this.creates - this.children.size) | 0;
  }

  /** The owning session; 0n also for containers and TTL nodes (`DataTree.getClientEphemeralOwner`). */
  get ephemeralOwner(): bigint {
    return this.lifetime.kind === 'ephemeral' ? this.lifetime.owner : 0n;
  }

  get dataLength(): number {
    return this.data?.length ?? 0;
  }

  get numChildren(): number {
    return this.children.size;
  }

  /** A node like this one that changes by itself. */
  copy(): DataNode {
    const { data, acl, lifetime, czxid, ctime } = this;
    const copy = new DataNode(data, acl, lifetime, czxid, ctime);
    const { mzxid, mtime, version, aversion, pzxid, creates } = this;
    Object.assign(copy, { mzxid, mtime, version, aversion, pzxid, creates });
    for (const name of this.children) copy.children.add(name);
    return copy;
  }

  /** The Stat of this moment. */
  stat(): Stat {
    return {
      czxid: this.czxid,
      mzxid: this.mzxid,
      ctime: this.ctime,
      mtime: this.mtime,
      version: this.version,
      cversion: this.cversion,
      aversion: this.aversion,
      ephemeralOwner: this.ephemeralOwner,
      dataLength: this.dataLength,
      numChildren: this.numChildren,
      pzxid: this.pzxid,
    };
  }
}

const SPECIAL_PATHS: ReadonlySet<string> = new Set(['/', '/zookeeper', '/zookeeper/quota']);

/** Tells which servers there are. */
const CONFIG_PATH = '/zookeeper/config';

/** Ten digits with leading zeros, the sign counted in (Java `%010d`). */
export function sequenceSuffix(n: number): string {
  return n < 0 ? `-${String(-n).padStart(9, '0')}` : String(n).padStart(10, '0');
}

const EMPTY = Buffer.alloc(0);

/** All nodes by path. */
export class DataTree {
  private readonly nodes = new Map<string, DataNode>();
  /** Paths of the ephemeral nodes of each session. */
  private readonly owned = new Map<bigint, Set<string>>();
  /** Containers and TTL nodes: what a reaper looks at. */
  private readonly mortal = new Set<string>();
  /** Memory that data which came last lies in, among other things, and the nodes that got it. */
  private shared: ArrayBufferLike | null = null;
  private sharers: DataNode[] = [];

  /** @param hasConfig has it a node that tells which servers there are, as since 3.5? */
  constructor(private readonly hasConfig = true) {
    this.clear();
  }

  /** May nobody delete that node (Java `PrepRequestProcessor.isSpecialPath`)? */
  isSpecial(path: string): boolean {
    return SPECIAL_PATHS.has(path) || (this.hasConfig && path === CONFIG_PATH);
  }

  /** Makes it that of a fresh server. */
  clear(): void {
    this.nodes.clear();
    this.owned.clear();
    this.mortal.clear();
    // the Stats that a fresh server shows: no change has a zxid or a time, and nothing counts as created
    const add = (path: string, acl: readonly Acl[]): DataNode => {
      const node = new DataNode(Buffer.alloc(0), acl, PERSISTENT, 0n, 0);
      this.nodes.set(path, node);
      if (path !== '/') this.parentOf(path)?.children.add(baseName(path));
      return node;
    };
    for (const path of SPECIAL_PATHS) add(path, OPEN_ACL_UNSAFE);
    if (this.hasConfig) add(CONFIG_PATH, READ_ACL_UNSAFE).aversion = -1;
  }

  /** The node, or `undefined`. The empty path is the root, as for Java. */
  get(path: string): DataNode | undefined {
    return this.nodes.get(path === '' ? '/' : path);
  }

  /** Nodes, those of a fresh tree included. */
  get size(): number {
    return this.nodes.size;
  }

  /** Every path, in no particular order. */
  paths(): IterableIterator<string> {
    return this.nodes.keys();
  }

  /** Ephemeral nodes of a session, in the order of their creation. */
  ephemeralsOf(session: bigint): readonly string[] {
    return [...(this.owned.get(session) ?? [])];
  }

  /** A session that has ended owns nothing any more. */
  forgetOwner(session: bigint): void {
    this.owned.delete(session);
  }

  /** Sessions that own at least one node, or have. */
  owners(): IterableIterator<bigint> {
    return this.owned.keys();
  }

  /** Containers, then TTL nodes. */
  mortals(): readonly string[] {
    const of = (kind: Lifetime['kind']): readonly string[] =>
      [...this.mortal].filter((path) => this.nodes.get(path)?.lifetime.kind === kind);
    return [...of('container'), ...of('ttl')];
  }

  /** Becomes a tree of these nodes and no others, parents before their children. */
  become(nodes: ReadonlyMap<string, DataNode>): void {
    this.nodes.clear();
    this.owned.clear();
    this.mortal.clear();
    for (const [path, node] of nodes) {
      // one that a later server made; a client's own is like any other
      if (path === CONFIG_PATH && !this.hasConfig && node.aversion === -1) continue;
      this.nodes.set(path, node);
      if (path !== '/') this.parentOf(path)?.children.add(baseName(path));
      this.index(path, node);
    }
  }

  /** Becomes a copy of another tree. Data and ACLs are shared, as nothing ever changes them in place. */
  copyFrom(other: DataTree): void {
    this.nodes.clear();
    this.owned.clear();
    this.mortal.clear();
    for (const [path, node] of other.nodes) this.nodes.set(path, node.copy());
    for (const [owner, paths] of other.owned) this.owned.set(owner, new Set(paths));
    for (const path of other.mortal) this.mortal.add(path);
  }

  /**
   * Adds a node below one that exists.
   * @param count children that the parent has had then; one more by default. What is not more than is known changes neither
   * that nor the parent's pzxid: so it is for ever where the highest number is reached
   */
  insert(path: string, node: DataNode, count?: number): Undo {
    const parent = this.parentOf(path) as DataNode;
    const { creates, pzxid } = parent;
    const had = count ?? (creates + 1) | 0;
    parent.children.add(baseName(path));
    if (had > creates) {
      parent.creates = had;
      parent.pzxid = node.czxid;
    }
    this.nodes.set(path, node);
    this.keeps(node);
    const isFirst = !this.owned.has(node.ephemeralOwner);
    this.index(path, node);
    return () => {
      this.nodes.delete(path);
      this.unindex(path, node);
      if (isFirst) this.owned.delete(node.ephemeralOwner);
      parent.children.delete(baseName(path));
      parent.creates = creates;
      parent.pzxid = pzxid;
    };
  }

  /** Takes a node without children out. */
  remove(path: string, node: DataNode, zxid: bigint): Undo {
    const parent = this.parentOf(path) as DataNode;
    const { pzxid } = parent;
    this.nodes.delete(path);
    this.unindex(path, node);
    parent.children.delete(baseName(path));
    parent.pzxid = zxid;
    return () => {
      this.nodes.set(path, node);
      this.index(path, node);
      parent.children.add(baseName(path));
      parent.pzxid = pzxid;
    };
  }

  /** Puts new data, which counts `version` up and sets `mzxid` and `mtime`. */
  setData(node: DataNode, data: Buffer | null, zxid: bigint, timeMs: number): Undo {
    const { data: oldData, version, mzxid, mtime } = node;
    node.data = data;
    node.version = (version + 1) | 0;
    node.mzxid = zxid;
    node.mtime = timeMs;
    this.keeps(node);
    return () => {
      node.data = oldData;
      this.keeps(node);
      node.version = version;
      node.mzxid = mzxid;
      node.mtime = mtime;
    };
  }

  /** Changes `aversion` besides the ACL and nothing else. */
  setAcl(node: DataNode, acl: readonly Acl[]): Undo {
    const { acl: oldAcl, aversion } = node;
    node.acl = acl;
    node.aversion = (aversion + 1) | 0;
    return () => {
      node.acl = oldAcl;
      node.aversion = aversion;
    };
  }

  /**
   * A node has got data. What comes in one chunk shares memory, and most of it is usually kept or replaced together; so it is
   * looked at when the next piece of memory comes. A few nodes do not keep alive all of it.
   */
  private keeps(node: DataNode): void {
    const { data } = node;
    if (data === null || data.length * 2 > data.buffer.byteLength) return;
    if (data.length === 0) {
      node.data = EMPTY;
      return;
    }
    if (data.buffer !== this.shared) {
      this.moveOut();
      this.shared = data.buffer;
    }
    this.sharers.push(node);
  }

  private moveOut(): void {
    const { shared } = this;
    const left = [...new Set(this.sharers)].filter(({ data }) => data?.buffer === shared);
    this.sharers = [];
    const bytes = left.reduce((sum, { dataLength }) => sum + dataLength, 0);
    if (shared === null || bytes * 2 > shared.byteLength) return;
    const own = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const node of left) {
      const data = node.data as Buffer;
      data.copy(own, at);
      node.data = own.subarray(at, (at += data.length));
    }
  }

  private parentOf(path: string): DataNode | undefined {
    return this.nodes.get(parentPath(path));
  }

  private index(path: string, node: DataNode): void {
    const { lifetime } = node;
    if (lifetime.kind === 'ephemeral') {
      const paths = this.owned.get(lifetime.owner);
      if (paths === undefined) this.owned.set(lifetime.owner, new Set([path]));
      else paths.add(path);
    } else if (lifetime.kind !== 'persistent') {
      this.mortal.add(path);
    }
  }

  private unindex(path: string, node: DataNode): void {
    const { lifetime } = node;
    if (lifetime.kind === 'ephemeral') {
      const paths = this.owned.get(lifetime.owner);
      paths?.delete(path);
    } else if (lifetime.kind !== 'persistent') {
      this.mortal.delete(path);
    }
  }
}
