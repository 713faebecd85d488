/** Handlers of what changes nodes, and of check. Each checks in the order of Java's `PrepRequestProcessor`. */
import {
  CREATE_FLAGS,
  ANY_VERSION,
  isEphemeral,
  isSequential,
  isTtl,
  MAX_TTL_MS,
  Perms,
} from '../protocol/constants.js';
import type { CreateRequest, EmptyRecord, PathRequest } from '../protocol/operations.js';
import { pathProblem } from '../protocol/paths.js';
import { demand, fixupAcl } from './access.js';
import { PERSISTENT, sequenceSuffix, type DataNode, type Lifetime } from './data-tree.js';
import type { AnyHandler, Handler } from './handler.js';
import { refuse } from './refusal.js';
import type { RequestContext } from './request-context.js';
import { present } from './server-reader.js';

/** A response without fields. */
export const NOTHING: EmptyRecord = Object.freeze({});

/** Which of the create operations it is; what they check and make differs by it, not by the flags alone. */
type CreateKind = 'plain' | 'container' | 'ttl';

interface Created {
  readonly path: string;
  readonly node: DataNode;
}

/** What create passes for the time to live that it does not have. */
const NO_TTL = -1;

function createNode(ctx: RequestContext, q: CreateRequest, kind: CreateKind, ttl: number): Created {
  const { state, caller, txn } = ctx;
  const { extendedTypesEnabled, traits } = state.options;
  if (traits.createTakesEveryMode) checkMode(q.flags, kind, ttl, extendedTypesEnabled);
  const parentPath = checkedParent(q.path);
  const acl = fixupAcl(q.acl, caller.authIds, state.options.sasl !== null, state.options.tls !== undefined);
  const parent = state.tree.get(parentPath) ?? refuse('NoNode');
  demand(parent.acl, Perms.CREATE, caller.authIds);
  if (!traits.createTakesEveryMode && !PLAIN_FLAGS.has(q.flags)) refuse('BadArguments');
  const path = isSequential(q.flags) ? q.path + sequenceSuffix(txn.countOf(parent)) : q.path;
  if (pathProblem(path) !== null) refuse('BadArguments');
  if (state.tree.get(path) !== undefined) refuse('NodeExists');
  if (parent.lifetime.kind === 'ephemeral') refuse('NoChildrenForEphemerals');
  state.quotas.checkCreate(path, q.data);
  const lifetime = lifetimeOf(q.flags, kind, ttl, caller.session.id);
  const node = txn.create(path, copyOf(q.data), acl, lifetime);
  return { path, node };
}

/** Flags and time to live (Java `CreateMode.fromFlag`, `EphemeralType.validateTTL`). */
function checkMode(flags: number, kind: CreateKind, ttl: number, extendedTypes: boolean): void {
  if (!isCreateFlag(flags)) refuse('BadArguments');
  if (isTtl(flags)) {
    if (!extendedTypes) refuse('Unimplemented');
    if (ttl < 1 || ttl > MAX_TTL_MS) refuse('BadArguments');
  } else if (ttl >= 0 || kind === 'ttl') {
    // createTTL without a TTL mode and with a negative ttl passes a real server's checks and then ends its process
    refuse('BadArguments');
  }
}

const FLAGS: ReadonlySet<number> = new Set(Object.values(CREATE_FLAGS));

/** Those that there have always been. */
const PLAIN_FLAGS: ReadonlySet<number> = new Set([0, 1, 2, 3]);

/** Is there a create mode with that number? */
export function isCreateFlag(flags: number): boolean {
  return FLAGS.has(flags);
}

/** Path of the parent; everything else about a path is checked later (Java `getParentPathAndValidate`). */
function checkedParent(path: string): string {
  const slash = present(path).lastIndexOf('/');
  if (slash < 0 || path.includes('\0')) refuse('BadArguments');
  return path.slice(0, slash);
}

function lifetimeOf(flags: number, kind: CreateKind, ttlMs: number, owner: bigint): Lifetime {
  if (kind === 'container') return { kind: 'container' };
  if (kind === 'ttl') return { kind: 'ttl', ttlMs };
  return isEphemeral(flags) ? { kind: 'ephemeral', owner } : PERSISTENT;
}

