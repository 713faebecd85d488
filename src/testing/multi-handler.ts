/** multi: all of its operations under one zxid, or none (Java `PrepRequestProcessor`, case multi). */
import { CREATE_FLAGS, isTtl } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import type { MultiOp, MultiResponse, MultiResult } from '../protocol/multi.js';
import { operations, type CreateRequest } from '../protocol/operations.js';
import type { AnyOp } from '../protocol/op.js';
import type { Handler } from './handler.js';
import { refuse, Refusal } from './refusal.js';
import type { RequestContext } from './request-context.js';
import { isCreateFlag, writeHandlers } from './write-handlers.js';

/** A handler whose record types are those of whatever row it is called with. */
type AnyHandler = (ctx: RequestContext, request: unknown) => unknown;

const BY_ROW: ReadonlyMap<string, AnyHandler> = new Map(
  Object.entries(writeHandlers).map(([name, handler]) => [name, handler as AnyHandler]),
);

/** A failure is no error of the multi's reply: it is told by one error result per operation. */
export const multi: Handler<'multi'> = (ctx, q): MultiResponse => {
  const ops = q.ops.map(byItsFlags);
  const results: MultiResult[] = [];
  for (const { op, request } of ops) {
    try {
      results.push({ errno: 0, op, response: handlerOf(op)(ctx, request) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      ctx.txn.rollback();
      return { results: failureResults(ops.length, results.length, error.errno) };
    }
  }
  return { results };
};

/**
 * In a multi the flags say more than the operation: Java reads all creates into one class and makes of the flags what
 * kind of node it is (`Op.create`). Flags that this class does not take make the whole request unreadable.
 */
function byItsFlags({ op, request }: MultiOp): MultiOp {
  if (!CREATES.has(op)) return { op, request };
  const q = request as CreateRequest;
  if (q.acl === null) refuse('Marshalling');
  if (op === operations.createTTL) {
    return isTtl(q.flags) || !isCreateFlag(q.flags) ? { op, request } : { op: plainRow(q.flags), request };
  }
  if (isTtl(q.flags) || !isCreateFlag(q.flags)) refuse('Marshalling');
  return { op: q.flags === CREATE_FLAGS.CONTAINER ? operations.createContainer : op, request };
}

const CREATES: ReadonlySet<AnyOp> = new Set<AnyOp>([
  operations.create,
  operations.create2,
  operations.createContainer,
  operations.createTTL,
]);

const plainRow = (flags: number): AnyOp =>
  flags === CREATE_FLAGS.CONTAINER ? operations.createContainer : operations.create;

function handlerOf(row: AnyOp): AnyHandler {
  const handler = BY_ROW.get(row.name);
  if (handler === undefined) throw new Error(`no handler for ${row.name} in a multi`);
  return handler;
}

function failureResults(count: number, failed: number, errno: number): MultiResult[] {
  return Array.from({ length: count }, (_, i) => {
    const own = i === failed ? errno : Errno.RuntimeInconsistency;
    return { errno: i < failed ? 0 : own, op: null, response: null };
  });
}
