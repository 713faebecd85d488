/** Operations of a multi, typed so that each result has the type of its operation. */
import { CREATE_FLAGS } from '../protocol/constants.js';
import {
  DecodeError,
  InvalidArgumentError,
  MultiError,
  type FailedOpResult,
  type ZkError,
} from '../protocol/errors.js';
import type { MultiOp, MultiRequest, MultiResponse, MultiResult } from '../protocol/multi.js';
import { refusalOf, type AnyOp } from '../protocol/op.js';
import {
  operations,
  type Create2Response,
  type PathResponse,
  type StatResponse,
} from '../protocol/operations.js';
import { addChroot, stripChroot, validatePath, type PathRule } from '../protocol/paths.js';
import type { Acl, Stat } from '../protocol/records.js';
import {
  checkCreate,
  checkVersion,
  toData,
  type CallOptions,
  type CreateOptions,
  type ZnodeData,
} from './arguments.js';
import { childrenOperation, getOperation, type ReadOperation } from './multi-read.js';
import type { GetResult } from './results.js';

/** What `createWithStat` gives. */
export interface Created {
  /** The path that was made, with its number if it is sequential. */
  readonly path: string;
  readonly stat: Stat;
}

/** What `createWithStat` gives inside a multi. */
export interface CreatedInMulti {
  readonly path: string;
  /** null from servers before 3.9, which answer without it there. */
  readonly stat: Stat | null;
}

declare const result: unique symbol;

/** One operation of a multi; `R` is what it results in. Made by {@link op}. */
export interface Operation<R> {
  /** @internal */
  readonly row: AnyOp;
  /** The path as the caller gave it. */
  readonly path: string;
  /** @internal Makes the record, with the path as the server knows it. */
  readonly request: (serverPath: string) => unknown;
  /** @internal Makes the result from the response of a row that need not be this one. */
  readonly shape: (answer: MultiResult & { readonly response: unknown }, chroot: string) => R;
  /** Only a type, and the mark of those that {@link op} made. */
  readonly [result]: R;
}

/** The results of a list of operations, in order. */
export type ResultsOf<T extends readonly Operation<unknown>[]> = {
  -readonly [K in keyof T]: T[K] extends Operation<infer R> ? R : never;
};

/** Makes the operations of a multi and of a multiRead. Each throws InvalidPathError or InvalidArgumentError. */
export const op = {
  /** As `conn.create`; results in the path. */
  create(path: string, data: ZnodeData = null, options?: CreateOptions): Operation<string> {
    return creation(path, data, options, 'create', (answer, chroot) => pathOf(answer, chroot));
  },

  /** As `conn.createWithStat`; results in path and Stat. */
  createWithStat(path: string, data: ZnodeData = null, options?: CreateOptions): Operation<CreatedInMulti> {
    return creation(path, data, options, 'create2', (answer, chroot) => ({
      path: pathOf(answer, chroot),
      stat: (answer.response as Partial<Create2Response>).stat ?? null,
    }));
  },

  /** As `conn.set`; results in the new Stat. */
  set(path: string, data: ZnodeData, version = -1): Operation<Stat> {
    validatePath(path, 'node', 'setData');
    checkVersion(version, 'setData', path);
    const bytes = copyOf(toData(data, 'setData', path));
    const request = (serverPath: string): unknown => ({ path: serverPath, data: bytes, version });
    return new CheckedOperation(operations.setData, path, request, statOf);
  },

  /** As `conn.delete`. */
  delete(path: string, version = -1): Operation<undefined> {
    return pathAndVersion(operations.delete, path, version);
  },

  /** Fails unless the node exists and has this version; the whole multi with it. Changes nothing. */
  check(path: string, version = -1): Operation<undefined> {
    return pathAndVersion(operations.check, path, version);
  },

  /** For `multiRead`, as `conn.get`; results in data and Stat. */
  get(path: string): ReadOperation<GetResult> {
    return getOperation(path);
  },

  /** For `multiRead`; results in the names of the children, without the Stat that `conn.children` gives. */
  children(path: string): ReadOperation<readonly string[]> {
    return childrenOperation(path);
  },
} as const;

