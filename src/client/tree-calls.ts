/** `TreeCalls`: what is built on the calls on single znodes; and the views of a Conn under a chroot of their own. */
import { randomUUID } from 'node:crypto';
import { ANY_VERSION } from '../protocol/constants.js';
import {
  InvalidArgumentError,
  InvalidPathError,
  SessionExpiredError,
  UnsupportedError,
} from '../protocol/errors.js';
import { validatePath } from '../protocol/paths.js';
import type { Stat } from '../protocol/records.js';
import {
  CREATE_OPTION_KEYS,
  checkAcl,
  checkCallOptions,
  checkVersion,
  toData,
  type CallOptions,
  type CreateOptions,
  type ZnodeData,
} from './arguments.js';
import { rejecting, type Caller } from './caller.js';
import { checkCreateOrSet, createOrSet } from './create-or-set.js';
import { deleteGuaranteed } from './guaranteed-delete.js';
import { throwIfAborted } from './stream.js';
import { copyTree, refuseInside, type CopyResult, type CopyTreeOptions } from './copy-tree.js';
import {
  createIdempotent,
  deleteIdempotent,
  setIdempotent,
  type Attempting,
  type IdempotentCreateOptions,
  type IdempotentOptions,
} from './idempotent.js';
import { markAt } from './mark.js';
import { asObject, refuseUnknownKeys } from './options.js';
import { createProtected } from './protected.js';
import { QuotaCalls, Unrooted } from './quota-calls.js';
import {
  attempts,
  checkPolicy,
  exponentialBackoff,
  isRetryable,
  type RetryOptions,
  type RetryPolicy,
} from './retry.js';
import {
  deleteRecursive,
  ensurePath,
  refuseRoot,
  type DeleteRecursiveOptions,
  type EnsurePathOptions,
} from './tree.js';
import { createRequest } from './transaction.js';
import {
  Walk,
  readNode,
  unlessVanished,
  type WalkOptions,
  type WalkedNode,
  type WalkedNodeWithData,
} from './walk.js';

/** Requests under way at once, unless the caller says how many. */
const CONCURRENCY = 16;

/** So many deletes in one multi, as Java's `ZKUtil` has. */
const MAX_BATCH = 1000;

/**
 * The calls on znodes, and what is built on them: whole subtrees, quotas, views under a chroot. What is built on them
 * is not atomic: when it rejects, what was done before stays done. Its error is that of the call that failed.
 */
export abstract class TreeCalls extends QuotaCalls {
  // ---------------------------------------------------------------- views

  /**
   * A view in which `path` is the root. It shares this connection and its session, and ends with it.
   * @throws InvalidPathError (at once: this is no call on a server)
   */
  chroot(path: string): ChrootView {
    return new ChrootView(this.caller.below(path));
  }

  // ---------------------------------------------------------------- subtrees

  /**
   * Creates a node with null data and all that is missing above it, the chroot included; what exists is left as it is.
   * Any number of clients may do so at the same time.
   * @throws NoAuthError
   */
  ensurePath(path: string, options?: EnsurePathOptions): Promise<void> {
    return rejecting(() => {
      validatePath(path, 'node', 'ensurePath');
      const budget = this.budget(options, 'ensurePath', path, ['acl']);
      const acl = options?.acl;
      if (acl !== undefined) checkAcl(acl, 'ensurePath', path);
      const next = (): CallOptions => budget.next();
      const { chrootPath } = this;
      if (chrootPath === '') return ensurePath(this, path, acl, next, null);
      const whole = new Unrooted(this.caller.unrooted());
      return ensurePath(this, path, acl, next, () => ensurePath(whole, chrootPath, acl, next, null));
    });
  }

  /**
   * Deletes a node with everything below it; nothing happens if there is none. Refuses `/`. Not atomic. What others
   * create there meanwhile is deleted too.
   * @returns how many nodes this call has deleted
   * @throws InvalidPathError (`/`), NoAuthError, BadArgumentsError (the system nodes)
   */
  deleteRecursive(path: string, options?: DeleteRecursiveOptions): Promise<number> {
    return rejecting(() => {
      validatePath(path, 'node', 'deleteRecursive');
      refuseRoot(path);
      const op = 'deleteRecursive';
      const budget = this.budget(options, op, path, ['batchSize', 'concurrency', 'onProgress']);
      return deleteRecursive(this, path, {
        batchSize: whole(options?.batchSize, 'batchSize', MAX_BATCH, MAX_BATCH, op, path),
        batchBytes: this.caller.maxRequestBytes,
        chrootBytes: Buffer.byteLength(this.chrootPath),
        concurrency: concurrencyOf(options, op, path),
        onProgress: callback(options?.onProgress, op, path),
        options: () => budget.next(),
      });
    });
  }

