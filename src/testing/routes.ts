/** Which requests a server takes by themselves, and who does them. */
import { DecodeError } from '../protocol/errors.js';
import type { MultiRequest } from '../protocol/multi.js';
import { op, type AnyOp } from '../protocol/op.js';
import { operations, type PathRequest } from '../protocol/operations.js';
import {
  readNothing,
  readPathVersion,
  writeNothing,
  writePath,
  writePathVersion,
} from '../protocol/op-records.js';
import type { AnyHandler } from './handler.js';
import { handlerOf } from './handlers.js';
import type { ServerOptions } from './options.js';
import { isFrom, knows } from './release.js';
import { refuse } from './refusal.js';
import { check, deleteContainer } from './write-handlers.js';

export interface Route {
  readonly row: AnyOp;
  readonly handle: AnyHandler;
  /** Only errors are answered. */
  readonly isSilent: boolean;
}

const DELETE_CONTAINER_CODE = 20;

const ASKED_AMONG_SERVERS = {
  code: DELETE_CONTAINER_CODE,
  since: '3.5.1',
  use: 'session',
  mutates: true,
  readOnlyOk: false,
  writeResponse: writeNothing,
  readResponse: readNothing,
  throws: ['NoNode', 'NotEmpty', 'BadVersion', 'BadArguments'],
} as const;

/** What servers ask each other for (`OpCode.deleteContainer`). Clients can, too, and no good one does. */
const DELETE_CONTAINER = op('deleteContainer', {
  ...ASKED_AMONG_SERVERS,
  writeRequest: writePath,
  readRequest: (r): PathRequest => {
    const path = r.ustringOrNull();
    // unlike elsewhere, a null is as good as unreadable
    if (path === null) throw new DecodeError('a null path');
    return { path };
  },
});

/** Before 3.9 the path is read from the wrong place, whatever was sent. */
const DELETE_CONTAINER_IN_VAIN = op('deleteContainer', {
  ...ASKED_AMONG_SERVERS,
  writeRequest: writeNothing,
  readRequest: readNothing,
});

/** `check` outside of a multi: a write that is not answered. */
const CHECK_ALONE = op('check', {
  code: operations.check.code,
  since: operations.check.since,
  use: 'session',
  mutates: true,
  readOnlyOk: false,
  writeRequest: writePathVersion,
  readRequest: readPathVersion,
  writeResponse: writeNothing,
  readResponse: readNothing,
  throws: operations.check.throws,
});

/**
 * Is it done only if the session is at the server that asks (Java `PrepRequestProcessor.pRequest2Txn`, `checkSession`)? All
 * writes but these are: the close of a session, what servers ask each other for, a multi of nothing, one that cannot be
 * read, and a reconfig that nobody may do.
 */
export function asksForOwner({ mutates, code }: AnyOp, request: unknown, reconfigEnabled = false): boolean {
  if (!mutates || code === operations.closeSession.code || code === DELETE_CONTAINER_CODE) return false;
  if (code === operations.reconfig.code) return reconfigEnabled;
  if (code === operations.multi.code)
    return request !== undefined && (request as MultiRequest).ops.length > 0;
  return true;
}

const cache = new WeakMap<ServerOptions, ReadonlyMap<number, Route>>();

/** The routes of a server, by the type in a request's header. What is not there is Unimplemented. */
export function routesOf(server: ServerOptions): ReadonlyMap<number, Route> {
  let routes = cache.get(server);
  if (routes === undefined) cache.set(server, (routes = makeRoutes(server)));
  return routes;
}

function makeRoutes(server: ServerOptions): ReadonlyMap<number, Route> {
  const routes = new Map<number, Route>();
  const add = (row: AnyOp, handle: AnyHandler, isSilent = false): void => {
    if (knows(server, row)) routes.set(row.code, { row, handle, isSilent });
  };
  for (const row of Object.values<AnyOp>(operations)) if (row.use !== 'multi') add(row, handlerOf(row));
  const { traits } = server;
  if (!traits.checkAloneIsUnknown) add(CHECK_ALONE, check as AnyHandler, true);
  if (server.emulate !== 'keeper' && isFrom(server.version, DELETE_CONTAINER.since)) {
    if (traits.deleteContainerObeys) add(DELETE_CONTAINER, deleteContainer);
    else add(DELETE_CONTAINER_IN_VAIN, () => refuse('BadArguments'));
  }
  return routes;
}
