/** A tree as JSON: what a snapshot is, and how it is made of nodes. */
import { isUtf8 } from 'node:buffer';
import { OPEN_ACL_UNSAFE } from '../protocol/acls.js';
import { hex } from '../protocol/readable.js';
import type { Acl } from '../protocol/records.js';
import type { DataNode, DataTree } from './data-tree.js';
import type { Session } from './session-table.js';

/**
 * A tree as it was at one moment, safe for JSON. Written by hand, a node needs no more than its `path`: the rest is then
 * as if it had just been created, and parents that are missing are made.
 */
export interface Snapshot {
  /** `zk-conn-snapshot`. */
  readonly format: string;
  /** Of the format: 1. */
  readonly version: number;
  /** zxid of the last change. Default: the highest of the nodes. */
  readonly lastZxid?: string | undefined;
  readonly nodes: readonly SnapshotNode[];
  /** Sessions that own ephemeral nodes, with their passwords. Default none. */
  readonly sessions?: readonly SnapshotSession[] | undefined;
}

/** A node of a {@link Snapshot}. zxids and session ids are texts such as `0x1f`. */
export interface SnapshotNode {
  readonly path: string;
  /** Its data, if that is text. */
  readonly text?: string | undefined;
  /** Its data in base64, if that is no text; `null` for none at all, which is not the same as empty. */
  readonly data?: string | null | undefined;
  /** Default: `world:anyone` may do everything. */
  readonly acl?:
    readonly { readonly perms: number; readonly scheme: string; readonly id: string }[] | undefined;
  readonly czxid?: string | undefined;
  readonly mzxid?: string | undefined;
  readonly pzxid?: string | undefined;
  /** ms since 1970. */
  readonly ctime?: number | undefined;
  readonly mtime?: number | undefined;
  readonly version?: number | undefined;
  readonly aversion?: number | undefined;
  /** Children ever created: the next sequential child gets this number, and `cversion` follows from it. */
  readonly creates?: number | undefined;
  /** The session of an ephemeral node. */
  readonly owner?: string | undefined;
  /** `true` for a container. */
  readonly container?: boolean | undefined;
  /** Time to live of a TTL node, ms. */
  readonly ttlMs?: number | undefined;
}

/** A session of a {@link Snapshot}. */
export interface SnapshotSession {
  readonly id: string;
  /** In base64. */
  readonly passwd: string;
  readonly timeoutMs: number;
}

export const FORMAT = 'zk-conn-snapshot';
export const FORMAT_VERSION = 1;

/** Options of `MiniServer.snapshot`. */
export interface SnapshotOptions {
  /**
   * Keep ephemeral nodes, and all sessions, with their passwords: they can be gone on with after a restore, and expire if
   * nobody does. Default false.
   */
  readonly ephemerals?: boolean | undefined;
}

/** What a snapshot is taken of. */
interface Source {
  readonly tree: DataTree;
  readonly sessions: Iterable<Session>;
  readonly lastZxid: bigint;
}

/** What a server has now. */
export function takeSnapshot({ tree, sessions, lastZxid }: Source, ephemerals: boolean): Snapshot {
  const nodes: SnapshotNode[] = [];
  for (const path of [...tree.paths()].sort()) {
    const node = tree.get(path);
    if (node !== undefined && (ephemerals || node.lifetime.kind !== 'ephemeral'))
      nodes.push(writeNode(path, node));
  }
  const kept = [...sessions]
    .filter(({ isLocal }) => !isLocal)
    .map(({ id, passwd, timeoutMs }) => ({ id: hex(id), passwd: passwd.toString('base64'), timeoutMs }));
  return {
    format: FORMAT,
    version: FORMAT_VERSION,
    lastZxid: hex(lastZxid),
    nodes,
    ...(ephemerals ? { sessions: kept } : {}),
  };
}

/** A node as a snapshot has it. */
export function writeNode(path: string, node: DataNode): SnapshotNode {
  const { lifetime } = node;
  return {
    path,
    ...writeData(node.data),
    ...(isOpen(node.acl) ? {} : { acl: node.acl.map(({ perms, scheme, id }) => ({ perms, scheme, id })) }),
    czxid: hex(node.czxid),
    mzxid: hex(node.mzxid),
    pzxid: hex(node.pzxid),
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    aversion: node.aversion,
    creates: node.creates,
    ...(lifetime.kind === 'ephemeral' ? { owner: hex(lifetime.owner) } : {}),
    ...(lifetime.kind === 'container' ? { container: true } : {}),
    ...(lifetime.kind === 'ttl' ? { ttlMs: lifetime.ttlMs } : {}),
  };
}

/** Text where a person can read it. */
function writeData(data: Buffer | null): Pick<SnapshotNode, 'text' | 'data'> {
  if (data === null) return { data: null };
  const text = data.toString('utf8');
  return isUtf8(data) && !UNREADABLE.test(text) ? { text } : { data: data.toString('base64') };
}

/** Control characters that are no white space. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const UNREADABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

function isOpen(acl: readonly Acl[]): boolean {
  const [only] = acl;
  const [open] = OPEN_ACL_UNSAFE as readonly [Acl];
  return acl.length === 1 && only?.perms === open.perms && only.scheme === open.scheme && only.id === open.id;
}
