/** Handlers of what sets, checks and removes watches by themselves (Java `DataTree.setWatches`, `DataTree.addWatch`). */
import { AddWatchModeCode, EventTypeCode } from '../protocol/constants.js';
import type { SetWatchesRequest } from '../protocol/operations.js';
import type { Handler } from './handler.js';
import { find, watchChildren, watchData } from './read-handlers.js';
import { refuse } from './refusal.js';
import type { RequestContext } from './request-context.js';
import { NOTHING } from './write-handlers.js';

/** What was missed is told at once, without looking at ACLs; for the rest there is a watch again. */
function setAgain(ctx: RequestContext, q: SetWatchesRequest): void {
  for (const path of q.dataWatches) {
    const node = find(ctx, path);
    if (node === undefined) replay(ctx, EventTypeCode.NodeDeleted, path);
    else if (node.mzxid > q.relativeZxid) replay(ctx, EventTypeCode.NodeDataChanged, path);
    else watchData(ctx, path);
  }
  for (const path of q.existWatches) {
    if (find(ctx, path) !== undefined) replay(ctx, EventTypeCode.NodeCreated, path);
    else watchData(ctx, path);
  }
  for (const path of q.childWatches) {
    const node = find(ctx, path);
    if (node === undefined) replay(ctx, EventTypeCode.NodeDeleted, path);
    else if (node.pzxid > q.relativeZxid) replay(ctx, EventTypeCode.NodeChildrenChanged, path);
    else watchChildren(ctx, path);
  }
}

function replay({ caller }: RequestContext, type: number, path: string): void {
  caller.notify(type, path, NO_ZXID, null);
}

/** Stands in events that belong to no transaction. */
const NO_ZXID = -1n;

/** The watches that fire once. */
export const setWatches: Handler<'setWatches'> = (ctx, q) => {
  setAgain(ctx, q);
  return NOTHING;
};

/** Those that stay are registered and no more: what they missed is not told (ZOOKEEPER-4698). */
export const setWatches2: Handler<'setWatches2'> = (ctx, q) => {
  setAgain(ctx, q);
  const { state, caller } = ctx;
  for (const path of q.persistentWatches) state.watches.addLasting(path, caller, AddWatchModeCode.PERSISTENT);
  for (const path of q.persistentRecursiveWatches) {
    state.watches.addLasting(path, caller, AddWatchModeCode.PERSISTENT_RECURSIVE);
  }
  return NOTHING;
};

const MODES: ReadonlySet<number> = new Set(Object.values(AddWatchModeCode));

/** Neither the path nor an ACL is looked at. */
export const addWatch: Handler<'addWatch'> = ({ state, caller }, { path, mode }) => {
  if (!MODES.has(mode)) refuse('Marshalling');
  state.watches.addLasting(path, caller, mode);
  return { err: 0 };
};

/** Tells by its error alone. */
export const checkWatches: Handler<'checkWatches'> = ({ state, caller }, { path, type }) => {
  const { checkWatchesAsksForOwn } = state.options.traits;
  if (!state.watches.knowsType(type)) refuse('Marshalling');
  // what has no parent, and is not nothing, is more than Java's PathParentIterator can bear
  if (!checkWatchesAsksForOwn && path !== '' && !path.includes('/')) refuse('Marshalling');
  if (!state.watches.has(path, caller, type)) refuse('NoWatcher');
  return NOTHING;
};

/** The watcher itself is not told. */
export const removeWatches: Handler<'removeWatches'> = ({ state, caller }, { path, type }) => {
  if (!state.watches.knowsType(type)) refuse('Marshalling');
  if (!state.watches.remove(path, caller, type)) refuse('NoWatcher');
  return NOTHING;
};
