/**
 * The calls on znodes, each one line over {@link Caller}. They know a chroot and nothing of the connection's life.
 */
import { ANY_VERSION } from '../protocol/constants.js';
import { InvalidArgumentError } from '../protocol/errors.js';
import type { MultiResponse } from '../protocol/multi.js';
import {
  operations,
  type CallableOpName,
  type Create2Response,
  type GetAclResponse,
  type PathResponse,
  type PathWatchRequest,
  type RequestOf,
  type ResponseOf,
  type StatResponse,
} from '../protocol/operations.js';
import type { Op } from '../protocol/op.js';
import { addChroot } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';
import {
  CREATE_CALL_KEYS,
  checkAcl,
  checkCallOptions,
  checkVersion,
  toData,
  readCallOptions,
  type CallOptions,
  type CreateOptions,
  type DeleteOptions,
  type ZnodeData,
} from './arguments.js';
import { rejecting } from './caller.js';
import { EnsembleCalls } from './ensemble-calls.js';
import {
  checkReads,
  readsRequest,
  readsResults,
  type ReadOperation,
  type ReadResultsOf,
} from './multi-read.js';
import type { AclResult, ChildrenResult, GetResult, Watched } from './results.js';

import {
  Transaction,
  checkOperations,
  createRequest,
  multiRequest,
  multiResults,
  type Created,
  type Operation,
  type ResultsOf,
} from './transaction.js';

export type { AclResult, ChildrenResult, GetResult, Watched } from './results.js';

/**
 * Everything that can be asked of znodes. Methods return promises, never throw, and run in the order in which they are
 * called. A rejection is a ZkError, whose `outcome` says what may have happened on the server.
 */
export abstract class ZnodeCalls extends EnsembleCalls {
  /** Prefix of all paths, `''` for none. */
  get chrootPath(): string {
    return this.caller.chroot;
  }

  // ---------------------------------------------------------------- reading

  /** Data and Stat of a node. @throws NoNodeError, NoAuthError */
  get(path: string, options?: CallOptions): Promise<GetResult> {
    return this.caller.read<GetResult, GetResult>(operations.getData, path, null, options);
  }

  /** {@link get} with a watch for the next change of its data, or its deletion. Nothing is armed if it rejects. */
  getW(path: string, options?: CallOptions): Promise<GetResult & Watched> {
    return rejecting(() =>
      this.caller.watch(
        operations.getData,
        path,
        ({ data, stat }, watch) => ({ data, stat, watch }),
        options,
      ),
    );
  }

  /** Stat of a node, or null if there is none. @throws NoAuthError (3.9) */
  exists(path: string, options?: CallOptions): Promise<Stat | null> {
    return this.caller.read(existsRow, path, statOrNull, options, true);
  }

  /** {@link exists} with a watch: for its creation if there is none, else for a change of its data or its deletion. */
  existsW(path: string, options?: CallOptions): Promise<{ readonly stat: Stat | null } & Watched> {
    return rejecting(() =>
      this.caller.watch(
        existsRow,
        path,
        (r: StatResponse | null, watch) => ({ stat: r?.stat ?? null, watch }),
        options,
        true,
      ),
    );
  }

  /** Names of the children, and the Stat of the node. @throws NoNodeError, NoAuthError */
  children(path: string, options?: CallOptions): Promise<ChildrenResult> {
    return this.caller.read<ChildrenResult, ChildrenResult>(operations.getChildren2, path, null, options);
  }

  /** {@link children} with a watch for the next child created or deleted, or the deletion of the node. */
  childrenW(path: string, options?: CallOptions): Promise<ChildrenResult & Watched> {
    return rejecting(() =>
      this.caller.watch(
        operations.getChildren2,
        path,
        ({ children, stat }, watch) => ({ children, stat, watch }),
        options,
      ),
    );
  }

