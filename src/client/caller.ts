/**
 * The one way from a method to the wire: checks, chroot, request, promise. A method is a line on top of this, and never
 * an `async` function: a call costs one promise, and its place in the order is fixed when it is made.
 */
import type { Clock } from '../net/clock.js';
import type { Driver } from '../net/driver.js';
import type { WatcherType } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import { InvalidArgumentError, UnsupportedError, ZkError } from '../protocol/errors.js';
import { requestPath, type AnyOp, type Op } from '../protocol/op.js';
import {
  operations,
  type CallableOpName,
  type PathWatchRequest,
  type RequestOf,
  type ResponseOf,
} from '../protocol/operations.js';
import { addChroot, normalizeChroot, stripChroot, validatePath, type PathRule } from '../protocol/paths.js';
import { isTerminal } from '../session/phases.js';
import { abortReason, abortWith } from './aborts.js';
import { checkCallOptions, type CallOptions } from './arguments.js';
import type { Removal } from '../session/removal.js';
import type { Watcher, WatchRegistry } from '../session/watches.js';
import { Delays } from './delays.js';
import { Watch, WatchCell } from './watch.js';

/** What a call is made of; `P` is the row's response, `R` what the caller gets. */
export interface Call<P, R> {
  readonly row: AnyOp;
  /** As the caller gave it; checked already, for rows that have one. */
  readonly path?: string;
  /** The record, with the path as the server knows it. */
  readonly request: unknown;
  readonly shape: ((response: P) => R) | null;
  /** Hears of the watch that it arms. */
  readonly watcher?: Watcher;
  /** The watches that its reply ends; NoWatcher is a result then, and `shape` gets null. */
  readonly removal?: Removal;
  /** NoNode is a result, and `shape` gets null. */
  readonly absentOk?: boolean;
  /** Checked. */
  readonly options: CallOptions;
}

export class Caller {
  constructor(
    readonly driver: Driver,
    readonly chroot: string,
    private readonly captureStack: boolean,
    /** Pauses between attempts; end with the Conn. */
    readonly delays: Delays = new Delays(driver.clock),
  ) {}

  get watches(): WatchRegistry {
    return this.driver.core.watches;
  }

  /** The same without the chroot. */
  unrooted(): Caller {
    return this.chroot === '' ? this : new Caller(this.driver, '', this.captureStack, this.delays);
  }

  /** The same with a longer chroot. @throws InvalidPathError */
  below(path: string): Caller {
    const chroot = normalizeChroot(this.toServer(path, 'node', 'chroot'));
    return new Caller(this.driver, chroot, this.captureStack, this.delays);
  }

  /** A removal of all watches of a type on a path of the server's. */
  removal(path: string, type: WatcherType): Removal {
    return this.driver.core.traffic.unwatching.removal(path, type);
  }

  get clock(): Clock {
    return this.driver.clock;
  }

  /** From 0 to below 1. */
  random(): number {
    return this.driver.random();
  }

  get sessionId(): bigint {
    return this.driver.core.sessionId;
  }

  get lastZxid(): bigint {
    return this.driver.core.lastZxid;
  }

  /** Is the Conn over? */
  get isOver(): boolean {
    return isTerminal(this.driver.core.phase.name);
  }

  /** Longest single request, bytes. */
  get maxRequestBytes(): number {
    return this.driver.maxRequestBytes;
  }

  /** Does our server not know this operation, so that it is not sent to it? */
  isUnknown(row: AnyOp): boolean {
    return this.driver.refuses(row);
  }

  /** Issues a call. What the server has hung up on, as it does not know it, is not sent to it again. */
  issue<P, R>(call: Call<P, R>): Promise<R> {
    const { removal = null } = call;
    const absentErrno = removal !== null ? Errno.NoWatcher : call.absentOk === true ? Errno.NoNode : 0;
    return this.send(
      call.row,
      call.path,
      call.request,
      call.shape,
      call.watcher ?? null,
      removal,
      absentErrno,
      call.options,
    );
  }

  /** {@link issue} without a record of the call: most calls have nothing else to say. */
  private send<R>(
    row: AnyOp,
    path: string | undefined,
    request: unknown,
    shape: ((response: never) => R) | null,
    watcher: Watcher | null,
    removal: Removal | null,
    absentErrno: number,
    { signal, timeoutMs }: CallOptions,
  ): Promise<R> {
    const site = this.captureStack ? new Error('called from') : null;
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    if (this.isUnknown(row)) return Promise.reject(unsupported(row, path, site));
    const promise = new Promise<R>(keepHandles);
    const resolve = latest.resolve as (value: R) => void;
    const { reject } = latest;
    forgetHandles();
    try {
      const pending = this.driver.request(
        row,
        request,
        path,
        resolve,
        site === null ? reject : (error: Error) => reject(withSite(error, site)),
        shape,
        watcher,
        absentErrno,
      );
      if (removal !== null) pending.removal = removal;
      if (timeoutMs !== undefined) pending.timeoutMs = timeoutMs;
      if (signal !== undefined) pending.whenSettled = abortWith(signal, this.driver, pending);
      this.driver.submit(pending);
    } catch (error) {
      reject(error as Error);
    }
    return promise;
  }

