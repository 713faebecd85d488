/** Handlers of what changes no node: reads, sync, and the connection's own business. */
import { Perms } from '../protocol/constants.js';
import { authenticate, demand, maskedAcl, userName } from './access.js';
import type { DataNode } from './data-tree.js';
import type { Handler } from './handler.js';
import { refuse } from './refusal.js';
import type { RequestContext } from './request-context.js';
import { present } from './server-reader.js';
import { NOTHING } from './write-handlers.js';

/** Reads do not check how a path is spelt; a bad one has no node. */
export function find({ state }: RequestContext, path: string): DataNode | undefined {
  return state.tree.get(present(path));
}

/** A node that the caller has one of `perms` for. */
function permitted(ctx: RequestContext, path: string, perms: number): DataNode {
  const node = find(ctx, path) ?? refuse('NoNode');
  demand(node.acl, perms, ctx.caller.authIds);
  return node;
}

/** A watch that fires once. */
export function watchData({ state, caller }: RequestContext, path: string): void {
  state.watches.data.add(path, caller);
}

/** A watch that fires once. */
export function watchChildren({ state, caller }: RequestContext, path: string): void {
  state.watches.child.add(path, caller);
}

/** A missing node is watched for, too; one that must not be read is not. */
export const exists: Handler<'exists'> = (ctx, { path, watch }) => {
  if (path.includes('\0')) refuse('BadArguments');
  const node = find(ctx, path);
  if (node !== undefined && ctx.state.options.traits.existsNeedsRead) {
    demand(node.acl, Perms.READ, ctx.caller.authIds);
  }
  if (watch) watchData(ctx, path);
  if (node !== undefined) ctx.state.stats.read(path, 0);
  return { stat: node ?? refuse('NoNode') };
};

/** Leaves a watch only if there is something to read. */
export const getData: Handler<'getData'> = (ctx, { path, watch }) => {
  const node = permitted(ctx, path, Perms.READ);
  if (watch) watchData(ctx, path);
  ctx.state.stats.read(path, node.dataLength);
  return { data: node.data, stat: node };
};

function namesOf({ state }: RequestContext, path: string, { children }: DataNode): string[] {
  let bytes = 0;
  for (const name of children) bytes += name.length;
  state.stats.read(path, bytes);
  return [...children];
}

/** Names in the order of their creation; a real server has none. */
export const getChildren: Handler<'getChildren'> = (ctx, { path, watch }) => {
  const node = permitted(ctx, path, Perms.READ);
  if (watch) watchChildren(ctx, path);
  return { children: namesOf(ctx, path, node) };
};

/** getChildren with the Stat. */
export const getChildren2: Handler<'getChildren2'> = (ctx, { path, watch }) => {
  const node = permitted(ctx, path, Perms.READ);
  if (watch) watchChildren(ctx, path);
  return { children: namesOf(ctx, path, node), stat: node };
};

/** READ or ADMIN will do; without ADMIN the hashes are hidden. */
export const getAcl: Handler<'getACL'> = (ctx, { path }) => {
  const node = permitted(ctx, path, Perms.READ | Perms.ADMIN);
  return { acl: maskedAcl(node.acl, ctx.caller.authIds), stat: node };
};

/** Nodes on all levels below. The root has two names, `/` and the empty one, and by the latter it counts itself. */
export const getAllChildrenNumber: Handler<'getAllChildrenNumber'> = (ctx, { path }) => {
  permitted(ctx, path, Perms.READ);
  const { tree } = ctx.state;
  if (path === '/') return { totalNumber: tree.size - 1 };
  let totalNumber = 0;
  for (const each of tree.paths()) if (each.startsWith(`${path}/`)) totalNumber++;
  return { totalNumber };
};

/** The session's own nodes; a prefix of nothing, of blanks, or of the root alone means all. ACLs are not asked. */
export const getEphemerals: Handler<'getEphemerals'> = ({ state, caller }, q) => {
  // null, which the type does not know, is what a client may send
  const prefix = q.prefixPath as string | null;
  const all = state.tree.ephemeralsOf(caller.session.id);
  const isAll = prefix === null || ['', '/'].includes(prefix.trim());
  return { ephemerals: isAll ? all : all.filter((path) => path.startsWith(prefix)) };
};

/** Names without secrets, oldest first; a real server has no order. */
export const whoAmI: Handler<'whoAmI'> = ({ caller }) => ({
  clientInfo: caller.authIds.map(({ scheme, id }) => ({ authScheme: scheme, user: userName(scheme, id) })),
});

/** There is no other server to wait for, and the path does not matter. */
export const sync: Handler<'sync'> = (_ctx, { path }) => ({ path });

/** Does nothing; that it came is what counts. */
export const ping: Handler<'ping'> = () => NOTHING;

/** A scheme that is not known is refused like wrong credentials. */
export const auth: Handler<'auth'> = ({ state, caller }, q) => {
  const { superDigest } = state.options;
  const ids = authenticate(q.scheme, q.auth, superDigest, caller.authIds) ?? refuse('AuthFailed');
  caller.addAuthIds(ids);
  return NOTHING;
};

/** Ends the session; the watches of the connection that asks for it still fire. */
export const closeSession: Handler<'closeSession'> = ({ state, caller, txn }) => {
  state.endSession(caller.session, txn);
  caller.session.hangUp(caller);
  caller.closeAfterReply();
  return NOTHING;
};