  /**
   * Access control list of a node. Without ADMIN the server shows digests as `user:x`.
   * @throws NoNodeError, NoAuthError
   */
  getAcl(path: string, options?: CallOptions): Promise<AclResult> {
    return rejecting(() => {
      const request = { path: this.caller.toServer(path, 'node', 'getACL') };
      return this.caller.issue({
        row: operations.getACL,
        path,
        request,
        shape: (r: GetAclResponse): AclResult => r,
        options: checkCallOptions(options, 'getACL', path),
      });
    });
  }

  /** Brings our server up to date with its leader; a read behind it sees all that was acknowledged before. */
  sync(path: string, options?: CallOptions): Promise<string> {
    return rejecting(() => {
      const request = { path: this.caller.toServer(path, 'node', 'sync') };
      const shape = (r: PathResponse): string => this.caller.toClient(r.path);
      const checked = checkCallOptions(options, 'sync', path);
      return this.caller.issue({ row: operations.sync, path, request, shape, options: checked });
    });
  }

  // ---------------------------------------------------------------- writing

  /**
   * Creates a node and gives its path, with its number if it is sequential.
   * @param data without it, or with `undefined`, the node has none: `null`. `set` refuses `undefined`
   * @throws NodeExistsError, NoNodeError (the parent), NoAuthError, NoChildrenForEphemeralsError, InvalidAclError,
   * UnsupportedError (TTL modes, unless `zookeeper.extendedTypesEnabled=true` on the server)
   */
  create(path: string, data: ZnodeData = null, options?: CreateOptions & CallOptions): Promise<string> {
    return this.creating(path, data, options, 'create', (r: PathResponse) => this.caller.toClient(r.path));
  }

  /** {@link create} that gives the Stat too. Server 3.5. */
  createWithStat(
    path: string,
    data: ZnodeData = null,
    options?: CreateOptions & CallOptions,
  ): Promise<Created> {
    return this.creating(path, data, options, 'create2', ({ path: made, stat }: Create2Response) => ({
      path: this.caller.toClient(made),
      stat,
    }));
  }

  private creating<R>(
    path: string,
    data: ZnodeData,
    options: (CreateOptions & CallOptions) | undefined,
    plain: 'create' | 'create2',
    shape: (response: never) => R,
  ): Promise<R> {
    return rejecting(() => {
      const { row, rule, request } = createRequest(path, data, options, plain, CREATE_CALL_KEYS);
      return this.caller.issue({
        row,
        path,
        request: request(addChroot(this.caller.chroot, path, rule)),
        shape,
        options: readCallOptions(options, row.name, path),
      });
    });
  }

  /**
   * Sets the data of a node.
   * @param data `null` for none. It must be said: `undefined` is refused with InvalidArgumentError, so that nothing is
   * emptied by mistake; `create` takes it for `null`
   * @param version the version it must have; -1 for any
   * @throws NoNodeError, BadVersionError, NoAuthError
   */
  set(path: string, data: ZnodeData, version: number = ANY_VERSION, options?: CallOptions): Promise<Stat> {
    return rejecting(() => {
      const serverPath = this.caller.toServer(path, 'node', 'setData');
      checkVersion(version, 'setData', path);
      const request = { path: serverPath, data: toData(data, 'setData', path), version };
      return this.caller.issue({
        row: operations.setData,
        path,
        request,
        shape: statOf,
        options: checkCallOptions(options, 'setData', path),
      });
    });
  }

  /**
   * Deletes a node that has no children.
   * @param version the version it must have; -1 for any
   * @throws NoNodeError (unless `ifExists`), NotEmptyError, BadVersionError, NoAuthError
   */
  delete(path: string, version: number = ANY_VERSION, options?: DeleteOptions): Promise<void> {
    return rejecting(() => {
      const serverPath = this.caller.toServer(path, 'notRoot', 'delete');
      checkVersion(version, 'delete', path);
      const request = { path: serverPath, version };
      const checked = checkCallOptions(options, 'delete', path, ['ifExists']);
      const { ifExists: absentOk = false } = options ?? {};
      if (typeof absentOk !== 'boolean') {
        throw new InvalidArgumentError('ifExists must be true or false', { op: 'delete', path });
      }
      const shape = (): undefined => undefined;
      return this.caller.issue({ row: operations.delete, path, request, shape, absentOk, options: checked });
    });
  }

