/** One handler per row of the operation table; a row without one does not compile. */
import type { AnyOp } from '../protocol/op.js';
import type { OpName } from '../protocol/operations.js';
import type { AnyHandler, Handler } from './handler.js';
import { multiOf } from './multi-handler.js';
import {
  auth,
  closeSession,
  exists,
  getAcl,
  getChildren,
  getChildren2,
  getData,
  ping,
  setWatches,
  sync,
} from './read-handlers.js';
import {
  check,
  create,
  create2,
  createContainer,
  createTtl,
  deleteNode,
  setAcl,
  setData,
} from './write-handlers.js';

/** What the server does for each operation, by the operation's name. */
export const handlers: { readonly [K in OpName]: Handler<K> } = {
  create,
  create2,
  createContainer,
  createTTL: createTtl,
  delete: deleteNode,
  setData,
  setACL: setAcl,
  check,
  multi: multiOf(handlerOf),
  exists,
  getData,
  getACL: getAcl,
  getChildren,
  getChildren2,
  sync,
  ping,
  auth,
  setWatches,
  closeSession,
};

/** The handler of a row. */
export function handlerOf(row: AnyOp): AnyHandler {
  return handlers[row.name as OpName] as AnyHandler;
}