/** Decoded data is a view of bytes that are the server's alone; the tree sees to it that it keeps alive little of the others. */
function copyOf(data: Uint8Array | null): Buffer | null {
  return data === null || Buffer.isBuffer(data) ? data : Buffer.from(data);
}

function checkVersion(expected: number, actual: number): void {
  if (expected !== ANY_VERSION && expected !== actual) refuse('BadVersion');
}

const create2Response = ({ path, node }: Created) => ({ path, stat: node.stat() });

/** Answers with the path alone. */
export const create: Handler<'create'> = (ctx, q) => ({ path: createNode(ctx, q, 'plain', NO_TTL).path });

/** create with the Stat. */
export const create2: Handler<'create2'> = (ctx, q) => create2Response(createNode(ctx, q, 'plain', NO_TTL));

/** Makes a container, whatever its flags. */
export const createContainer: Handler<'createContainer'> = (ctx, q) =>
  create2Response(createNode(ctx, q, 'container', NO_TTL));

/** Makes a node with a time to live. */
export const createTtl: Handler<'createTTL'> = (ctx, q) => create2Response(createNode(ctx, q, 'ttl', q.ttl));

/** Does not check how the path is spelt: a bad one has no parent or no node. */
export const deleteNode: Handler<'delete'> = ({ state: { tree }, caller, txn }, { path, version }) => {
  const parentPath = checkedParent(path);
  if (tree.isSpecial(path)) refuse('BadArguments');
  const parent = tree.get(parentPath) ?? refuse('NoNode');
  demand(parent.acl, Perms.DELETE, caller.authIds);
  const node = tree.get(path) ?? refuse('NoNode');
  checkVersion(version, node.version);
  if (node.numChildren > 0) refuse('NotEmpty');
  txn.delete(path, node);
  return NOTHING;
};

/** What a server asks itself for when a container or TTL node is due. No ACL is asked, and no other node is safe. */
export const deleteContainer: AnyHandler = ({ state: { tree }, txn }, request) => {
  const path = (request as PathRequest).path;
  checkedParent(path);
  if (tree.isSpecial(path)) refuse('BadArguments');
  const node = tree.get(path) ?? refuse('NoNode');
  if (node.numChildren > 0) refuse('NotEmpty');
  if (node.lifetime.kind === 'ephemeral') refuse('BadVersion');
  txn.delete(path, node);
  return NOTHING;
};

/** Puts data. */
export const setData: Handler<'setData'> = ({ state, caller, txn }, { path, data, version }) => {
  const { tree, quotas } = state;
  if (pathProblem(path) !== null) refuse('BadArguments');
  const node = tree.get(path) ?? refuse('NoNode');
  demand(node.acl, Perms.WRITE, caller.authIds);
  quotas.checkSetData(path, node.data, data);
  checkVersion(version, node.version);
  txn.setData(path, node, copyOf(data));
  return { stat: node.stat() };
};

/** Changes nothing; it makes a multi fail. */
export const check: Handler<'check'> = ({ state: { tree }, caller }, { path, version }) => {
  if (pathProblem(path) !== null) refuse('BadArguments');
  const node = tree.get(path) ?? refuse('NoNode');
  demand(node.acl, Perms.READ, caller.authIds);
  checkVersion(version, node.version);
  return NOTHING;
};

/** Asks for the `aversion`, not the version. */
export const setAcl: Handler<'setACL'> = (
  { state: { tree, options }, caller, txn },
  { path, acl: wanted, version },
) => {
  if (pathProblem(path) !== null) refuse('BadArguments');
  const acl = fixupAcl(wanted, caller.authIds, options.sasl !== null, options.tls !== undefined);
  const node = tree.get(path) ?? refuse('NoNode');
  demand(node.acl, Perms.ADMIN, caller.authIds);
  checkVersion(version, node.aversion);
  txn.setAcl(path, node, acl);
  return { stat: node.stat() };
};

/** A standalone server has nobody to reconfigure. The zxid is used up. */
export const reconfig: Handler<'reconfig'> = ({ state }) =>
  refuse(state.options.reconfigEnabled ? 'Unimplemented' : 'ReconfigDisabled');
