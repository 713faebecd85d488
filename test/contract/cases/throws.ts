/** Every error that a row of the operation table says its operation may be answered with. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, digestAcl } from '../../../src/index.js';
import { WatcherTypeCode } from '../../../src/protocol/constants.js';
import { Errno, type ErrorName } from '../../../src/protocol/error-codes.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations, type OpName } from '../../../src/protocol/operations.js';
import { keeperError } from '../../../src/protocol/errors.js';
import type { RawClient } from '../../support/raw-client.js';
import { failure, type ContractTarget } from '../target.js';

type At = (path: string) => string;
/** Nodes: `/plain` with `/plain/child`, `/leaf`, `/ephemeral`, `/locked` with `/locked/child`. */
type Make = (at: At) => Record<string, unknown>;

const created = { data: null, acl: OPEN_ACL_UNSAFE };

function creations(rest: Record<string, unknown>): Partial<Record<ErrorName, Make>> {
  const node = (path: string, more = {}) => ({ ...created, ...rest, path, ...more });
  return {
    NoNode: (at) => node(at('/none/x')),
    NodeExists: (at) => node(at('/leaf')),
    NoAuth: (at) => node(at('/locked/x')),
    InvalidAcl: (at) => node(at('/x'), { acl: [{ perms: 31, scheme: 'nonsense', id: '' }] }),
    NoChildrenForEphemerals: (at) => node(at('/ephemeral/x')),
    BadArguments: (at) => node(at('/..')),
  };
}

const reading: Partial<Record<ErrorName, Make>> = {
  NoNode: (at) => ({ path: at('/none'), watch: false }),
  NoAuth: (at) => ({ path: at('/locked'), watch: false }),
};

const byType: Partial<Record<ErrorName, Make>> = {
  NoWatcher: (at) => ({ path: at('/leaf'), type: WatcherTypeCode.Any }),
  Marshalling: (at) => ({ path: at('/leaf'), type: 6 }),
};

/** A request that gets the error. */
const PROVOKED: { readonly [K in OpName]?: Partial<Record<ErrorName, Make>> } = {
  create: creations({ flags: 0 }),
  create2: creations({ flags: 0 }),
  createContainer: creations({ flags: 4 }),
  createTTL: creations({ flags: 5, ttl: 3_600_000 }),
  delete: {
    NoNode: (at) => ({ path: at('/none'), version: -1 }),
    NotEmpty: (at) => ({ path: at('/plain'), version: -1 }),
    BadVersion: (at) => ({ path: at('/leaf'), version: 7 }),
    NoAuth: (at) => ({ path: at('/locked/child'), version: -1 }),
    BadArguments: () => ({ path: '/zookeeper', version: -1 }),
  },
  exists: reading,
  getData: reading,
  getChildren: reading,
  getChildren2: reading,
  getACL: {
    NoNode: (at) => ({ path: at('/none') }),
    NoAuth: (at) => ({ path: at('/locked') }),
  },
  setData: {
    NoNode: (at) => ({ path: at('/none'), data: null, version: -1 }),
    BadVersion: (at) => ({ path: at('/leaf'), data: null, version: 7 }),
    NoAuth: (at) => ({ path: at('/locked'), data: null, version: -1 }),
  },
  setACL: {
    NoNode: (at) => ({ path: at('/none'), acl: OPEN_ACL_UNSAFE, version: -1 }),
    BadVersion: (at) => ({ path: at('/leaf'), acl: OPEN_ACL_UNSAFE, version: 7 }),
    NoAuth: (at) => ({ path: at('/locked'), acl: OPEN_ACL_UNSAFE, version: -1 }),
    InvalidAcl: (at) => ({ path: at('/leaf'), acl: [{ perms: 1, scheme: 'world', id: 'x' }], version: -1 }),
  },
  check: {
    NoNode: (at) => ({ path: at('/none'), version: -1 }),
    BadVersion: (at) => ({ path: at('/leaf'), version: 7 }),
    NoAuth: (at) => ({ path: at('/locked'), version: -1 }),
  },
  multi: {
    Marshalling: (at) => ({ ops: [{ op: operations.exists, request: { path: at('/leaf'), watch: false } }] }),
  },
  multiRead: {
    Marshalling: (at) => ({ ops: [{ op: operations.exists, request: { path: at('/leaf'), watch: false } }] }),
  },
  getAllChildrenNumber: {
    NoNode: (at) => ({ path: at('/none') }),
    NoAuth: (at) => ({ path: at('/locked') }),
  },
  addWatch: { Marshalling: (at) => ({ path: at('/leaf'), mode: 2 }) },
  checkWatches: byType,
  removeWatches: byType,
  reconfig: {
    ReconfigDisabled: () => ({
      joiningServers: null,
      leavingServers: '1',
      newMembers: null,
      curConfigId: -1n,
    }),
  },
  auth: { AuthFailed: () => ({ type: 0, scheme: 'nonsense', auth: Buffer.alloc(0) }) },
};

