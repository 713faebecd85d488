/**
 * Quotas (Java `DataTree`, `Quotas`, `StatsTrack`): below `/zookeeper/quota` stands a copy of a path with the nodes
 * `zookeeper_limits`, written by clients, and `zookeeper_stats`, which the server keeps up to date. Of all quotas above a
 * node the nearest alone counts.
 */
import type { DataNode, DataTree, Undo } from './data-tree.js';
import { parentPath } from '../protocol/paths.js';
import { refuse } from './refusal.js';

const ROOT = '/zookeeper/quota';
const LIMITS = '/zookeeper_limits';
const STATS = '/zookeeper_stats';

const NO_UNDO: Undo = () => undefined;

/**
 * What quotas allow and what is used of it, by the first part of their paths; of several with one the sums. The hard limit
 * where there is one, -1 where there is none.
 */
export interface QuotaFigures {
  readonly countLimit: ReadonlyMap<string, number>;
  readonly bytesLimit: ReadonlyMap<string, number>;
  readonly countUsage: ReadonlyMap<string, number>;
  readonly bytesUsage: ReadonlyMap<string, number>;
}

/** Looks after the usage of all quotas of a tree. */
export class Quotas {
  /** Usage before the transaction that is under way: what a multi itself adds is not looked at (`PrepRequestProcessor`). */
  private readonly before = new Map<DataNode, Buffer | null>();

  /** @param enforced are hard limits refused (`zookeeper.enforceQuota`)? */
  constructor(
    private readonly tree: DataTree,
    private readonly enforced: boolean,
  ) {}

  /** A transaction begins. */
  begin(): void {
    this.before.clear();
  }

  /** The tree is another one: all usage is counted anew. */
  recount(): void {
    this.begin();
    for (const path of this.tree.paths()) {
      const node = this.tree.get(path);
      if (node !== undefined && path.startsWith(`${ROOT}/`) && path.endsWith(STATS))
        this.countAnew(path, node);
    }
  }

  /** Of all quotas. */
  figures(): QuotaFigures {
    const countLimit = new Map<string, number>();
    const bytesLimit = new Map<string, number>();
    const countUsage = new Map<string, number>();
    const bytesUsage = new Map<string, number>();
    for (const path of this.tree.paths()) {
      if (!path.startsWith(`${ROOT}/`)) continue;
      const [, namespace = ''] = path.slice(ROOT.length).split('/');
      const data = parse(this.tree.get(path)?.data ?? null) ?? NOTHING_USED;
      const add = (to: Map<string, number>, soft: string, hard: string): void => {
        const isHard = (data.get(hard) ?? -1) > -1;
        to.set(namespace, (to.get(namespace) ?? 0) + (data.get(isHard ? hard : soft) ?? -1));
      };
      if (path.endsWith(LIMITS)) {
        add(countLimit, 'count', 'countHardLimit');
        add(bytesLimit, 'bytes', 'byteHardLimit');
      } else if (path.endsWith(STATS)) {
        add(countUsage, 'count', 'countHardLimit');
        add(bytesUsage, 'bytes', 'byteHardLimit');
      }
    }
    return { countLimit, bytesLimit, countUsage, bytesUsage };
  }

  /** @throws Refusal QuotaExceeded */
  checkCreate(path: string, data: Uint8Array | null): void {
    if (this.enforced) this.check(path, data?.length ?? 0, 1);
  }

  /** @throws Refusal QuotaExceeded */
  checkSetData(path: string, old: Uint8Array | null, data: Uint8Array | null): void {
    if (this.enforced) this.check(path, (data?.length ?? 0) - (old?.length ?? 0), 0);
  }

  /** A node was made. */
  created(path: string, node: DataNode): Undo {
    if (path.startsWith(`${ROOT}/`) && path.endsWith(STATS)) this.countAnew(path, node);
    return this.add(path, node.dataLength, 1);
  }

  /** A node has gone. */
  deleted(path: string, node: DataNode): Undo {
    return this.add(path, -node.dataLength, -1);
  }

  /** The data of a node is another. @param oldBytes its length before */
  dataSet(path: string, node: DataNode, oldBytes: number): Undo {
    return this.add(path, node.dataLength - oldBytes, 0);
  }

  private check(path: string, bytes: number, count: number): void {
    const limited = this.limitedAbove(path);
    if (limited === null) return;
    const stats = this.tree.get(ROOT + limited + STATS);
    if (stats === undefined) return;
    const limits = parse(this.tree.get(ROOT + limited + LIMITS)?.data ?? null) ?? refuse('Marshalling');
    const usage = parse(this.before.get(stats) ?? stats.data) ?? refuse('Marshalling');
    // also a change that makes it less is refused while it is still too much, but not one that leaves it as it is
    const exceeds = (more: number, used: string, limit: string): boolean => {
      const most = limits.get(limit) ?? -1;
      return more !== 0 && most > -1 && (usage.get(used) ?? 0) + more > most;
    };
    if (exceeds(count, 'count', 'countHardLimit') || exceeds(bytes, 'bytes', 'byteHardLimit')) {
      refuse('QuotaExceeded');
    }
  }

  /** Adds to the usage that a quota has. Like Java, without a new version. */
  private add(path: string, bytes: number, count: number): Undo {
    const limited = this.limitedAbove(path);
    const stats = limited === null ? undefined : this.tree.get(ROOT + limited + STATS);
    if (stats === undefined) return NO_UNDO;
    const { data } = stats;
    if (!this.before.has(stats)) this.before.set(stats, data);
    const usage = parse(data) ?? NOTHING_USED;
    stats.data = format((usage.get('count') ?? 0) + count, (usage.get('bytes') ?? 0) + bytes);
    return () => {
      stats.data = data;
    };
  }

  /** The first count of a subtree, its root included. */
  private countAnew(statsPath: string, stats: DataNode): void {
    const root = statsPath.slice(ROOT.length, -STATS.length);
    let [count, bytes] = [0, 0];
    for (const path of this.tree.paths()) {
      if (path !== root && !path.startsWith(`${root}/`)) continue;
      count++;
      bytes += this.tree.get(path)?.dataLength ?? 0;
    }
    stats.data = format(count, bytes);
  }

  /** The nearest path, from this one upwards, that has limits; null if there is none. */
  private limitedAbove(path: string): string | null {
    if (this.tree.get(ROOT)?.numChildren === 0) return null;
    for (let at = path; at !== '/'; at = parentPath(at)) {
      if (this.tree.get(ROOT + at + LIMITS) !== undefined) return at === '/zookeeper' ? null : at;
    }
    return null;
  }
}

/**
 * `count=1,bytes=2`, in limits with more behind `=;` (Java `StatsTrack`).
 * @returns null if it makes no sense
 */
function parse(data: Buffer | null): ReadonlyMap<string, number> | null {
  if (data === null) return null;
  if (data.length === 0) return NOTHING_USED;
  const numbers = new Map<string, number>();
  for (const part of data.toString('utf8').split(/[,;]+/)) {
    const [key = '', value = ''] = part.split('=');
    if (!/^[+-]?\d+$/.test(value)) return null;
    numbers.set(key, Number(value));
  }
  return numbers;
}

const NOTHING_USED: ReadonlyMap<string, number> = new Map();

function format(count: number, bytes: number): Buffer {
  return Buffer.from(`count=${count},bytes=${bytes}`);
}
