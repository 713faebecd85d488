/** Reads snapshots: checks every part, and fills in what is left out. */
import { OPEN_ACL_UNSAFE } from '../protocol/acls.js';
import { MAX_INT, MAX_TTL_MS } from '../protocol/constants.js';
import { parentPath, pathProblem } from '../protocol/paths.js';
import type { Acl } from '../protocol/records.js';
import { DataNode, DataTree, PERSISTENT, type Lifetime } from './data-tree.js';
import { SnapshotError } from './errors.js';
import { FORMAT, FORMAT_VERSION, type SnapshotNode } from './snapshot.js';

/** What a snapshot says, checked and complete. */
export interface ParsedSnapshot {
  /** Parents before their children, and what was created first before what was created later. */
  readonly nodes: ReadonlyMap<string, DataNode>;
  readonly sessions: readonly ParsedSession[];
  readonly lastZxid: bigint;
}

/** A session of a {@link ParsedSnapshot}. */
export interface ParsedSession {
  readonly id: bigint;
  readonly passwd: Buffer;
  readonly timeoutMs: number;
}

/**
 * Checks a snapshot and fills in what it leaves out.
 * @param wallMs time of day for nodes that have none
 * @throws {@link SnapshotError} that names the place
 */
export function parseSnapshot(value: unknown, wallMs: number): ParsedSnapshot {
  const top = fields(value, 'it', ['format', 'version', 'lastZxid', 'nodes', 'sessions']);
  if (top['format'] !== FORMAT) throw new SnapshotError(`its format is not "${FORMAT}"`);
  if (top['version'] !== FORMAT_VERSION) {
    throw new SnapshotError(`its version is ${shown(top['version'])}, and only ${FORMAT_VERSION} is known`);
  }
  const sessions = list(top['sessions'] ?? [], 'sessions').map(readSession);
  const owners = new Set(sessions.map(({ id }) => id));
  if (owners.size < sessions.length) throw new SnapshotError('a session is there twice');
  const given = new Map<string, Given>();
  for (const [i, entry] of list(top['nodes'], 'nodes').entries()) {
    const node = readNode(entry, `nodes[${i}]`, owners);
    if (given.has(node.path)) throw new SnapshotError(`nodes[${i}]: ${node.path} is there twice`);
    given.set(node.path, node);
  }
  const lastZxid = top['lastZxid'] === undefined ? 0n : zxid(top['lastZxid'], 'lastZxid');
  return new Completion(given, lastZxid, wallMs, sessions).done();
}

/** A node of the file; `undefined` is what it does not say. */
interface Given {
  readonly path: string;
  readonly data: Buffer | null;
  readonly acl: readonly Acl[];
  readonly lifetime: Lifetime;
  readonly czxid?: bigint | undefined;
  readonly mzxid?: bigint | undefined;
  readonly pzxid?: bigint | undefined;
  readonly ctime?: number | undefined;
  readonly mtime?: number | undefined;
  readonly version: number;
  readonly aversion: number;
  readonly creates?: number | undefined;
}

/** Makes nodes of what is given, together with what every tree has. */
class Completion {
  private readonly fresh = new DataTree();
  private readonly nodes = new Map<string, DataNode>();
  /** Children that the file does not count for their parents. */
  private readonly kin = new Map<string, { creates: number; pzxid: bigint }>();

  constructor(
    private readonly given: ReadonlyMap<string, Given>,
    private lastZxid: bigint,
    private readonly wallMs: number,
    private readonly sessions: readonly ParsedSession[],
  ) {
    for (const { czxid = 0n, mzxid = 0n, pzxid = 0n } of given.values()) {
      for (const each of [czxid, mzxid, pzxid]) if (each > this.lastZxid) this.lastZxid = each;
    }
  }

  done(): ParsedSnapshot {
    for (const path of this.fresh.paths()) this.make(path);
    // who has no zxid was created behind those who have one
    const entries = [...this.given.values()].sort((a, b) => order(a, b));
    for (const { path } of entries) this.make(path);
    for (const [path, { creates, pzxid }] of this.kin) {
      const parent = this.nodes.get(path);
      const own = this.given.get(path);
      if (parent === undefined) continue;
      if (own?.creates === undefined) parent.creates = (parent.creates + creates) | 0;
      if (own?.pzxid === undefined && pzxid > parent.pzxid) parent.pzxid = pzxid;
    }
    if (this.lastZxid >= MAX_ZXID) throw new SnapshotError('its zxids leave none for the next change');
    return { nodes: this.nodes, sessions: this.sessions, lastZxid: this.lastZxid };
  }

