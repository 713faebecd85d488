/** Work on whole subtrees, with the public calls alone. p-queue bounds how much of it is under way at once. */
import {
  InvalidPathError,
  NoAuthError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
} from '../protocol/errors.js';
import { joinPath, parentPath, validatePath } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';
import type { CreateOptions, ZnodeData } from './arguments.js';

/** The calls that are needed here. */
interface TreeCalls {
  create(path: string, data?: ZnodeData, options?: CreateOptions): Promise<string>;
  exists(path: string): Promise<Stat | null>;
  children(path: string): Promise<{ readonly children: readonly string[] }>;
  delete(path: string): Promise<void>;
}

/** Calls under way at once. */
const CONCURRENCY = 64;

/** See `Conn.ensurePath`; the path is checked already. */
export async function ensurePath(
  conn: TreeCalls,
  path: string,
  options?: { readonly acl?: readonly Acl[] | undefined },
): Promise<void> {
  try {
    await conn.create(path, null, options);
  } catch (error) {
    if (error instanceof NodeExistsError) return;
    // who may not create may still find that there is nothing to do
    if (error instanceof NoAuthError && (await conn.exists(path)) !== null) return;
    if (!(error instanceof NoNodeError) || path === '/') throw error;
    await ensurePath(conn, parentPath(path), options);
    await ensurePath(conn, path, options);
  }
}

/** See `Conn.deleteRecursive`. */
export async function deleteRecursive(conn: TreeCalls, path: string): Promise<void> {
  validatePath(path, 'node', 'deleteRecursive');
  if (path === '/') throw new InvalidPathError('the root cannot be deleted', { op: 'deleteRecursive', path });
  const levels = await listLevels(conn, path);
  // the deepest first, so that a node is empty when its turn comes
  for (const level of levels.reverse()) await eachOf(level, (node) => deleteNode(conn, node));
}

/** All nodes of a subtree, by depth. What vanishes while we look is left out. */
async function listLevels(conn: TreeCalls, root: string): Promise<string[][]> {
  const levels: string[][] = [];
  for (let level = [root]; level.length > 0;) {
    const below: string[] = [];
    const found: string[] = [];
    await eachOf(level, async (node) => {
      try {
        const { children } = await conn.children(node);
        found.push(node);
        for (const name of children) below.push(joinPath(node, name));
      } catch (error) {
        if (!(error instanceof NoNodeError)) throw error;
      }
    });
    levels.push(found);
    level = below;
  }
  return levels;
}

async function deleteNode(conn: TreeCalls, path: string): Promise<void> {
  try {
    await conn.delete(path);
  } catch (error) {
    if (error instanceof NoNodeError) return;
    // somebody created a child meanwhile
    if (!(error instanceof NotEmptyError)) throw error;
    await deleteRecursive(conn, path);
  }
}

async function eachOf(paths: readonly string[], work: (path: string) => Promise<void>): Promise<void> {
  // loaded when it is needed: it is an ES module, which CommonJS can only import this way, and few calls need it
  const { default: PQueue } = await import('p-queue');
  const queue = new PQueue({ concurrency: CONCURRENCY });
  const guarded = async (path: string): Promise<void> => {
    try {
      await work(path);
    } catch (error) {
      queue.clear();
      throw error;
    }
  };
  await Promise.all(paths.map((path) => queue.add(() => guarded(path))));
}
