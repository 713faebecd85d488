/** The shape of a handler: what the server does for one row of the operation table. */
import type { OpName, RequestOf, ResponseOf } from '../protocol/operations.js';
import type { RequestContext } from './request-context.js';

/**
 * Does an operation and gives its response.
 * Says no by throwing a `Refusal`; then nothing of the request's transaction stays. A Stat in the response of a read may
 * be the live node, because it is encoded before anything else happens; that of a write is a copy, because more may
 * follow in a multi.
 */
export type Handler<K extends OpName> = (ctx: RequestContext, request: RequestOf<K>) => ResponseOf<K>;

/** A handler whose record types are those of whatever row it is called for. */
export type AnyHandler = (ctx: RequestContext, request: unknown) => unknown;
