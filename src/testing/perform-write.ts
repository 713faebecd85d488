/** What a write is, and what becomes of one that throws: for the server that got it, or the leader. */
import { requestPath, type AnyOp } from '../protocol/op.js';
import type { AnyHandler } from './handler.js';
import { Refusal } from './refusal.js';
import type { Caller, RequestContext } from './request-context.js';

const BUG = new Refusal('SystemError');

/** Does a write under a zxid of its own: all of it, or nothing. @throws what the handler throws */
export function performWrite(ctx: RequestContext, handle: AnyHandler, request: unknown): unknown {
  const { state } = ctx;
  const before = state.zxids();
  const txn = state.begin();
  ctx.enter(txn);
  try {
    const response = handle(ctx, request);
    state.commit(txn);
    return response;
  } catch (error) {
    state.abort(txn, before, error instanceof Refusal ? error.zxid : 'logged');
    throw error;
  } finally {
    ctx.enter(null);
  }
}

/** What is answered to a request that threw: its refusal, or SystemError for a mistake of ours, which is kept. */
export function refusalOf(error: unknown, caller: Caller, row: AnyOp, request: unknown): Refusal {
  if (error instanceof Refusal) return error;
  caller.report([row.name, requestPath(row, request) ?? ''].join(' ').trim(), error);
  return BUG;
}