/** An operation is made now and encoded later: what its bytes become meanwhile must not matter. */
function copyOf<T>(data: T): T | Buffer {
  return data instanceof Uint8Array ? Buffer.from(data) : data;
}

const SET_ROWS: readonly AnyOp[] = [operations.setData];
const CREATE_ROWS: readonly AnyOp[] = [operations.create, operations.create2];

function copyOfOptions(options: CreateOptions | undefined): CreateOptions | undefined {
  const acl: unknown = options?.acl;
  return Array.isArray(acl) ? { ...options, acl: (acl as Acl[]).map((entry) => ({ ...entry })) } : options;
}

/** What {@link op} makes, and so has checked. */
class CheckedOperation<R> implements Operation<R> {
  declare readonly [result]: R;

  constructor(
    readonly row: AnyOp,
    readonly path: string,
    readonly request: Operation<R>['request'],
    readonly shape: Operation<R>['shape'],
  ) {}
}

function creation<R>(
  path: string,
  data: ZnodeData,
  options: CreateOptions | undefined,
  plain: 'create' | 'create2',
  shape: Operation<R>['shape'],
): Operation<R> {
  const { row, request } = createRequest(path, copyOf(data), copyOfOptions(options), plain);
  return new CheckedOperation(row, path, request, (answer, chroot) => {
    expectRow(answer, CREATE_ROWS);
    return shape(answer, chroot);
  });
}

function pathAndVersion(row: AnyOp, path: string, version: number): Operation<undefined> {
  validatePath(path, row === operations.delete ? 'notRoot' : 'node', row.name);
  checkVersion(version, row.name, path);
  const request = (serverPath: string): unknown => ({ path: serverPath, version });
  return new CheckedOperation(row, path, request, (answer) => {
    expectRow(answer, [row]);
    return undefined;
  });
}

function statOf(answer: MultiResult & { readonly response: unknown }): Stat {
  expectRow(answer, SET_ROWS);
  return (answer.response as StatResponse).stat;
}

function pathOf(answer: { readonly response: unknown }, chroot: string): string {
  return stripChroot(chroot, (answer.response as PathResponse).path);
}

function expectRow(answer: MultiResult, rows: readonly AnyOp[]): void {
  if (answer.op === null || !rows.includes(answer.op)) {
    throw new DecodeError(
      `a result of ${answer.op?.name ?? 'an error'} where ${rows[0]?.name ?? '?'} was asked for`,
    );
  }
}

/**
 * The row that creates a node of this mode, its request, and the rule that the path was checked by.
 * @param plain the row for modes that need no other
 * @param known the keys that the options may have; those of a create alone, if it is left out
 */
export function createRequest(
  path: string,
  data: ZnodeData,
  options: CreateOptions | undefined,
  plain: 'create' | 'create2',
  known?: readonly string[],
): {
  readonly row: AnyOp;
  readonly rule: PathRule;
  readonly request: (serverPath: string) => { readonly path: string };
} {
  const { flags, acl, ttlMs } = checkCreate(options, plain, path, known);
  const row =
    ttlMs !== null
      ? operations.createTTL
      : flags === CREATE_FLAGS.CONTAINER
        ? operations.createContainer
        : operations[plain];
  const rule = operations.create.pathRule?.({ path, data: null, acl, flags }) ?? 'node';
  validatePath(path, rule, row.name);
  const bytes = toData(data, row.name, path);
  return {
    row,
    rule,
    request: (serverPath) =>
      ttlMs === null
        ? { path: serverPath, data: bytes, acl, flags }
        : { path: serverPath, data: bytes, acl, flags, ttl: ttlMs },
  };
}

/** The request of a multi under a chroot. */
export function multiRequest(list: readonly Operation<unknown>[], chroot: string): MultiRequest {
  const ops = list.map(({ row, path, request }): MultiOp => {
    const rule = row.pathRule?.(request(path)) ?? 'node';
    return { op: row, request: request(addChroot(chroot, path, rule)) };
  });
  return { ops };
}

