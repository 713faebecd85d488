/**
 * Bugs to be planted in the mini-server, one at a time: what is looked for in its sources, where it must be just once, and
 * what stands there instead. Whoever rewrites that place moves the bug along.
 */
import type { SETTINGS } from './settings.js';

export interface Bug {
  readonly bug: string;
  readonly find: string;
  readonly plant: string;
  /** Where it shows; left out: with ordinary settings. */
  readonly setting?: keyof typeof SETTINGS;
}

export const BUGS: readonly Bug[] = [
  {
    bug: 'cversion does not count deletes',
    find: 'return (2 * this.creates - this.children.size) | 0;',
    plant: 'return this.creates;',
  },
  {
    bug: 'pzxid of the parent stays at a delete',
    find: 'parent.pzxid = zxid;',
    plant: '',
  },
  {
    bug: 'pzxid of the parent stays at a create',
    find: 'parent.pzxid = node.czxid;',
    plant: '',
  },
  {
    bug: 'a create that is taken back leaves its pzxid',
    find: 'parent.creates = creates;\n      parent.pzxid = pzxid;',
    plant: 'parent.creates = creates;',
  },
  {
    bug: 'a create that is taken back leaves its number',
    find: 'parent.creates = creates;\n      parent.pzxid = pzxid;',
    plant: 'parent.pzxid = pzxid;',
  },
  {
    bug: 'sequence numbers are given again after a delete',
    find: 'sequenceSuffix(txn.countOf(parent))',
    plant: 'sequenceSuffix(parent.numChildren)',
  },
  {
    bug: 'sequence numbers have nine digits',
    find: "String(n).padStart(10, '0')",
    plant: "String(n).padStart(9, '0')",
  },
  {
    bug: 'setData leaves mzxid',
    find: 'node.mzxid = zxid;',
    plant: '',
  },
  {
    bug: 'setACL counts version, not aversion',
    find: 'node.aversion = (aversion + 1) | 0;',
    plant: 'node.version = (node.version + 1) | 0;',
  },
  {
    bug: 'setACL is asked for the version',
    find: 'checkVersion(version, node.aversion);',
    plant: 'checkVersion(version, node.version);',
  },
  {
    bug: 'every negative version matches',
    find: 'if (expected !== ANY_VERSION && expected !== actual)',
    plant: 'if (expected >= 0 && expected !== actual)',
  },
  {
    bug: 'an event comes after the reply to its write',
    find: 'state.commit(txn);\n    return response;',
    plant: 'queueMicrotask(() => state.commit(txn));\n    return response;',
  },
  {
    bug: 'an ephemeral node outlives its session',
    find: 'this.tree.ephemeralsOf(session.id)',
    plant: 'this.tree.ephemeralsOf(session.id).slice(1)',
  },
  {
    bug: 'ephemeral nodes end with the connection',
    find: 'session.link?.hangUp();\n  if (session.closing',
    plant:
      'const t = state.begin(); for (const p of state.tree.ephemeralsOf(session.id)) t.delete(p, state.tree.get(p) as never);\n  session.link?.hangUp();\n  if (session.closing',
  },
  {
    bug: 'an ephemeral node may have children',
    find: "if (parent.lifetime.kind === 'ephemeral') refuse('NoChildrenForEphemerals');",
    plant: '',
  },
  {
    bug: 'a multi that fails applies what came before',
    find: 'ctx.txn.rollback();',
    plant: '',
  },
  {
    bug: 'a multi that fails has its error in every result behind',
    find: 'const own = i === failed ? errno : Errno.RuntimeInconsistency;',
    plant: 'const own = errno;',
  },
  {
    bug: 'a multiRead sets watches',
    find: '{ ...(request as PathWatchRequest), watch: false }',
    plant: 'request',
  },
  {
    bug: 'a watch that fires once fires again',
    find: 'this.drop(path, watcher, WatchMode.STANDARD);\n    }',
    plant: '}',
  },
  {
    bug: 'a recursive watch hears of children alone',
    find: "for (; end >= 0; end = end === 0 ? -1 : path.lastIndexOf('/', end - 1)) {",
    plant: "for (; end >= 0 && end === path.lastIndexOf('/'); end = -1) {",
  },
  {
    bug: 'a recursive watch hears of children that come and go',
    find: 'if (!isRecursive || !this.traits.watchModesSideBySide) this.child.add(path, watcher, wanted);',
    plant: 'this.child.add(path, watcher, WatchMode.PERSISTENT);',
  },
  {
    bug: 'a deletion is told twice to who watches node and children',
    find: 'if (!told.has(watcher)) watcher',
    plant: 'watcher',
  },
  {
    bug: 'removeWatches takes watches of all kinds',
    find: 'this.setModes(watchers, watcher, held & ~modes);',
    plant: 'this.setModes(watchers, watcher, 0);',
  },
  {
    bug: 'the parent is told of a deletion before the node',
    find: 'this.trigger(EventTypeCode.NodeDeleted, path, node.acl);\n    this.childrenChanged(path);',
    plant: 'this.childrenChanged(path);\n    this.trigger(EventTypeCode.NodeDeleted, path, node.acl);',
  },
  {
    bug: 'a read of a missing node leaves a watch',
    find: 'const node = permitted(ctx, path, Perms.READ);\n  if (watch) watchData(ctx, path);',
    plant: 'if (watch) watchData(ctx, path);\n  const node = permitted(ctx, path, Perms.READ);',
  },
  {
    bug: 'exists of a missing node leaves no watch',
    find: 'if (watch) watchData(ctx, path);\n  if (node !== undefined) ctx',
    plant: 'if (watch && node !== undefined) watchData(ctx, path);\n  if (node !== undefined) ctx',
  },
  {
    bug: 'setWatches tells of a change that was seen',
    find: 'node.mzxid > q.relativeZxid',
    plant: 'node.mzxid >= q.relativeZxid',
  },
  {
    bug: 'setWatches looks at mzxid for children',
    find: 'node.pzxid > q.relativeZxid',
    plant: 'node.mzxid > q.relativeZxid',
  },
  {
    bug: 'events go to those who may not read',
    find: 'if (eventsNeedRead && acl !== null',
    plant: 'if (false && acl !== null',
  },
  {
    bug: 'an event has no zxid',
    find: 'eventZxids ? zxid : NO_ZXID',
    plant: 'NO_ZXID',
  },
  {
    bug: 'a failed write takes no zxid',
    find: "error instanceof Refusal ? error.zxid : 'logged'",
    plant: "'not taken'",
  },
  {
    bug: 'a ping is answered with its own xid',
    find: 'type === operations.ping.code ? Xid.PING : xid',
    plant: 'xid',
  },
  {
    bug: 'delete looks for children before the version',
    find: "checkVersion(version, node.version);\n  if (node.numChildren > 0) refuse('NotEmpty');\n  txn.delete(path, node);\n  return NOTHING;\n};\n\n/** What a server",
    plant:
      "if (node.numChildren > 0) refuse('NotEmpty');\n  checkVersion(version, node.version);\n  txn.delete(path, node);\n  return NOTHING;\n};\n\n/** What a server",
  },
  {
    bug: 'create looks for the node before the permission',
    find: 'demand(parent.acl, Perms.CREATE, caller.authIds);',
    plant:
      "if (!isSequential(q.flags) && state.tree.get(q.path) !== undefined) refuse('NodeExists');\n  demand(parent.acl, Perms.CREATE, caller.authIds);",
  },
  {
    bug: 'delete asks the node for the permission',
    find: 'demand(parent.acl, Perms.DELETE, caller.authIds);',
    plant: 'demand((tree.get(path) ?? parent).acl, Perms.DELETE, caller.authIds);',
  },
  {
    bug: 'null data comes back empty',
    find: 'return data === null || Buffer.isBuffer(data) ? data : Buffer.from(data);',
    plant: 'return Buffer.from(data ?? []);',
  },
  {
    bug: 'getACL shows hashes to everybody',
    find: 'if (isPermitted(acl, Perms.ADMIN, ids)) return acl;',
    plant: 'if (ids.length >= 0) return acl;',
  },
  {
    bug: 'an ACL keeps its duplicates',
    find: 'for (const entry of unique(acl ?? []))',
    plant: 'for (const entry of acl ?? [])',
  },
  {
    bug: 'auth in an ACL stands for the first identity alone',
    find: 'fixed.push(...own.map(',
    plant: 'fixed.push(...own.slice(0, 1).map(',
  },
  {
    bug: 'getAllChildrenNumber counts the node itself',
    find: 'let totalNumber = 0;',
    plant: 'let totalNumber = 1;',
  },
  {
    bug: 'getEphemerals takes whole names for a prefix',
    find: 'all.filter((path) => path.startsWith(prefix))',
    plant: 'all.filter((path) => `${path}/`.startsWith(`${prefix}/`))',
  },
  {
    bug: 'a wrong password is let in',
    find: 'q.passwd === null || !session.passwd.equals(q.passwd)',
    plant: 'q.passwd === null',
  },
  {
    bug: 'the connection before goes on after another has attached',
    find: 'session.link?.hangUp();\n  if (session.closing',
    plant: 'if (session.closing',
  },
  {
    bug: 'a hard limit is looked at after it was exceeded',
    find: '+ more > most',
    plant: '> most',
  },
  {
    bug: 'of the ephemeral nodes of a session that expires one goes',
    find: 'this.endSession(session, txn);\n    this.commit(txn);',
    plant:
      'this.sessions.remove(session); for (const p of this.tree.ephemeralsOf(session.id).slice(0, 1)) txn.delete(p, this.tree.get(p) as never);\n    this.commit(txn);',
    setting: 'expiry',
  },
  {
    bug: 'nobody is told when a session expires',
    find: 'this.endSession(session, txn);\n    this.commit(txn);',
    plant: 'this.endSession(session, txn);',
    setting: 'expiry',
  },
  {
    bug: 'a session that expires takes no zxid',
    find: 'this.endSession(session, txn);\n    this.commit(txn);',
    plant: 'this.endSession(session, txn);\n    this.commit(txn); this.issuedZxid = this.lastZxid -= 1n;',
    setting: 'expiry',
  },
  {
    bug: 'the connection of a session that expires stays open',
    find: 'session.hangUp();\n    if (session.isLocal)',
    plant: 'if (session.isLocal)',
    setting: 'expiry',
  },
  {
    bug: 'who attaches after the expiry gets another session',
    find: 'return state.options.traits.strangersGetSessions ? state.openSession(q.timeOut) : null;',
    plant: 'return state.openSession(q.timeOut);',
    setting: 'expiry',
  },
  {
    bug: 'who attaches keeps the timeout of before',
    find: 'session.timeoutMs = state.negotiate(q.timeOut);',
    plant: '',
    setting: 'expiry',
  },
  {
    bug: 'who has the longer timeout expires first',
    find: '(this.clock.now() + session.timeoutMs) / tick',
    plant: '(this.clock.now() + Math.abs(300 - session.timeoutMs)) / tick',
    setting: 'expiry',
  },
  {
    bug: 'the reaper deletes a container with children',
    find: 'for (const path of inBucketOrderBy(over, hashOfText)) state.reap(path);',
    plant:
      "for (const path of state.tree.mortals()) { const n = state.tree.get(path); if (n !== undefined && (over.includes(path) || (n.numChildren > 0 && !state.tree.mortals().some((m) => m.startsWith(path + '/'))))) { const t = state.begin(); t.delete(path, n); state.commit(t); } }",
    setting: 'reaping',
  },
  {
    bug: 'the reaper deletes a container that never had children',
    find: 'return node.cversion > 0 ||',
    plant: 'return node.cversion >= 0 ||',
    setting: 'reaping',
  },
  {
    bug: 'the reaper forgets TTL nodes',
    find: "return node.lifetime.kind === 'ttl' && nowMs",
    plant: 'return false && nowMs',
    setting: 'reaping',
  },
  {
    bug: 'the reaper deletes TTL nodes that have time',
    find: 'nowMs - node.mtime > node.lifetime.ttlMs',
    plant: 'nowMs - node.mtime >= 0',
    setting: 'reaping',
  },
  {
    bug: 'the reaper deletes what became empty in the same round',
    find: 'for (const path of inBucketOrderBy(over, hashOfText)) state.reap(path);',
    plant:
      "for (const path of over) { state.reap(path); const up = path.slice(0, path.lastIndexOf('/')); if (state.tree.mortals().includes(up)) state.reap(up); }",
    setting: 'reaping',
  },
  {
    bug: 'the reaper goes by the time of creation',
    find: 'for (const path of inBucketOrderBy(over, hashOfText)) state.reap(path);',
    plant: 'for (const path of over) state.reap(path);',
    setting: 'reaping',
  },
  {
    bug: 'nobody is told what the reaper deletes',
    find: 'txn.delete(path, node);\n    this.commit(txn);',
    plant: 'txn.delete(path, node);',
    setting: 'reaping',
  },
  {
    bug: 'who has proved himself by SASL has no identity',
    find: "caller.addAuthIds(withSuper('sasl', step.username, options.superUser));",
    plant: '',
    setting: 'sasl',
  },
  {
    bug: 'auth in an ACL does not stand for SASL',
    find: 'authenticate: () => null,\n      isValid: isSaslName,\n      matches: (aclId, id) => aclId === id,\n      isAuthenticated: true,',
    plant:
      'authenticate: () => null,\n      isValid: isSaslName,\n      matches: (aclId, id) => aclId === id,\n      isAuthenticated: false,',
    setting: 'sasl',
  },
  {
    bug: 'the password is not looked at',
    find: "if (clientProof(input) !== response.response) return { kind: 'refused' };",
    plant: '',
    setting: 'sasl',
  },
  {
    bug: 'another exchange of SASL may follow',
    find: 'this.over = true;\n    return this.judge(token, this.nonce);',
    plant: 'const { nonce } = this; this.nonce = null; return this.judge(token, nonce);',
    setting: 'sasl',
  },
  {
    bug: 'a nonce is good for another use',
    find: 'nc === FIRST_USE &&',
    plant: '',
    setting: 'sasl',
  },
  {
    bug: 'a certificate gives no identity',
    find: "this.addAuthIds(withSuper('x509', subject, host.state.options.superUser));",
    plant: '',
    setting: 'tls',
  },
  {
    bug: 'a subject is written from its beginning',
    find: "    .reverse()\n    .join(',');",
    plant: "    .join(',');",
    setting: 'tls',
  },
  {
    bug: 'where an identity is demanded a ping is answered without',
    find: 'if (!this.isAuthenticated()) {',
    plant: 'if (type !== operations.ping.code && !this.isAuthenticated()) {',
    setting: 'demanded',
  },
  {
    bug: 'where an identity is demanded the connection goes on after the refusal',
    find: 'this.refuse(xid, 0n, Errno.SessionClosedRequireSaslAuth);\n      this.caller.closeAfterReply();',
    plant: 'this.refuse(xid, 0n, Errno.SessionClosedRequireSaslAuth);',
    setting: 'demanded',
  },
  {
    bug: 'of several schemes that are demanded the last alone counts',
    find: 'this.caller.authIds.some(({ scheme }) => demanded.includes(scheme))',
    plant: 'this.caller.authIds.some(({ scheme }) => demanded.at(-1) === scheme)',
    setting: 'demanded',
  },
  {
    bug: 'where SASL is demanded its refusal has the ordinary code',
    find: "options.enforcedAuthSchemes.includes('sasl') ? 'SessionClosedRequireSaslAuth' : 'AuthFailed',",
    plant: "'AuthFailed',",
    setting: 'saslDemanded',
  },
  {
    bug: 'children are counted beyond the highest number',
    find: 'if (had > creates) {',
    plant: 'if (had !== creates) {',
    setting: 'wrap',
  },
  {
    bug: 'a multi gives the highest number twice',
    find: 'if (count < parent.creates) this.counts.set(parent, count);',
    plant: '',
    setting: 'wrap',
  },
  {
    bug: 'a hard limit is one less than it says',
    find: '+ more > most',
    plant: '+ more >= most',
    setting: 'quotas',
  },
  {
    bug: 'a multi is held against what it adds itself',
    find: 'this.before.get(stats) ?? stats.data',
    plant: 'stats.data',
    setting: 'quotas',
  },
  {
    bug: 'of two quotas the outer one counts',
    find: "for (let at = path; at !== '/'; at = parentPath(at)) {\n      if (this.tree.get(ROOT + at + LIMITS) !== undefined) return at === '/zookeeper' ? null : at;\n    }\n    return null;",
    plant:
      "let last: string | null = null; for (let at = path; at !== '/'; at = parentPath(at)) {\n      if (this.tree.get(ROOT + at + LIMITS) !== undefined) last = at;\n    }\n    return last;",
    setting: 'quotas',
  },
  {
    bug: 'a limit of bytes is held against nodes that go',
    find: 'return this.add(path, -node.dataLength, -1);',
    plant: 'return this.add(path, 0, -1);',
    setting: 'quotas',
  },
];