const RECONFIG = 'needs an ensemble with reconfigEnabled=true';

/** Errors that no request gets from a server as both targets are set up. */
const OUT_OF_REACH: Partial<Record<ErrorName, string>> = {
  QuotaExceeded: 'needs zookeeper.enforceQuota=true on the server',
  Unimplemented: 'needs extendedTypesEnabled=false on the server',
};

/** The same of a single operation. */
const OUT_OF_REACH_OF: { readonly [K in OpName]?: Partial<Record<ErrorName, string>> } = {
  reconfig: {
    NoAuth: RECONFIG,
    BadVersion: RECONFIG,
    BadArguments: RECONFIG,
    ReconfigInProgress: RECONFIG,
    NewConfigNoQuorum: RECONFIG,
  },
  sasl: { AuthFailed: 'needs a SASL login module on the server' },
};

const ROWS = Object.values(operations) as AnyOp[];
const PAIRS = ROWS.flatMap((row) =>
  row.throws
    .filter((name) => OUT_OF_REACH[name] === undefined)
    .filter((name) => OUT_OF_REACH_OF[row.name as OpName]?.[name] === undefined)
    .map((name) => ({ op: row.name as OpName, name, row })),
);

export function throws(target: ContractTarget): void {
  const at: At = (path) => target.at(path);

  async function prepare(): Promise<void> {
    const { admin } = target;
    for (const path of ['/plain', '/plain/child', '/leaf', '/locked', '/locked/child']) {
      await admin.create(at(path));
    }
    for (const path of ['/locked', '/locked/child']) await admin.setAcl(at(path), [digestAcl(31, 'a:b')]);
    await admin.create(at('/ephemeral'), null, { mode: 'EPHEMERAL' });
  }

  /** The error of a request that is sent as it is; that of `check` inside a multi. */
  async function errnoOf(client: RawClient, row: AnyOp, request: unknown): Promise<number> {
    if (row !== operations.check) return (await client.call(row.name as OpName, request as never)).errno;
    const reply = await client.call('multi', { ops: [{ op: row, request }] });
    return reply.response!.results[0]!.errno;
  }

  /** Does 3.8 answer where 3.9 refuses? */
  const isPermitted = (op: OpName, name: ErrorName): boolean =>
    op === 'exists' && name === 'NoAuth' && !target.facts.existsNeedsRead;

  describe('the errors of the operation table', () => {
    it.each(PAIRS)('$op: $name', async ({ op, name, row }) => {
      await prepare();
      const make = PROVOKED[op]?.[name];
      if (make === undefined) throw new Error(`no request is known that gets ${name} from ${op}`);
      const request = make(at);
      const errno = isPermitted(op, name) ? 0 : Errno[name];
      const client = await target.raw();
      expect(await errnoOf(client, row, request)).toBe(errno);
      // the same through a Conn, unless that would not even send it
      if (row.use !== 'call' || name === 'BadArguments' || errno === 0) return;
      const conn = await target.connect();
      const error = await failure(conn.call(op as 'getData', request as never));
      expect(error.constructor).toBe(keeperError(errno, { outcome: 'rejected' }).constructor);
      expect(error).toMatchObject({ errno, op, outcome: 'rejected' });
    });
  });
}
