/** One handler per row of the operation table; a row without one does not compile. */
import type { OpName } from '../protocol/operations.js';
import type { Handler } from './handler.js';
import { multi } from './multi-handler.js';
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
import { setAcl, writeHandlers } from './write-handlers.js';

/** What the server does for each operation, by the operation's name. */
export const handlers: { readonly [K in OpName]: Handler<K> } = {
  ...writeHandlers,
  setACL: setAcl,
  multi,
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
