/** Copies whole subtrees, with the public calls alone. */
import { InvalidArgumentError, InvalidPathError, NodeExistsError } from '../protocol/errors.js';
import type { Acl, Stat } from '../protocol/records.js';
import type { CallOptions, CreateOptions, ZnodeData } from './arguments.js';
import { Bounded } from './bounded.js';
import type { AclResult } from './calls.js';
import { Walk, readNode, unlessVanished, type NodeReader, type WalkedNodeWithData } from './walk.js';

/** Options of `copyTree`. `timeoutMs` is for all of it, and without a limit by default. */
export interface CopyTreeOptions extends CallOptions {
  /** `copy` (the default): each node gets the ACL of its original. A list: all nodes get that one. */
  readonly acl?: 'copy' | readonly Acl[] | undefined;
  /** Set data and ACL of nodes that exist already. Default: false, which rejects with NodeExistsError. */
  readonly overwrite?: boolean | undefined;
  /** Nodes that are read ahead, and nodes that are written, at once. Default: 16. */
  readonly concurrency?: number | undefined;
  /** Told after each node. What it throws ends the call. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
}

/** What `copyTree` has done. */
export interface CopyResult {
  /** Nodes that were created. */
  readonly created: number;
  /** Nodes that existed and were set. */
  readonly overwritten: number;
  /** Ephemeral nodes, which belong to a session and are not copied. */
  readonly skipped: number;
}

/** How far `copyTree` has come. */
export interface CopyProgress extends CopyResult {
  /** The original that was dealt with last. */
  readonly path: string;
}

/** The calls that are needed here. */
export interface TreeCopier extends NodeReader {
  getAcl(path: string, options?: CallOptions): Promise<AclResult>;
  create(path: string, data?: ZnodeData, options?: CreateOptions & CallOptions): Promise<string>;
  set(path: string, data: ZnodeData, version?: number, options?: CallOptions): Promise<Stat>;
  setAcl(path: string, acl: readonly Acl[], aversion?: number, options?: CallOptions): Promise<Stat>;
}

/** How {@link copyTree} goes about it; checked. */
export interface CopyPlan {
  readonly acl: 'copy' | readonly Acl[];
  readonly overwrite: boolean;
  readonly concurrency: number;
  readonly onProgress: ((progress: CopyProgress) => void) | undefined;
  /** Asked for before each call. */
  readonly options: () => CallOptions;
}

/** A node with all that is copied. */
interface Original extends WalkedNodeWithData {
  readonly acl: readonly Acl[];
}

/** @throws InvalidPathError if the copy would be part of the original */
export function refuseInside(from: string, to: string): void {
  if (to === from || to.startsWith(from === '/' ? '/' : `${from}/`)) {
    throw new InvalidPathError(`the copy ${to} would be part of the original`, {
      op: 'copyTree',
      path: from,
    });
  }
}

/** See `Conn.copyTree`; the paths are checked already. */
export async function copyTree(
  conn: TreeCopier,
  from: string,
  to: string,
  plan: CopyPlan,
): Promise<CopyResult> {
  const { concurrency, onProgress } = plan;
  const done = { created: 0, overwritten: 0, skipped: 0 };
  const report = (path: string): void => onProgress?.({ ...done, path });
  const read = (path: string): Promise<Original | null> => {
    const original = readOriginal(conn, path, plan);
    // a root that is missing is an error, what vanishes below it is not
    return path === from ? original : unlessVanished(original);
  };
  const work = await Bounded.of(concurrency);
  try {
    // level by level, and the writes begin in this order: a node is created before its children, unawaited
    for await (const node of new Walk(from, false, concurrency, read)) {
      await work.room();
      work.start(async () => {
        if (node.stat.ephemeralOwner !== 0n) done.skipped++;
        else if (await write(conn, targetOf(node.path, from, to), node, plan)) done.created++;
        else done.overwritten++;
        report(node.path);
      });
    }
  } finally {
    await work.done();
  }
  return done;
}

function targetOf(path: string, from: string, to: string): string {
  if (path === from) return to;
  const below = from === '/' ? path : path.slice(from.length);
  return to === '/' ? below : to + below;
}

async function readOriginal(conn: TreeCopier, path: string, plan: CopyPlan): Promise<Original> {
  const { acl, options } = plan;
  if (acl !== 'copy') return { ...(await readNode(conn, path, true, options)), acl };
  const [{ acl: own }, node] = await Promise.all([
    conn.getAcl(path, options()),
    readNode(conn, path, true, options),
  ]);
  if (own.some(isMasked)) {
    const text = 'its ACL cannot be copied: without ADMIN permission the server shows no digests';
    throw new InvalidArgumentError(text, { op: 'copyTree', path });
  }
  return { ...node, acl: own };
}

/** `user:x` instead of a digest, which has 28 characters. */
function isMasked({ scheme, id }: Acl): boolean {
  return scheme === 'digest' && id.endsWith(':x');
}

/** @returns whether the node was created, and not overwritten */
async function write(conn: TreeCopier, path: string, node: Original, plan: CopyPlan): Promise<boolean> {
  const { options } = plan;
  try {
    await conn.create(path, node.data, { ...options(), acl: node.acl });
    return true;
  } catch (error) {
    if (!(error instanceof NodeExistsError) || !plan.overwrite) throw error;
    const both = options();
    await Promise.all([conn.set(path, node.data, -1, both), conn.setAcl(path, node.acl, -1, both)]);
    return false;
  }
}