/** @throws {@link MultiError} if an operation failed, {@link DecodeError} if the answer does not fit the question */
export function multiResults(
  list: readonly Operation<unknown>[],
  response: MultiResponse,
  chroot: string,
): unknown[] {
  const { results } = response;
  if (results.length !== list.length) {
    throw new DecodeError(`${results.length} results for ${list.length} operations`);
  }
  const failed = results.findIndex((answer) => answer.errno !== 0);
  if (failed !== -1) {
    throw new MultiError(
      failed,
      list.map(({ row, path }, i): FailedOpResult => ({ op: row.name, path, errno: results[i]?.errno ?? 0 })),
      reasonOf(list[failed], results[failed]),
    );
  }
  return list.map((operation, i) => operation.shape(results[i] as MultiResult, chroot));
}

function reasonOf(
  operation: Operation<unknown> | undefined,
  answer: MultiResult | undefined,
): ZkError | undefined {
  if (operation === undefined || answer === undefined) return undefined;
  return refusalOf(operation.row, answer.errno, operation.path);
}

/** @throws {@link InvalidArgumentError} on anything that {@link op} did not make */
export function checkOperations(list: unknown): asserts list is readonly Operation<unknown>[] {
  if (!Array.isArray(list))
    throw new InvalidArgumentError('multi takes a list of operations', { op: 'multi' });
  // not forEach, which passes over holes
  for (let i = 0; i < list.length; i++) {
    const entry: unknown = list[i];
    if (!(entry instanceof CheckedOperation)) {
      throw new InvalidArgumentError(
        `entry ${i} of the multi was not made by op.create, op.set, op.delete or op.check`,
        {
          op: 'multi',
        },
      );
    }
  }
}

/** What was added to a Transaction, and what before: a list would be copied for each of them. */
interface Added {
  readonly operation: Operation<unknown>;
  readonly before: Added | null;
}

/**
 * Collects operations one by one; `commit()` runs them as one multi. Made by `conn.transaction()`. Adding gives a new
 * Transaction and leaves this one as it is.
 */
export class Transaction<T extends readonly Operation<unknown>[] = []> {
  /** @internal */
  constructor(
    private readonly run: (
      list: readonly Operation<unknown>[],
      options?: CallOptions,
    ) => Promise<readonly unknown[]>,
    private readonly last: Added | null = null,
  ) {}

  /** Adds an operation made by {@link op}. */
  add<R>(operation: Operation<R>): Transaction<[...T, Operation<R>]> {
    return new Transaction<[...T, Operation<R>]>(this.run, { operation, before: this.last });
  }

  /** Adds `op.create`. */
  create(
    path: string,
    data: ZnodeData = null,
    options?: CreateOptions,
  ): Transaction<[...T, Operation<string>]> {
    return this.add(op.create(path, data, options));
  }

  /** Adds `op.createWithStat`. */
  createWithStat(
    path: string,
    data: ZnodeData = null,
    options?: CreateOptions,
  ): Transaction<[...T, Operation<CreatedInMulti>]> {
    return this.add(op.createWithStat(path, data, options));
  }

  /** Adds `op.set`. */
  set(path: string, data: ZnodeData, version = -1): Transaction<[...T, Operation<Stat>]> {
    return this.add(op.set(path, data, version));
  }

  /** Adds `op.delete`. */
  delete(path: string, version = -1): Transaction<[...T, Operation<undefined>]> {
    return this.add(op.delete(path, version));
  }

  /** Adds `op.check`. */
  check(path: string, version = -1): Transaction<[...T, Operation<undefined>]> {
    return this.add(op.check(path, version));
  }

  /** Runs what was added, all or nothing; see `conn.multi`. */
  commit(options?: CallOptions): Promise<ResultsOf<T>> {
    const list: Operation<unknown>[] = [];
    for (let at = this.last; at !== null; at = at.before) list.push(at.operation);
    return this.run(list.reverse(), options) as Promise<ResultsOf<T>>;
  }
}