  /**
   * How many nodes there are below a node, on all levels. A server before 3.6, which cannot tell, is asked for each node
   * there instead, which is no snapshot and needs READ on all of them.
   * @throws NoNodeError, NoAuthError
   */
  override countDescendants(path: string, options?: CallOptions): Promise<number> {
    return rejecting(() => {
      const budget = this.budget(options, 'countDescendants', path);
      return super.countDescendants(path, budget.next()).catch(async (error: unknown) => {
        if (!(error instanceof UnsupportedError)) throw error;
        const nodes = new Walk(path, false, CONCURRENCY, (node) => {
          const reading = readNode(this, node, false, () => budget.next());
          return node === path ? reading : unlessVanished(reading);
        });
        let below = -1;
        while ((await nodes.next()).done !== true) below++;
        return below;
      });
    });
  }

  /**
   * All nodes of a subtree, `path` first: `for await (const { path, stat, children } of conn.walk('/a'))`. Reads ahead
   * by `concurrency` nodes and no more until you ask for the next one; `break` ends it. It is no snapshot: a node that
   * vanishes meanwhile is left out, one that appears may be. `timeoutMs` is for each single read.
   * @throws NoNodeError if there is no `path` itself, NoAuthError: at the first `next()`, as for wrong arguments
   */
  walk(path: string, options: WalkOptions & { readonly data: true }): Walk<WalkedNodeWithData>;
  walk(path: string, options?: WalkOptions): Walk<WalkedNode>;
  walk(path: string, options?: WalkOptions): Walk<WalkedNode> {
    try {
      validatePath(path, 'node', 'walk');
      const call = checkCallOptions(options, 'walk', path, ['order', 'concurrency', 'data']);
      const concurrency = concurrencyOf(options, 'walk', path);
      const { order = 'breadth', data = false } = options ?? {};
      if (!ORDERS.includes(order))
        throw badArgument(`order must be one of ${ORDERS.join(', ')}`, 'walk', path);
      if (typeof data !== 'boolean') throw badArgument('data must be true or false', 'walk', path);
      return new Walk(path, order === 'depth', concurrency, (node) => {
        const reading = readNode(this, node, data, () => call);
        return node === path ? reading : unlessVanished(reading);
      });
    } catch (error) {
      return new Walk(path, false, 1, () => Promise.reject(error));
    }
  }

  /**
   * Copies a subtree: data and ACLs, not ephemeral nodes. The parent of `to` must exist. Not atomic, no snapshot.
   * Containers and TTL nodes become persistent ones: the server does not say which they are.
   * @throws InvalidPathError if `to` is `from` or below it; NoNodeError; NodeExistsError unless `overwrite`;
   * InvalidArgumentError if an ACL cannot be seen whole; NoAuthError
   */
  copyTree(from: string, to: string, options?: CopyTreeOptions): Promise<CopyResult> {
    return rejecting(() => {
      validatePath(from, 'node', 'copyTree');
      validatePath(to, 'node', 'copyTree');
      refuseInside(from, to);
      const op = 'copyTree';
      const budget = this.budget(options, op, from, ['acl', 'overwrite', 'concurrency', 'onProgress']);
      const { acl = 'copy', overwrite = false } = options ?? {};
      if (acl !== 'copy') checkAcl(acl, op, from);
      if (typeof overwrite !== 'boolean') throw badArgument('overwrite must be true or false', op, from);
      return copyTree(this, from, to, {
        acl,
        overwrite,
        concurrency: concurrencyOf(options, op, from),
        onProgress: callback(options?.onProgress, op, from),
        options: () => budget.next(),
      });
    });
  }

  // ---------------------------------------------------------------- lost answers