  /** A read with a path and a watch flag. */
  read<P, R>(
    row: Op<string, PathWatchRequest, P>,
    path: string,
    shape: ((response: P) => R) | null,
    given?: CallOptions,
    absentOk = false,
  ): Promise<R> {
    let request: PathWatchRequest;
    let options: CallOptions;
    try {
      request = { path: this.toServer(path, 'node', row.name), watch: false };
      options = checkCallOptions(given, row.name, path);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.send(row, path, request, shape, null, null, absentOk ? Errno.NoNode : 0, options);
  }

  /** The same with a watch. */
  watch<P, R>(
    row: Op<string, PathWatchRequest, P>,
    path: string,
    shape: (response: P, watch: Watch) => R,
    given?: CallOptions,
    absentOk = false,
  ): Promise<R> {
    const serverPath = this.toServer(path, 'node', row.name);
    const options = checkCallOptions(given, row.name, path);
    const cell = new WatchCell(this.watches, serverPath, this.chroot);
    const watch = new Watch(path, cell);
    return this.issue<P, R>({
      row,
      path,
      request: { path: serverPath, watch: true },
      shape: (response) => shape(response, watch),
      watcher: cell,
      absentOk,
      options,
    });
  }

  /** Checks a path and puts the chroot before it. */
  toServer(path: string, rule: PathRule, opName: string): string {
    validatePath(path, rule, opName);
    return addChroot(this.chroot, path, rule);
  }

  /** Takes the chroot off a path of the server's. */
  toClient(path: string): string {
    return stripChroot(this.chroot, path);
  }

  /** The low-level door: any operation of the table by name, record in, record out. */
  raw<K extends CallableOpName>(
    name: K,
    given: RequestOf<K>,
    givenOptions?: CallOptions,
  ): Promise<ResponseOf<K>> {
    const request: unknown = given;
    if (!Object.hasOwn(operations, name) || (operations[name] as AnyOp).use !== 'call') {
      throw new InvalidArgumentError(`there is no operation '${nameOf(name)}' to call`);
    }
    const row: AnyOp = operations[name];
    if (typeof request !== 'object' || request === null) {
      throw new InvalidArgumentError('the request must be an object', { op: name });
    }
    if ('watch' in request && request.watch) {
      throw new InvalidArgumentError('a watch needs somebody to hear of it: use getW, existsW or childrenW', {
        op: name,
      });
    }
    const path = requestPath(row, request);
    const options = checkCallOptions(givenOptions, name, path);
    const { pathField, responsePath, responsePaths } = row;
    let record: unknown = request;
    if (pathField !== null) {
      const rule = row.pathRule?.(request) ?? 'node';
      record = { ...request, [pathField]: this.toServer(path as string, rule, name) };
    }
    const strip = (response: Record<string, unknown>): unknown => {
      if (responsePath !== null) {
        return { ...response, [responsePath]: this.toClient(response[responsePath] as string) };
      }
      if (responsePaths === null) return response;
      const paths = (response[responsePaths] as readonly string[]).map((each) => this.toClient(each));
      return { ...response, [responsePaths]: paths };
    };
    return this.issue({
      row,
      ...(path === undefined ? {} : { path }),
      request: record,
      shape: this.chroot === '' ? null : (strip as (response: unknown) => ResponseOf<K>),
      options,
    });
  }
}

const nothing = (): void => undefined;
/** The handles of the promise that was made last: one function for all of them, where each would have a closure of its own. */
const latest: { resolve: (value: never) => void; reject: (error: Error) => void } = {
  resolve: nothing,
  reject: nothing,
};
const keepHandles = (resolve: (value: never) => void, reject: (error: Error) => void): void => {
  latest.resolve = resolve;
  latest.reject = reject;
};
/** Or the promise that was made last, with its data, would stay for as long as no other is made. */
const forgetHandles = (): void => {
  latest.resolve = nothing;
  latest.reject = nothing;
};

function unsupported(row: AnyOp, path: string | undefined, site: Error | null): Error {
  const error = new UnsupportedError(row, { op: row.name, path, outcome: 'not-sent' });
  return site === null ? error : withSite(error, site);
}

/** Turns what a check throws into a rejection: argument mistakes never throw out of a method. */
export function rejecting<T>(run: () => Promise<T>): Promise<T> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Also of what is no name: callers without types pass anything. */
function nameOf(name: unknown): string {
  return String(name);
}

/** Puts the stack of the call behind that of its error, which was made in a callback of the socket. */
function withSite(error: Error, site: Error): Error {
  // the reason of an abort is the user's own
  if (!ZkError.is(error)) return error;
  const lines = (site.stack ?? '').split('\n').slice(1);
  error.stack = `${error.stack ?? String(error)}\n    ---- called from\n${lines.join('\n')}`;
  return error;
}
