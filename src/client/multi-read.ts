/** Reads that travel together. Unlike the operations of a multi each stands for itself: one may fail and the next not. */
import { DecodeError, InvalidArgumentError, type ZkError } from '../protocol/errors.js';
import type { MultiRequest, MultiResponse, MultiResult } from '../protocol/multi.js';
import { refusalOf, type AnyOp } from '../protocol/op.js';
import { operations, type GetChildrenResponse, type GetDataResponse } from '../protocol/operations.js';
import { addChroot, validatePath } from '../protocol/paths.js';
import type { GetResult } from './results.js';

declare const result: unique symbol;

/** One read of a `multiRead`; `R` is what it results in. Made by `op.get` and `op.children`. */
export interface ReadOperation<R> {
  /** @internal */
  readonly row: AnyOp;
  /** The path as the caller gave it. */
  readonly path: string;
  /** @internal */
  readonly shapeRead: (response: unknown) => R;
  /** Only a type, and the mark of those that `op` made. */
  readonly [result]: R;
}

/** For each read of a list its result, or the error that it alone got. */
export type ReadResultsOf<T extends readonly ReadOperation<unknown>[]> = {
  -readonly [K in keyof T]: T[K] extends ReadOperation<infer R> ? R | ZkError : never;
};

/** What is made here, and so checked. */
class CheckedRead<R> implements ReadOperation<R> {
  declare readonly [result]: R;
  readonly shapeRead: (response: unknown) => R;

  constructor(
    readonly row: AnyOp,
    readonly path: string,
    shapeRead: (response: never) => R,
  ) {
    this.shapeRead = shapeRead as (response: unknown) => R;
  }
}

function read<R>(row: AnyOp, path: string, shapeRead: (response: never) => R): ReadOperation<R> {
  validatePath(path, 'node', row.name);
  return new CheckedRead(row, path, shapeRead);
}

/** A read of data and Stat. */
export function getOperation(path: string): ReadOperation<GetResult> {
  return read(operations.getData, path, (response: GetDataResponse) => response);
}

/** A read of the names of the children. */
export function childrenOperation(path: string): ReadOperation<readonly string[]> {
  return read(operations.getChildren, path, (response: GetChildrenResponse) => response.children);
}

/** @throws {@link InvalidArgumentError} on anything that `op.get` or `op.children` did not make */
export function checkReads(list: unknown): asserts list is readonly ReadOperation<unknown>[] {
  const refuse = (text: string): never => {
    throw new InvalidArgumentError(text, { op: 'multiRead' });
  };
  if (!Array.isArray(list)) return refuse('multiRead takes a list of reads');
  // not forEach, which passes over holes
  for (let i = 0; i < list.length; i++) {
    const entry: unknown = list[i];
    if (!(entry instanceof CheckedRead)) {
      refuse(`entry ${i} of the multiRead was not made by op.get or op.children`);
    }
  }
}

/** The request of a multiRead under a chroot. */
export function readsRequest(list: readonly ReadOperation<unknown>[], chroot: string): MultiRequest {
  return {
    ops: list.map(({ row, path }) => ({ op: row, request: { path: addChroot(chroot, path), watch: false } })),
  };
}

/** @throws {@link DecodeError} if the answer does not fit the question */
export function readsResults(list: readonly ReadOperation<unknown>[], { results }: MultiResponse): unknown[] {
  if (results.length !== list.length) {
    throw new DecodeError(`${results.length} results for ${list.length} reads`);
  }
  return list.map((operation, i) => {
    const answer = results[i] as MultiResult;
    const { row, path } = operation;
    if (answer.op === null) {
      if (answer.errno === 0) throw new DecodeError(`no result where one of ${row.name} was asked for`);
      return refusalOf(row, answer.errno, path);
    }
    if (answer.op !== row) {
      throw new DecodeError(`a result of ${answer.op.name} where ${row.name} was asked for`);
    }
    return operation.shapeRead(answer.response);
  });
}