  /** Makes a node, and first those above it that there are not yet. A loop, because a path has no end of parts. */
  private make(path: string): void {
    const missing: string[] = [];
    for (let at = path; !this.nodes.has(at); at = parentPath(at)) {
      missing.push(at);
      if (at === '/') break;
    }
    for (const each of missing.reverse()) this.makeOne(each);
  }

  private makeOne(path: string): void {
    if (path !== '/') {
      const parent = parentPath(path);
      if (this.nodes.get(parent)?.lifetime.kind === 'ephemeral') {
        throw new SnapshotError(`${path} stands below ${parent}, which is ephemeral`);
      }
    }
    const special = this.fresh.get(path);
    const node = this.complete(this.given.get(path), special);
    this.nodes.set(path, node);
    if (special !== undefined) return;
    const kin = this.kin.get(parentPath(path)) ?? { creates: 0, pzxid: 0n };
    kin.creates++;
    if (node.czxid > kin.pzxid) kin.pzxid = node.czxid;
    this.kin.set(parentPath(path), kin);
  }

  /** @param special the node as a fresh tree has it, if it does */
  private complete(given: Given | undefined, special: DataNode | undefined): DataNode {
    if (given === undefined && special !== undefined) {
      const { data, acl, lifetime, czxid, ctime, aversion } = special;
      return Object.assign(new DataNode(data, acl, lifetime, czxid, ctime), { aversion });
    }
    const czxid = given?.czxid ?? special?.czxid ?? ++this.lastZxid;
    const ctime = given?.ctime ?? special?.ctime ?? this.wallMs;
    const { data = Buffer.alloc(0), acl = OPEN_ACL_UNSAFE, lifetime = PERSISTENT } = given ?? {};
    return Object.assign(new DataNode(data, acl, lifetime, czxid, ctime), {
      mzxid: given?.mzxid ?? czxid,
      mtime: given?.mtime ?? ctime,
      pzxid: given?.pzxid ?? czxid,
      version: given?.version ?? 0,
      aversion: given?.aversion ?? 0,
      creates: given?.creates ?? 0,
    });
  }
}

function order(a: Given, b: Given): number {
  if (a.czxid !== b.czxid) {
    if (a.czxid === undefined) return 1;
    if (b.czxid === undefined) return -1;
    return a.czxid < b.czxid ? -1 : 1;
  }
  return a.path < b.path ? -1 : 1;
}

const NODE_KEYS: { readonly [K in keyof Required<SnapshotNode>]: true } = {
  path: true,
  text: true,
  data: true,
  acl: true,
  czxid: true,
  mzxid: true,
  pzxid: true,
  ctime: true,
  mtime: true,
  version: true,
  aversion: true,
  creates: true,
  owner: true,
  container: true,
  ttlMs: true,
};

function readNode(value: unknown, where: string, owners: ReadonlySet<bigint>): Given {
  const node = fields(value, where, Object.keys(NODE_KEYS));
  const { path } = node;
  if (typeof path !== 'string') throw new SnapshotError(`${where}.path must be a path, not ${shown(path)}`);
  const problem = pathProblem(path);
  if (problem !== null) throw new SnapshotError(`${where}.path: ${problem}`);
  const at = `${where} (${path})`;
  const opt = <T>(key: keyof SnapshotNode, read: (given: unknown, name: string) => T): T | undefined =>
    node[key] === undefined ? undefined : read(node[key], `${at}: ${key}`);
  return {
    path,
    data: readData(node, at),
    acl: opt('acl', readAcl) ?? OPEN_ACL_UNSAFE,
    lifetime: readLifetime(node, path, at, owners),
    czxid: opt('czxid', zxid),
    mzxid: opt('mzxid', zxid),
    pzxid: opt('pzxid', zxid),
    ctime: opt('ctime', time),
    mtime: opt('mtime', time),
    version: opt('version', int) ?? 0,
    aversion: opt('aversion', int) ?? 0,
    creates: opt('creates', int),
  };
}

function readData({ text, data }: Record<string, unknown>, at: string): Buffer | null {
  if (text !== undefined && data !== undefined) throw new SnapshotError(`${at}: text or data, not both`);
  if (text !== undefined) {
    if (typeof text !== 'string') throw new SnapshotError(`${at}: text must be text, not ${shown(text)}`);
    return Buffer.from(text, 'utf8');
  }
  if (data === null) return null;
  return data === undefined ? Buffer.alloc(0) : base64(data, `${at}: data`);
}