  /**
   * Does `work` until it succeeds or the policy gives up; see {@link retry}. Time and chance are this Conn's, and pauses
   * end with it.
   * @throws the last error; InvalidArgumentError, InvalidOptionError; the reason of the signal
   */
  retry<T>(
    policy: RetryPolicy,
    work: (attempt: number) => Promise<T>,
    options?: Omit<RetryOptions, 'clock' | 'random'>,
  ): Promise<T> {
    return rejecting(() => {
      const given = asObject(options ?? {}, 'the options of retry');
      refuseUnknownKeys(given, ['signal', 'idempotent'], 'option of retry');
      checkPolicy(policy);
      const { signal, idempotent = false } = options ?? {};
      return this.attempts(policy, work, signal, idempotent);
    });
  }

  /**
   * Creates a node that is found again if the answer is lost: its name begins with `_c_<uuid>-`. For every mode, also
   * the sequential ones. An ephemeral node is one of the session that there is when this resolves (CURATOR-498). When it
   * rejects and the node may be there, that is deleted in the background.
   * @returns the path of the node
   * @throws what `create` throws, but NodeExistsError
   */
  createProtected(path: string, data: ZnodeData = null, options?: IdempotentCreateOptions): Promise<string> {
    return rejecting(() => {
      const op = 'createProtected';
      const sequential = options?.mode?.includes('SEQUENTIAL') === true;
      validatePath(path, sequential ? 'sequential' : 'node', op);
      if (path === '/' && !sequential) throw new InvalidPathError('the root is there already', { op, path });
      const how = this.attempting(options, op, path, CREATE_OPTION_KEYS);
      return createProtected(this, path, data, ownOptions(options), {
        ...how,
        newId: randomUUID,
        retryLater: (work) => this.attempts(exponentialBackoff(), work, undefined, true, false),
      });
    });
  }

  /**
   * Creates a node, and gives the right answer although an earlier attempt was applied and its answer lost. Not for the
   * sequential modes.
   * @throws what `create` throws; with `outcome: 'unknown'` what happened cannot be found out
   */
  createIdempotent(path: string, data: ZnodeData = null, options?: IdempotentCreateOptions): Promise<string> {
    return rejecting(() => {
      const how = this.attempting(options, 'createIdempotent', path, CREATE_OPTION_KEYS);
      const create = ownOptions(options);
      createRequest(path, data, create, 'create');
      return createIdempotent(this, path, data, create, how);
    });
  }

  /**
   * Sets the data of a node, and gives the right answer although an earlier attempt was applied and its answer lost.
   * @param version the version it must have; with -1, any, it may be set twice
   * @throws what `set` throws; with `outcome: 'unknown'` what happened cannot be found out
   */
  setIdempotent(
    path: string,
    data: ZnodeData,
    version: number = ANY_VERSION,
    options?: IdempotentOptions,
  ): Promise<Stat> {
    return rejecting(() => {
      const how = this.attempting(options, 'setIdempotent', path);
      validatePath(path, 'node', 'setData');
      checkVersion(version, 'setData', path);
      toData(data, 'setData', path);
      return setIdempotent(this, path, data, version, how);
    });
  }

  /**
   * Deletes a node, and gives the right answer although an earlier attempt was applied and its answer lost.
   * @param version the version it must have; -1 for any
   * @throws what `delete` throws; with `outcome: 'unknown'` what happened cannot be found out
   */
  deleteIdempotent(path: string, version: number = ANY_VERSION, options?: IdempotentOptions): Promise<void> {
    return rejecting(() => {
      const how = this.attempting(options, 'deleteIdempotent', path);
      validatePath(path, 'notRoot', 'delete');
      checkVersion(version, 'delete', path);
      return deleteIdempotent(this, path, version, how);
    });
  }

  /**
   * Deletes a node, also if that takes longer than the caller waits: where it rejects and the server has not said no, it
   * goes on in the background until the server has said something, or this Conn is over. A node that is not there, or
   * not any more, is no error. Repeated is the delete of a node that was there before this call, and of no later one of the
   * same name; where that cannot be told, it is not.
   * @param version the version it must have; -1 for any
   * @throws NotEmptyError, BadVersionError, NoAuthError: it was not deleted, and will not be;
   * ConnClosedError, AuthFailedError: this Conn is over. Anything else: it goes on, if it can tell the node
   */
  deleteGuaranteed(path: string, version: number = ANY_VERSION, options?: IdempotentOptions): Promise<void> {
    return rejecting(() => {
      const op = 'deleteGuaranteed';
      validatePath(path, 'notRoot', op);
      checkVersion(version, op, path);
      const how = this.attempting(options, op, path);
      throwIfAborted(options?.signal);
      const policy: RetryPolicy = {
        ...exponentialBackoff({ maxAttempts: Infinity }),
        isRetryable: (error) =>
          !this.caller.isOver && (error instanceof SessionExpiredError || isRetryable(error, true)),
      };
      return deleteGuaranteed(this, path, version, {
        ...how,
        retryForEver: (work) => this.attempts(policy, work, undefined, true, false),
      });
    });
  }

