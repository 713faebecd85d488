/**
 * Protected create: the name has a random part of our own, by which the node is found again if the answer was lost.
 * The form of the name is Curator's, `_c_<uuid>-name`, so that other clients sort it right.
 */
import { KeeperError, NoNodeError, NodeExistsError, ZkError } from '../protocol/errors.js';
import { baseName, joinPath, parentPath } from '../protocol/paths.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions, CreateOptions, ZnodeData } from './arguments.js';
import type { ChildrenResult } from './calls.js';
import type { Attempting } from './idempotent.js';

/** The calls that are needed here. */
export interface ProtectedCalls {
  create(path: string, data?: ZnodeData, options?: CreateOptions & CallOptions): Promise<string>;
  exists(path: string, options?: CallOptions): Promise<Stat | null>;
  children(path: string, options?: CallOptions): Promise<ChildrenResult>;
  sync(path: string, options?: CallOptions): Promise<string>;
  delete(path: string, version?: number, options?: CallOptions): Promise<void>;
}

/** How a protected create goes about it. */
export interface Protection extends Attempting {
  readonly newId: () => string;
  /** As `retry`, after the call is over, whatever its signal and its time say. */
  readonly retryLater: (work: () => Promise<void>) => Promise<void>;
}

/** See `Conn.createProtected`; the path is checked already. */
export async function createProtected(
  conn: ProtectedCalls,
  path: string,
  data: ZnodeData,
  create: CreateOptions,
  how: Protection,
): Promise<string> {
  const isEphemeral = create.mode === 'EPHEMERAL' || create.mode === 'EPHEMERAL_SEQUENTIAL';
  const parent = parentPath(path);
  const now: {
    id: string;
    /** The node may be there, and nobody has looked yet. */
    doubt: { readonly error: unknown } | null;
  } = { id: how.newId(), doubt: null };
  /** Nodes that may be there and will not be ours. */
  const left = new Set<string>();

  const attempt = async (): Promise<string> => {
    if (now.doubt !== null) {
      const found = await find(conn, parent, now.id, how.options);
      if (found !== null) {
        if (!isEphemeral) return found;
        // one of an earlier session goes with it, now or soon (CURATOR-498)
        const stat = await conn.exists(found, how.options());
        if (stat?.ephemeralOwner === how.sessionId()) return found;
        left.add(now.id);
      }
      now.doubt = null;
      // another name, so that one that lingers is not in the way
      if (isEphemeral) now.id = how.newId();
    }
    const node = joinPath(parent, `${prefixOf(now.id)}${baseName(path)}`);
    const options = { ...create, ...how.options() };
    try {
      return await conn.create(node, data, options);
    } catch (error) {
      // nobody else knows the name: the lost one has come after we looked
      if (error instanceof NodeExistsError) return node;
      if (!ZkError.is(error) || error.outcome === 'unknown') now.doubt = { error };
      throw error;
    }
  };

  try {
    return await how.retry(attempt);
  } catch (error) {
    if (now.doubt === null) throw how.withoutDoubt(error);
    left.add(now.id);
    // of all errors, the one that says that the node may be there
    throw ZkError.is(error) ? now.doubt.error : error;
  } finally {
    for (const one of left) discard(conn, parent, one, how);
  }
}

function prefixOf(id: string): string {
  return `_c_${id}-`;
}

/** The path of the node with this id, or null. */
async function find(
  conn: ProtectedCalls,
  parent: string,
  id: string,
  options: () => CallOptions,
): Promise<string | null> {
  try {
    const both = options();
    // the server that we are connected to now may not have seen yet what the last one did
    const [, { children }] = await Promise.all([conn.sync(parent, both), conn.children(parent, both)]);
    const name = children.find((child) => child.startsWith(prefixOf(id)));
    return name === undefined ? null : joinPath(parent, name);
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}

/** Deletes a node that nobody will ever hear of, as soon as that can be done. */
function discard(conn: ProtectedCalls, parent: string, id: string, how: Protection): void {
  const work = async (): Promise<void> => {
    const found = await find(conn, parent, id, () => ({}));
    if (found === null) return;
    try {
      await conn.delete(found);
    } catch (error) {
      // gone, or not to be deleted by us
      if (!(error instanceof KeeperError) || error.retryable) throw error;
    }
  };
  how.retryLater(work).catch(() => undefined);
}