function readLifetime(
  { owner, container, ttlMs }: Record<string, unknown>,
  path: string,
  at: string,
  owners: ReadonlySet<bigint>,
): Lifetime {
  if (container !== undefined && typeof container !== 'boolean') {
    throw new SnapshotError(`${at}: container must be true or false`);
  }
  const kinds = [owner !== undefined, container === true, ttlMs !== undefined].filter(Boolean).length;
  if (kinds > 1) throw new SnapshotError(`${at}: owner, container and ttlMs exclude one another`);
  if (kinds === 1 && new DataTree().get(path) !== undefined) {
    throw new SnapshotError(`${at}: this node cannot be ephemeral, a container or a TTL node`);
  }
  if (owner !== undefined) {
    const id = zxid(owner, `${at}: owner`);
    if (!owners.has(id)) throw new SnapshotError(`${at}: there is no session ${shown(owner)}`);
    return { kind: 'ephemeral', owner: id };
  }
  if (ttlMs === undefined) return container === true ? { kind: 'container' } : PERSISTENT;
  if (!Number.isInteger(ttlMs) || (ttlMs as number) < 1 || (ttlMs as number) > MAX_TTL_MS) {
    throw new SnapshotError(`${at}: ttlMs must be a whole number from 1 to ${MAX_TTL_MS}`);
  }
  return { kind: 'ttl', ttlMs: ttlMs as number };
}

function readAcl(value: unknown, name: string): readonly Acl[] {
  const entries = list(value, name).map((entry, i): Acl => {
    const { perms, scheme, id } = fields(entry, `${name}[${i}]`, ['perms', 'scheme', 'id']);
    if (typeof scheme !== 'string' || typeof id !== 'string') {
      throw new SnapshotError(`${name}[${i}] must be { perms, scheme, id }`);
    }
    // servers take bits in `perms` that mean nothing, and keep them
    return { perms: int(perms, `${name}[${i}].perms`), scheme, id };
  });
  if (entries.length === 0) throw new SnapshotError(`${name} must not be empty`);
  return entries;
}

function readSession(value: unknown, i: number): ParsedSession {
  const where = `sessions[${i}]`;
  const { id, passwd, timeoutMs } = fields(value, where, ['id', 'passwd', 'timeoutMs']);
  if (!Number.isInteger(timeoutMs) || (timeoutMs as number) < 1 || (timeoutMs as number) > MAX_INT) {
    throw new SnapshotError(`${where}.timeoutMs must be a number of ms`);
  }
  const sessionId = zxid(id, `${where}.id`);
  // as an owner it says that there is none
  if (sessionId === 0n) throw new SnapshotError(`${where}.id must not be 0`);
  return {
    id: sessionId,
    passwd: base64(passwd, `${where}.passwd`),
    timeoutMs: timeoutMs as number,
  };
}

// ---------------------------------------------------------------- values

const MAX_ZXID = 0x7fff_ffff_ffff_ffffn;

function fields(value: unknown, where: string, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new SnapshotError(`${where} must be an object, not ${shown(value)}`);
  }
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new SnapshotError(`${where} has ${shown(unknown)}, and only ${known.join(', ')} are known`);
  }
  return value as Record<string, unknown>;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new SnapshotError(`${where} must be an array, not ${shown(value)}`);
  return value;
}

function zxid(value: unknown, name: string): bigint {
  if (typeof value !== 'string' || !/^0x[0-9a-f]{1,16}$/i.test(value)) {
    throw new SnapshotError(`${name} must be a text such as "0x1f", not ${shown(value)}`);
  }
  return BigInt.asIntN(64, BigInt(value));
}

function int(value: unknown, name: string): number {
  if (!Number.isInteger(value) || (value as number) !== ((value as number) | 0)) {
    throw new SnapshotError(`${name} must be a whole number of 32 bits, not ${shown(value)}`);
  }
  return value as number;
}

function time(value: unknown, name: string): number {
  if (!Number.isSafeInteger(value)) {
    throw new SnapshotError(`${name} must be a whole number of ms, not ${shown(value)}`);
  }
  return value as number;
}

function base64(value: unknown, name: string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : null;
  if (bytes === null || bytes.toString('base64') !== value) {
    // perhaps a password: it is not shown
    throw new SnapshotError(`${name} must be base64`);
  }
  return bytes;
}

/** A value in a message, if it is short. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