  /**
   * Sets the data of a node, whatever its version, and creates it if there is none. A node that is there keeps its kind
   * and its ACL. Not atomic: both may be tried again while others create and delete it. Not for the sequential modes.
   * @returns true if it was created
   * @throws NoNodeError (the parent), and what else `set` and `create` throw
   */
  createOrSet(path: string, data: ZnodeData = null, options?: CreateOptions & CallOptions): Promise<boolean> {
    return rejecting(() => {
      validatePath(path, 'node', 'createOrSet');
      const budget = this.budget(options, 'createOrSet', path, CREATE_OPTION_KEYS);
      const create = ownOptions(options);
      checkCreateOrSet(create, path);
      return createOrSet(this, path, data, create, () => budget.next());
    });
  }

  // ---------------------------------------------------------------- inside

  private attempts<T>(
    policy: RetryPolicy,
    work: (attempt: number) => Promise<T>,
    signal: AbortSignal | undefined,
    idempotent: boolean,
    holds = true,
  ): Promise<T> {
    const { clock, delays } = this.caller;
    const random = (): number => this.caller.random();
    return attempts(policy, work, { signal, idempotent, clock, random, delays, holds });
  }

  private attempting(
    options: IdempotentOptions | undefined,
    op: string,
    path: string,
    own: readonly string[] = [],
  ): Attempting {
    const budget = this.budget(options, op, path, ['retry', ...own]);
    const { retry: given = exponentialBackoff(), signal } = options ?? {};
    checkPolicy(given);
    const { caller } = this;
    const policy: RetryPolicy = {
      delayMs: (failure) => {
        const delayMs = given.delayMs(failure);
        return delayMs === null ? null : Math.min(delayMs, budget.leftMs);
      },
      isRetryable: (error) => {
        if (budget.over) return false;
        // the next session will do as well, if there is one
        if (error instanceof SessionExpiredError && !caller.isOver) return true;
        return given.isRetryable?.(error, true) ?? isRetryable(error, true);
      },
    };
    return {
      options: () => budget.next(),
      withoutDoubt: (error) => budget.withoutDoubt(error),
      retry: (work) => this.attempts(policy, work, signal, true),
      sessionId: () => caller.sessionId,
      mark: (at, call) => markAt(caller, at, call),
    };
  }
}

/**
 * A Conn's calls under a longer chroot; made by `chroot(path)`. All paths that go in and come out are below it. It has
 * no life of its own: the connection, its session and its events are those of the Conn.
 */
export class ChrootView extends TreeCalls {
  /** @internal */
  protected readonly caller: Caller;

  /** @internal */
  constructor(caller: Caller) {
    super();
    this.caller = caller;
  }

  /** What a log may show of it. */
  toJSON(): Record<string, unknown> {
    return { chrootPath: this.chrootPath };
  }

  /** `console.log(view)`: the same, and nothing of the Conn behind it. */
  [Symbol.for('nodejs.util.inspect.custom')](): unknown {
    return { ChrootView: this.toJSON() };
  }
}

const ORDERS: readonly string[] = ['breadth', 'depth'];

/** What is for the create itself. */
function ownOptions({ mode, acl, ttlMs }: CreateOptions = {}): CreateOptions {
  return { mode, acl, ttlMs };
}

function badArgument(text: string, op: string, path: string): InvalidArgumentError {
  return new InvalidArgumentError(text, { op, path });
}

function whole(
  value: unknown,
  name: string,
  fallback: number,
  max: number,
  op: string,
  path: string,
): number {
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw badArgument(`${name} must be a whole number from 1 to ${max}`, op, path);
}

function concurrencyOf(
  options: { readonly concurrency?: number | undefined } | undefined,
  op: string,
  path: string,
): number {
  return whole(options?.concurrency, 'concurrency', CONCURRENCY, MAX_BATCH, op, path);
}

function callback<T>(value: T, op: string, path: string): T {
  if (value === undefined || typeof value === 'function') return value;
  throw badArgument('onProgress must be a function', op, path);
}