  /**
   * Sets the access control list of a node.
   * @param aversion the `aversion` it must have; -1 for any
   * @throws NoNodeError, BadVersionError, NoAuthError, InvalidAclError
   */
  setAcl(
    path: string,
    acl: readonly Acl[],
    aversion: number = ANY_VERSION,
    options?: CallOptions,
  ): Promise<Stat> {
    return rejecting(() => {
      const serverPath = this.caller.toServer(path, 'node', 'setACL');
      checkAcl(acl, 'setACL', path);
      checkVersion(aversion, 'setACL', path);
      const request = { path: serverPath, acl, version: aversion };
      const checked = checkCallOptions(options, 'setACL', path);
      const shape = (r: StatResponse): Stat => r.stat;
      return this.caller.issue({ row: operations.setACL, path, request, shape, options: checked });
    });
  }

  /**
   * Runs several operations as one: all of them or none. Each result has the type of its operation.
   * @throws MultiError with one result per operation, and with the code of the one that failed
   */
  multi<const T extends readonly Operation<unknown>[]>(
    list: T,
    options?: CallOptions,
  ): Promise<ResultsOf<T>> {
    return rejecting(() => {
      checkOperations(list);
      const checked = checkCallOptions(options, 'multi');
      // the server would only answer an empty list, as Java's client knows
      if (list.length === 0) return Promise.resolve([] as unknown as ResultsOf<T>);
      const { chroot } = this.caller;
      const asked = [...list];
      return this.caller.issue({
        row: operations.multi,
        request: multiRequest(asked, chroot),
        shape: (r: MultiResponse) => multiResults(asked, r, chroot) as ResultsOf<T>,
        options: checked,
      });
    });
  }

  /**
   * Runs several reads, made by `op.get` and `op.children`, in one message. Unlike the operations of a multi each stands
   * for itself: where one fails, its error is in the place of its result; and a write may come between two of them.
   * Server 3.6.
   * @throws UnsupportedError
   */
  multiRead<const T extends readonly ReadOperation<unknown>[]>(
    list: T,
    options?: CallOptions,
  ): Promise<ReadResultsOf<T>> {
    return rejecting(() => {
      checkReads(list);
      const checked = checkCallOptions(options, 'multiRead');
      if (list.length === 0) return Promise.resolve([] as unknown as ReadResultsOf<T>);
      const asked = [...list];
      return this.caller.issue({
        row: operations.multiRead,
        request: readsRequest(asked, this.caller.chroot),
        shape: (r: MultiResponse) => readsResults(asked, r) as ReadResultsOf<T>,
        options: checked,
      });
    });
  }

  /** Collects operations for one {@link multi}: `conn.transaction().check('/a').set('/b', 'x').commit()`. */
  transaction(): Transaction {
    return new Transaction((list, options) => this.multi(list, options));
  }

  // ---------------------------------------------------------------- the low-level door

  /** The low-level door: an operation of the table by its name, record in, record out. Watch flags must be false. */
  call<K extends CallableOpName>(
    name: K,
    request: RequestOf<K>,
    options?: CallOptions,
  ): Promise<ResponseOf<K>> {
    return rejecting(() => this.caller.raw(name, request, options));
  }
}

/** Its response is null where NoNode is a result. */
export const existsRow = operations.exists as unknown as Op<string, PathWatchRequest, StatResponse | null>;

const statOf = (r: StatResponse): Stat => r.stat;
const statOrNull = (r: StatResponse | null): Stat | null => r?.stat ?? null;
