/**
 * multi: all of its operations under one zxid, or none (Java `PrepRequestProcessor`, case multi). multiRead: several reads
 * in one message.
 */
import { CREATE_FLAGS, isTtl } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import { DecodeError } from '../protocol/errors.js';
import type { JuteReader } from '../protocol/jute.js';
import { readMultiRequest, type MultiOp, type MultiResponse, type MultiResult } from '../protocol/multi.js';
import { readCreate } from '../protocol/op-records.js';
import { operations, rowByCode, type CreateRequest, type PathWatchRequest } from '../protocol/operations.js';
import { requestPath, type AnyOp } from '../protocol/op.js';
import type { AnyHandler, Handler } from './handler.js';
import { refuse, Refusal } from './refusal.js';
import { knows, type Traits } from './release.js';
import { NULL_STRING } from './server-reader.js';
import { isCreateFlag } from './write-handlers.js';

/**
 * What a multi does with the handlers of its operations; the table says which operations these can be. A failure is no
 * error of the multi's reply: it is told by one error result per operation.
 */
export const multiOf =
  (handlerOf: (row: AnyOp) => AnyHandler): Handler<'multi'> =>
  (ctx, q): MultiResponse => {
    const { options } = ctx.state;
    // a kind of operation that it does not know makes the whole unreadable
    if (!q.ops.every(({ op }) => knows(options, op))) refuse('Marshalling');
    const ops = q.ops.map((item) => byItsFlags(item, options.traits));
    demandPaths(q.ops, options.traits);
    const results: MultiResult[] = [];
    for (const { op, request } of ops) {
      try {
        if (op === UNREADABLE) refuse('Marshalling');
        const response = handlerOf(op)(ctx, request);
        results.push({ errno: 0, op, response });
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
    const results: MultiResult[] = [];
    for (const { op, request } of q.ops) {
      try {
        const response = handlerOf(op)(ctx, { ...(request as PathWatchRequest), watch: false });
        results.push({ errno: 0, op, response });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        // what was read before stands behind the error
        if (!isFailure(error)) throw new Refusal('Marshalling', { partial: { results } });
        results.push({ errno: error.errno, op: null, response: null });
      }
    }
    return { results };
  };

/** Did the operation fail, rather than prove unreadable, which concerns the multi as a whole? */
function isFailure(error: unknown): error is Refusal {
  return error instanceof Refusal && error.errno !== Errno.Marshalling;
}

/**
 * Before anything is done, Java looks at all paths (`getPendingChanges`), which a null does not survive. Where requests are
 * read leniently that is so early that nothing is logged, and so late that there is a response, without results.
 */
function demandPaths(ops: readonly MultiOp[], { multiIsReadStrictly }: Traits): void {
  if (!ops.some(({ op, request }) => requestPath(op, request) === NULL_STRING)) return;
  throw multiIsReadStrictly
    ? new Refusal('Marshalling')
    : new Refusal('Marshalling', { partial: { results: [] }, zxid: 'lost' });
}

/**
 * In a multi the flags say more than the operation: Java reads all creates into one class and makes of the flags what
 * kind of node it is (`Op.create`). Flags that this class does not take make the whole request unreadable, and so does a
 * missing list of ACLs; createTTL alone is read by a class that minds neither.
 */
function byItsFlags({ op, request }: MultiOp, traits: Traits): MultiOp {
  if (!CREATES.has(op)) return { op, request };
  const q = request as CreateRequest;
  if (!traits.createTakesEveryMode) return { op, request };
  if (op === operations.createTTL) {
    return isTtl(q.flags) || !isCreateFlag(q.flags) ? { op, request } : { op: plainRow(q.flags), request };
  }
  if (!traits.multiIsReadStrictly) return { op: isTtl(q.flags) ? UNREADABLE : plainRow(q.flags), request };
  if (q.acl === null && isCreateFlag(q.flags)) throw new Refusal('Marshalling', { zxid: 'not taken' });
  if (isTtl(q.flags) || !isCreateFlag(q.flags)) refuse('Marshalling');
  return { op: q.flags === CREATE_FLAGS.CONTAINER ? operations.createContainer : op, request };
}

/**
 * Does a multi that cannot be read fail before that, at a create without a list of ACLs? Then it takes no zxid.
 * @param r at the beginning of the body
 */
export function lacksAclFirst(r: JuteReader): boolean {
  let isLacking = false;
  const readRequest = (reader: JuteReader): CreateRequest => {
    const q = readCreate(reader);
    isLacking ||= q.acl === null && isCreateFlag(q.flags);
    if (isLacking || !isCreateFlag(q.flags) || isTtl(q.flags)) throw new DecodeError('a create that is none');
    return q;
  };
  const rowOf = (code: number): AnyOp | undefined => {
    const row = rowByCode(code);
    if (row === undefined || row === operations.createTTL || !CREATES.has(row)) return row;
    return Object.assign(Object.create(row) as AnyOp, { readRequest });
  };
  try {
    readMultiRequest(r, 'write', rowOf);
  } catch {
    // it is known to be unreadable
  }
  return isLacking;
}

/** Stands for a create that is found to be none when it is its turn, which no multi survives. */
const UNREADABLE: AnyOp = operations.sasl;

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
