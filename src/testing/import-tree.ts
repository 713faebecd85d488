/** Reads a tree from a server, a real one for instance, into a snapshot. */
import { InvalidOptionError, ZkError } from '../protocol/errors.js';
import { hex } from '../protocol/readable.js';
import { joinPath } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';
import { DataNode, PERSISTENT } from './data-tree.js';
import { ImportError } from './errors.js';
import { FORMAT, FORMAT_VERSION, writeNode, type Snapshot, type SnapshotNode } from './snapshot.js';

/** Whom {@link importTree} asks: a `Conn`, or a view of one under a chroot. */
export interface TreeSource {
  get(path: string): Promise<{ readonly data: Uint8Array | null; readonly stat: Stat }>;
  children(path: string): Promise<{ readonly children: readonly string[]; readonly stat: Stat }>;
  getAcl(path: string): Promise<{ readonly acl: readonly Acl[] }>;
}

/** Options of {@link importTree}. */
export interface ImportOptions {
  /**
   * Ephemeral nodes belong to sessions that are elsewhere: they are left out (`omit`, the default), or become nodes that
   * stay (`persistent`).
   */
  readonly ephemerals?: 'omit' | 'persistent' | undefined;
  /** Most nodes. Default 100 000. */
  readonly maxNodes?: number | undefined;
  /** Most bytes of data, all nodes together. Default 67 108 864, 64 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Nodes that are read at once; three requests each. */
const AT_ONCE = 16;
/** What each server writes there itself. */
const NOT_OURS = '/zookeeper/config';

/**
 * Reads a node and all that is below it, with data, ACLs and Stats. What a client cannot see is lost: containers and TTL
 * nodes become ordinary ones, and where the client is not the administrator of a node, the server masks its ACL. Nodes
 * that are deleted meanwhile are left out. Nothing is written.
 * @param path the root of what is read; nodes keep their paths
 * @throws {@link InvalidOptionError}; {@link ImportError} if there is more than the options allow; the error of the read
 * that failed, for example `NoAuthError`
 */
export async function importTree(
  source: TreeSource,
  path = '/',
  options: ImportOptions = {},
): Promise<Snapshot> {
  const { ephemerals, maxNodes, maxBytes } = checked(options);
  const nodes: SnapshotNode[] = [];
  let [known, bytes, lastZxid] = [1, 0, 0n];
  const read = async (at: string): Promise<readonly string[]> => {
    const [{ children, stat: family }, { data, stat }, { acl }] = await Promise.all([
      source.children(at),
      source.get(at),
      source.getAcl(at),
    ]);
    if (stat.ephemeralOwner !== 0n && ephemerals === 'omit') return [];
    bytes += data?.length ?? 0;
    if (bytes > maxBytes) throw new ImportError(`${path} holds more than ${maxBytes} bytes (maxBytes)`);
    const below = children.map((name) => joinPath(at, name)).filter((child) => child !== NOT_OURS);
    known += below.length;
    if (known > maxNodes) throw new ImportError(`${path} holds more than ${maxNodes} nodes (maxNodes)`);
    for (const each of [stat.mzxid, family.pzxid]) if (each > lastZxid) lastZxid = each;
    nodes.push(writeNode(at, nodeOf(data, acl, stat, family)));
    return below;
  };
  for (let level: readonly string[] = [path]; level.length > 0;) {
    const next: string[] = [];
    for (let i = 0; i < level.length; i += AT_ONCE) {
      const some = level.slice(i, i + AT_ONCE).map(async (at) => {
        try {
          return await read(at);
        } catch (error) {
          if (at !== path && ZkError.is(error) && error.code === 'ZK_NO_NODE') return [];
          throw error;
        }
      });
      for (const below of await Promise.all(some)) next.push(...below);
    }
    level = next;
  }
  nodes.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { format: FORMAT, version: FORMAT_VERSION, lastZxid: hex(lastZxid), nodes };
}

/** @param family the Stat that came with the names of the children */
function nodeOf(data: Uint8Array | null, acl: readonly Acl[], stat: Stat, family: Stat): DataNode {
  const { czxid, ctime, mzxid, mtime, version, aversion } = stat;
  const bytes = data === null ? null : Buffer.from(data);
  return Object.assign(new DataNode(bytes, acl, PERSISTENT, czxid, ctime), {
    mzxid,
    mtime,
    version,
    aversion,
    pzxid: family.pzxid,
    // each child that is gone was counted once and is missing once
    creates: (family.cversion + family.numChildren) >> 1,
  });
}

function checked(options: ImportOptions): {
  readonly ephemerals: 'omit' | 'persistent';
  readonly maxNodes: number;
  readonly maxBytes: number;
} {
  const { ephemerals = 'omit', maxNodes = 100_000, maxBytes = 64 * 1024 * 1024, ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new InvalidOptionError(`unknown option ${unknown} of importTree`);
  if (!['omit', 'persistent'].includes(ephemerals)) {
    throw new InvalidOptionError(`ephemerals must be omit or persistent, not ${ephemerals}`);
  }
  for (const [key, value] of Object.entries({ maxNodes, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidOptionError(`${key} must be a whole number, at least 1, not ${String(value)}`);
    }
  }
  return { ephemerals, maxNodes, maxBytes };
}
