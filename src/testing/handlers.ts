/** One handler per row of the operation table; a row without one does not compile. */
import type { AnyOp } from '../protocol/op.js';
import type { OpName } from '../protocol/operations.js';
import type { AnyHandler, Handler } from './handler.js';
import { multiOf, multiReadOf } from './multi-handler.js';
import {
  auth,
  closeSession,
  exists,
  getAcl,
  getAllChildrenNumber,
  getChildren,
  getChildren2,
  getData,
  getEphemerals,
  ping,
  sync,
  whoAmI,
} from './read-handlers.js';
import { sasl } from './sasl-handler.js';
import { addWatch, checkWatches, removeWatches, setWatches, setWatches2 } from './watch-handlers.js';
import {
  check,
  create,
  create2,
  createContainer,
  createTtl,
  deleteNode,
  reconfig,
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
  reconfig,
  multi: multiOf(handlerOf),
  multiRead: multiReadOf(handlerOf),
  exists,
  getData,
  getACL: getAcl,
  getChildren,
  getChildren2,
  getAllChildrenNumber,
  getEphemerals,
  whoAmI,
  sync,
  ping,
  auth,
  sasl,
  setWatches,
  setWatches2,
  addWatch,
  checkWatches,
  removeWatches,
  closeSession,
};

/** The handler of a row. */
export function handlerOf(row: AnyOp): AnyHandler {
  return handlers[row.name as OpName] as AnyHandler;
}
