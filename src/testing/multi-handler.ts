/**
 * multi: all of its operations under one zxid, or none (Java `PrepRequestProcessor`, case multi). multiRead: several reads
 * in one message.
 */
import { CREATE_FLAGS, isTtl } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import type { MultiOp, MultiResponse, MultiResult } from '../protocol/multi.js';
import { operations, type CreateRequest, type PathWatchRequest } from '../protocol/operations.js';
import { requestPath, type AnyOp } from '../protocol/op.js';
import type { AnyHandler, Handler } from './handler.js';
import { refuse, Refusal } from './refusal.js';
import { knows } from './release.js';
import { present } from './server-reader.js';
import { isCreateFlag } from './write-handlers.js';

/**
 * What a multi does with the handlers of its operations; the table says which operations these can be. A failure is no
 * error of the multi's reply: it is told by one error result per operation.
 */
export const multiOf =
  (handlerOf: (row: AnyOp) => AnyHandler): Handler<'multi'> =>
  (ctx, q): MultiResponse => {
    const { version } = ctx.state.options;
    // a kind of operation that it does not know makes the whole unreadable
    if (!q.ops.every(({ op }) => knows(version, op))) refuse('Marshalling');
    const ops = q.ops.map(asJavaReads);
    const results: MultiResult[] = [];
    for (const { op, request } of ops) {
      try {
        results.push({ errno: 0, op, response: handlerOf(op)(ctx, request) });
      } catch (error) {
        if (!isFailure(error)) throw error;
        ctx.txn.rollback();
        return { results: failureResults(ops.length, results.length, error.errno) };
      }
    }
    return { results };
  };

/** Each read for itself: one that fails has its error for a result. Watches are never set. */
export const multiReadOf =
  (handlerOf: (row: AnyOp) => AnyHandler): Handler<'multiRead'> =>
  (ctx, q): MultiResponse => {
    const results = q.ops.map(({ op, request }): MultiResult => {
      try {
        const response = handlerOf(op)(ctx, { ...(request as PathWatchRequest), watch: false });
        return { errno: 0, op, response };
      } catch (error) {
        if (!isFailure(error)) throw error;
        return { errno: error.errno, op: null, response: null };
      }
    });
    return { results };
  };

/** Did the operation fail, rather than prove unreadable, which concerns the multi as a whole? */
function isFailure(error: unknown): error is Refusal {
  return error instanceof Refusal && error.errno !== Errno.Marshalling;
}

/** Before anything is done, Java looks at all paths (`getPendingChanges`), which a null does not survive. */
function asJavaReads(item: MultiOp): MultiOp {
  const path = requestPath(item.op, item.request);
  if (path !== undefined) present(path);
  return byItsFlags(item);
}

/**
 * In a multi the flags say more than the operation: Java reads all creates into one class and makes of the flags what
 * kind of node it is (`Op.create`). Flags that this class does not take make the whole request unreadable, and so does a
 * missing list of ACLs; createTTL alone is read by a class that minds neither.
 */
function byItsFlags({ op, request }: MultiOp): MultiOp {
  if (!CREATES.has(op)) return { op, request };
  const q = request as CreateRequest;
  if (op === operations.createTTL) {
    return isTtl(q.flags) || !isCreateFlag(q.flags) ? { op, request } : { op: plainRow(q.flags), request };
  }
  if (q.acl === null || isTtl(q.flags) || !isCreateFlag(q.flags)) refuse('Marshalling');
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

function failureResults(count: number, failed: number, errno: number): MultiResult[] {
  return Array.from({ length: count }, (_, i) => {
    const own = i === failed ? errno : Errno.RuntimeInconsistency;
    return { errno: i < failed ? 0 : own, op: null, response: null };
  });
}
