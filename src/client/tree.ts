/** Makes and deletes whole subtrees, with the public calls alone. */
import {
  InvalidPathError,
  MultiError,
  NoAuthError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
} from '../protocol/errors.js';
import { parentPath } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';
import type { CallOptions, CreateOptions, ZnodeData } from './arguments.js';
import { Bounded } from './bounded.js';
import { op, type Operation } from './transaction.js';
import { Walk, readNode, unlessVanished, type NodeReader, type WalkedNode } from './walk.js';

// ---------------------------------------------------------------- ensurePath

/** Options of `ensurePath`. */
export interface EnsurePathOptions extends CallOptions {
  /** Of the nodes that are created. Default: {@link OPEN_ACL_UNSAFE}. */
  readonly acl?: readonly Acl[] | undefined;
}

/** The calls that {@link ensurePath} needs. */
export interface PathMaker {
  create(path: string, data?: ZnodeData, options?: CreateOptions & CallOptions): Promise<string>;
  exists(path: string, options?: CallOptions): Promise<Stat | null>;
}

/**
 * See `Conn.ensurePath`; the path is checked already.
 * @param options asked for before each call
 * @param above makes what is missing above `/`, which is a chroot's own path; null without a chroot
 */
export async function ensurePath(
  conn: PathMaker,
  path: string,
  acl: readonly Acl[] | undefined,
  options: () => CallOptions,
  above: (() => Promise<void>) | null,
): Promise<void> {
  for (;;) {
    try {
      await conn.create(path, null, { ...options(), acl });
      return;
    } catch (error) {
      if (error instanceof NodeExistsError) return;
      // who may not create may still find that there is nothing to do
      if (error instanceof NoAuthError && (await conn.exists(path, options())) !== null) return;
      if (!(error instanceof NoNodeError) || (path === '/' && above === null)) throw error;
      if (path === '/') await above?.();
      else await ensurePath(conn, parentPath(path), acl, options, above);
    }
  }
}

// ---------------------------------------------------------------- deleteRecursive

/** Options of `deleteRecursive`. `timeoutMs` is for all of it, and without a limit by default. */
export interface DeleteRecursiveOptions extends CallOptions {
  /** Nodes in one multi, which is deleted or left as a whole; 1 to 1000. Default: 1000. */
  readonly batchSize?: number | undefined;
  /** Requests under way at once. Default: 16. */
  readonly concurrency?: number | undefined;
  /** Told after each batch. What it throws ends the call. */
  readonly onProgress?: ((progress: DeleteProgress) => void) | undefined;
}

/** How far `deleteRecursive` has come. */
export interface DeleteProgress {
  /** Nodes deleted by this call so far. */
  readonly deleted: number;
  /** Nodes found so far; more may turn up, if somebody creates them meanwhile. */
  readonly found: number;
}

/** The calls that {@link deleteRecursive} needs. */
export interface TreeDeleter extends NodeReader {
  delete(path: string, version?: number, options?: CallOptions): Promise<void>;
  multi(list: readonly Operation<unknown>[], options?: CallOptions): Promise<unknown>;
}

/** How {@link deleteRecursive} goes about it; checked. */
export interface DeletePlan {
  readonly batchSize: number;
  /** Bytes in one multi. */
  readonly batchBytes: number;
  /** Bytes that the chroot adds to each path. */
  readonly chrootBytes: number;
  readonly concurrency: number;
  readonly onProgress: ((progress: DeleteProgress) => void) | undefined;
  /** Asked for before each call. */
  readonly options: () => CallOptions;
}

/** @throws InvalidPathError for paths that are never deleted */
export function refuseRoot(path: string): void {
  if (path === '/') throw new InvalidPathError('the root cannot be deleted', { op: 'deleteRecursive', path });
}

/** See `Conn.deleteRecursive`; the path is checked already. @returns how many nodes it has deleted */
export async function deleteRecursive(conn: TreeDeleter, path: string, plan: DeletePlan): Promise<number> {
  const deletion = new Deletion(conn, path, plan);
  while (!(await deletion.round()));
  return deletion.deleted;
}

/** Deletes of a batch whose multi has failed, at once. */
const SINGLES = 64;

/** What a delete takes inside a multi besides its path: header, length, version. */
const DELETE_BYTES = 9 + 4 + 4;

/** What a multi takes besides its operations: request header, and the header behind the last one. */
const MULTI_BYTES = 8 + 9;

class Deletion {
  deleted = 0;
  private found = 0;
  private rootGone = false;

  constructor(
    private readonly conn: TreeDeleter,
    private readonly root: string,
    private readonly plan: DeletePlan,
  ) {}

  /** @returns false if there is something left, which others have created meanwhile */
  async round(): Promise<boolean> {
    const { concurrency } = this.plan;
    const paths = await this.list();
    if (paths.length === 0) return true;
    this.found = this.deleted + paths.length;
    // the deepest first. A session's requests run in the order in which they were sent, so a batch need not wait for
    // those before it
    paths.reverse();
    const work = await Bounded.of(concurrency);
    for (const batch of this.batches(paths)) {
      await work.room();
      work.start(() => this.deleteBatch(batch));
    }
    await work.done();
    return this.rootGone;
  }

  /** All paths of the subtree, parents first. What vanishes while we look is left out. */
  private async list(): Promise<string[]> {
    const { concurrency, options } = this.plan;
    const read = (path: string): Promise<WalkedNode | null> =>
      unlessVanished(readNode(this.conn, path, false, options));
    const paths: string[] = [];
    for await (const { path } of new Walk(this.root, false, concurrency, read)) paths.push(path);
    return paths;
  }

  private *batches(paths: readonly string[]): Generator<string[]> {
    const { batchSize, batchBytes, chrootBytes } = this.plan;
    let batch: string[] = [];
    let bytes = MULTI_BYTES;
    for (const path of paths) {
      const more = DELETE_BYTES + chrootBytes + Buffer.byteLength(path);
      if (batch.length > 0 && (batch.length >= batchSize || bytes + more > batchBytes)) {
        yield batch;
        batch = [];
        bytes = MULTI_BYTES;
      }
      batch.push(path);
      bytes += more;
    }
    yield batch;
  }

  private async deleteBatch(batch: readonly string[]): Promise<void> {
    const { conn, plan } = this;
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      await this.deleteOne(first);
    } else {
      try {
        await conn.multi(
          batch.map((path) => op.delete(path)),
          plan.options(),
        );
        this.deleted += batch.length;
        this.rootGone ||= batch.includes(this.root);
      } catch (error) {
        if (!(error instanceof MultiError)) throw error;
        // somebody is at work here too
        if (!(error.cause instanceof NoNodeError || error.cause instanceof NotEmptyError)) throw error.cause;
        for (let i = 0; i < batch.length; i += SINGLES) await this.deleteSingly(batch.slice(i, i + SINGLES));
      }
    }
    plan.onProgress?.({ deleted: this.deleted, found: this.found });
  }

  private async deleteSingly(paths: readonly string[]): Promise<void> {
    const outcomes = await Promise.allSettled(paths.map((path) => this.deleteOne(path)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async deleteOne(path: string): Promise<void> {
    try {
      await this.conn.delete(path, -1, this.plan.options());
      this.deleted++;
    } catch (error) {
      // a new child: it has its turn in the next round
      if (error instanceof NotEmptyError) return;
      if (!(error instanceof NoNodeError)) throw error;
    }
    this.rootGone ||= path === this.root;
  }
}
