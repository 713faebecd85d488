import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  checkAcl,
  checkAuth,
  checkCreate,
  checkVersion,
  toData,
  type CreateOptions,
  type ZnodeData,
} from '../../../src/client/arguments.js';
import type { Conn } from '../../../src/client/conn.js';
import { op } from '../../../src/client/transaction.js';
import { CREATOR_ALL_ACL, OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { CREATE_FLAGS, MAX_TTL_MS } from '../../../src/protocol/constants.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPathError,
  RequestTooLargeError,
  UsageError,
  ZkError,
} from '../../../src/protocol/errors.js';
import type { Acl } from '../../../src/protocol/records.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../../support/scripted-server.js';

const WHERE = { op: 'theOp', path: '/the/path' };

function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it was accepted');
}

/** An InvalidArgumentError with its context. */
function expectRefused(run: () => unknown, where: object = WHERE): void {
  const error = refusal(run);
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error).toMatchObject({
    code: 'ZK_INVALID_ARGUMENT',
    outcome: 'not-sent',
    retryable: false,
    ...where,
  });
}

describe('data', () => {
  it('is bytes, text or null', () => {
    const bytes = new Uint8Array([1, 2]);
    const data = (value: unknown): unknown => toData(value, 'set', '/a');
    expect(data(null)).toBeNull();
    expect(data(bytes)).toBe(bytes);
    expect(data(Buffer.alloc(0))).toHaveLength(0);
    expect(data('')).toEqual(Buffer.alloc(0));
    expect(data('ä€😀')).toEqual(Buffer.from('c3a4e282acf09f9880', 'hex'));
  });

  it.each([
    undefined,
    0,
    true,
    {},
    [],
    [1, 2],
    new ArrayBuffer(2),
    new Uint16Array(2),
    new DataView(new ArrayBuffer(2)),
    Symbol('x'),
    1n,
  ])('is not %s', (value) => expectRefused(() => toData(value, WHERE.op, WHERE.path)));

  it('is no text that would be stored as another one', () => {
    expectRefused(() => toData('half a pair: \ud83d', WHERE.op, WHERE.path));
  });
});

describe('a version', () => {
  it.each([-1, 0, 1, 0x7fffffff, -0])('may be %d', (version) => {
    expect(() => checkVersion(version, 'set', '/a')).not.toThrow();
  });

  it.each([
    -2,
    0x80000000,
    1.5,
    NaN,
    Infinity,
    -Infinity,
    '1',
    null,
    undefined,
    1n,
    {},
    [1],
    true,
    Symbol('x'),
  ])('may not be %s', (version) => expectRefused(() => checkVersion(version, WHERE.op, WHERE.path)));
});

describe('an ACL', () => {
  const entry = { perms: 31, scheme: 'world', id: 'anyone' };

  it.each([
    ['one entry', [entry]],
    ['no permission', [{ ...entry, perms: 0 }]],
    ['an empty id', [{ ...entry, id: '' }]],
    ['a constant', OPEN_ACL_UNSAFE],
    ['several entries', [entry, { ...entry, scheme: 'ip', id: '10.0.0.0/8' }]],
  ])('may have %s', (_, acl) => {
    expect(() => checkAcl(acl, 'create', '/a')).not.toThrow();
  });

  it.each([
    ['null', null],
    ['an object', entry],
    ['text', 'world:anyone:cdrwa'],
    ['an empty list', []],
    ['null in a list', [null]],
    ['text in a list', ['world']],
    ['a hole in a list', Array.of<unknown>(entry).concat(new Array(1))],
    ['no perms', [{ scheme: 'world', id: 'anyone' }]],
    ['perms of 32', [{ ...entry, perms: 32 }]],
    ['negative perms', [{ ...entry, perms: -1 }]],
    ['perms with a fraction', [{ ...entry, perms: 1.5 }]],
    ['perms as text', [{ ...entry, perms: 'cdrwa' }]],
    ['no scheme', [{ perms: 1, id: 'a' }]],
    ['an empty scheme', [{ ...entry, scheme: '' }]],
    ['half a character in the scheme', [{ ...entry, scheme: '\ud800' }]],
    ['no id', [{ perms: 1, scheme: 'world' }]],
    ['a null id', [{ ...entry, id: null }]],
    ['half a character in the id', [{ ...entry, id: 'x\udc00' }]],
    ['a bad entry behind a good one', [entry, { ...entry, perms: 99 }]],
  ])('may not be or have %s', (_, acl) => {
    expectRefused(() => checkAcl(acl, WHERE.op, WHERE.path));
  });
});

describe('options of create', () => {
  const resolve = (options: unknown) => checkCreate(options, WHERE.op, WHERE.path);

  it.each([undefined, {}, { mode: undefined, acl: undefined, ttlMs: undefined }])(
    'have defaults: %j',
    (options) => {
      expect(resolve(options)).toEqual({ flags: 0, acl: OPEN_ACL_UNSAFE, ttlMs: null });
    },
  );

  it('know every mode', () => {
    for (const [mode, flags] of Object.entries(CREATE_FLAGS)) {
      const ttl = mode.endsWith('_TTL');
      expect(resolve(ttl ? { mode, ttlMs: 1 } : { mode })).toMatchObject({ flags, ttlMs: ttl ? 1 : null });
    }
  });

  it.each(['persistent', '', 'EPHEMERAL_WITH_TTL', 0, 1, {}, true, 'toString', '__proto__'])(
    'know no mode %s',
    (mode) => expectRefused(() => resolve({ mode })),
  );

  it.each([1, MAX_TTL_MS])('take %d ms to live', (ttlMs) => {
    expect(resolve({ mode: 'PERSISTENT_WITH_TTL', ttlMs })).toMatchObject({ ttlMs });
  });

  it.each([0, -1, MAX_TTL_MS + 1, 1.5, NaN, Infinity, '1', null, undefined, 1n])(
    'do not take %s ms to live',
    (ttlMs) => expectRefused(() => resolve({ mode: 'PERSISTENT_SEQUENTIAL_WITH_TTL', ttlMs })),
  );

  it.each(['PERSISTENT', 'EPHEMERAL', 'CONTAINER', undefined])('take no time to live for mode %s', (mode) =>
    expectRefused(() => resolve({ mode, ttlMs: 1 })),
  );

  it('carry the ACL', () => {
    expect(resolve({ acl: CREATOR_ALL_ACL }).acl).toEqual(CREATOR_ALL_ACL);
    expectRefused(() => resolve({ acl: [] }));
  });

  it('do not open a node to everybody because its ACL is null by mistake', () => {
    expectRefused(() => resolve({ acl: null }));
  });

  it.each([{ ttl: 1 }, { Mode: 'EPHEMERAL' }, { ephemeral: true }])('have no other key: %j', (options) => {
    const error = refusal(() => resolve(options));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ code: 'ZK_INVALID_OPTION', outcome: 'not-sent' });
  });

  it.each(['EPHEMERAL', 5, [], true])('are an object, not %j', (options) => {
    expect(refusal(() => resolve(options))).toBeInstanceOf(InvalidOptionError);
  });
});

describe('a credential', () => {
  it('is a scheme and a secret, of which a copy is kept', () => {
    expect(checkAuth('digest', 'u:ä')).toEqual(Buffer.from('u:ä'));
    const bytes = new Uint8Array([1, 2]);
    const kept = checkAuth('x', bytes);
    bytes.fill(9);
    expect(kept).toEqual(Buffer.from([1, 2]));
    expect(checkAuth('ip', '')).toHaveLength(0);
  });

  it.each([
    ['', 'x'],
    [1, 'x'],
    [null, 'x'],
    ['\ud800', 'x'],
    ['digest', 1],
    ['digest', null],
    ['digest', undefined],
    ['digest', ['u:p']],
    ['digest', 'u:\ud800'],
  ])('is not %s, %s', (scheme, auth) =>
    expectRefused(() => checkAuth(scheme, auth), { op: 'auth', path: undefined }),
  );

  it('never stands in the error', () => {
    expect((refusal(() => checkAuth('digest', 's3cret\ud800')) as Error).message).not.toContain('s3cret');
  });
});

// ---------------------------------------------------------------- through a Conn

type PathMethod = (conn: Conn, path: string) => Promise<unknown>;

/** Every method that takes a path, with the operation's name as its error gives it. */
const PATH_METHODS: Record<string, readonly [opName: string, call: PathMethod]> = {
  get: ['getData', (c, p) => c.get(p)],
  getW: ['getData', (c, p) => c.getW(p)],
  exists: ['exists', (c, p) => c.exists(p)],
  existsW: ['exists', (c, p) => c.existsW(p)],
  children: ['getChildren2', (c, p) => c.children(p)],
  childrenW: ['getChildren2', (c, p) => c.childrenW(p)],
  getAcl: ['getACL', (c, p) => c.getAcl(p)],
  sync: ['sync', (c, p) => c.sync(p)],
  create: ['create', (c, p) => c.create(p)],
  'create, container': ['createContainer', (c, p) => c.create(p, null, { mode: 'CONTAINER' })],
  'create, ttl': ['createTTL', (c, p) => c.create(p, null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1 })],
  createWithStat: ['create2', (c, p) => c.createWithStat(p)],
  set: ['setData', (c, p) => c.set(p, null)],
  delete: ['delete', (c, p) => c.delete(p)],
  setAcl: ['setACL', (c, p) => c.setAcl(p, OPEN_ACL_UNSAFE)],
  ensurePath: ['ensurePath', (c, p) => c.ensurePath(p)],
  deleteRecursive: ['deleteRecursive', (c, p) => c.deleteRecursive(p)],
  'call getData': ['getData', (c, p) => c.call('getData', { path: p, watch: false })],
  'call create': [
    'create',
    (c, p) => c.call('create', { path: p, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }),
  ],
  'call delete': ['delete', (c, p) => c.call('delete', { path: p, version: -1 })],
};

const BAD_PATHS: unknown[] = [
  '',
  'a',
  'a/b',
  '/a/',
  '/a//b',
  '//',
  '/a/./b',
  '/a/../b',
  '/.',
  '/\u0000',
  '/a\u0000b',
  '/\u001f',
  '/\u007f',
  '/\ud800',
  '/😀',
  '/\ue000',
  '/\uffff',
  undefined,
  null,
  42,
  {},
  ['/a'],
  true,
  Symbol('/a'),
  new String('/a'),
];

/** Calls with something wrong but the path. */
const BAD_CALLS: Record<string, (conn: Conn) => Promise<unknown>> = {
  'set, version': (c) => c.set('/a', null, -2),
  'set, no version': (c) => c.set('/a', null, null as unknown as number),
  'set, data': (c) => c.set('/a', undefined as unknown as null),
  'set, number': (c) => c.set('/a', 5 as unknown as null),
  'delete, version': (c) => c.delete('/a', 1.5),
  'create, data': (c) => c.create('/a', {} as unknown as ZnodeData),
  'create, mode': (c) => c.create('/a', null, { mode: 'X' } as unknown as CreateOptions),
  'create, ttl': (c) => c.create('/a', null, { ttlMs: 5 }),
  'create, acl': (c) => c.create('/a', null, { acl: [] }),
  'createWithStat, key': (c) => c.createWithStat('/a', null, { ephemeral: true } as CreateOptions),
  'setAcl, acl': (c) => c.setAcl('/a', []),
  'setAcl, no acl': (c) => c.setAcl('/a', undefined as unknown as Acl[]),
  'setAcl, version': (c) => c.setAcl('/a', OPEN_ACL_UNSAFE, 2 ** 31),
  'ensurePath, acl': (c) => c.ensurePath('/a/b', { acl: [] }),
  'ensurePath, key': (c) => c.ensurePath('/a/b', { mode: 'EPHEMERAL' } as object),
  'addAuth, scheme': (c) => c.addAuth('', 'x'),
  'addAuth, secret': (c) => c.addAuth('digest', 1 as unknown as string),
  'connect, timeout': (c) => c.connect({ timeoutMs: -1 }),
  'connect, too long': (c) => c.connect({ timeoutMs: 2 ** 31 }),
  'connect, text': (c) => c.connect({ timeoutMs: '1' as unknown as number }),
  'connect, key': (c) => c.connect({ timeout: 1 } as object),
  'connect, number': (c) => c.connect(5 as unknown as object),
  'multi, no list': (c) => c.multi('x' as unknown as []),
  'multi, null': (c) => c.multi([null] as unknown as []),
  'multi, made by hand': (c) =>
    c.multi([{ path: '/a', request: () => ({}), shape: () => 1 }] as unknown as []),
  'multi, a hole': (c) => c.multi(new Array(1) as unknown as []),
  'multi, a promise': (c) => c.multi([Promise.resolve()] as unknown as []),
  'call, no name': (c) => c.call(undefined as unknown as 'sync', { path: '/' }),
  'call, symbol': (c) => c.call(Symbol('sync') as unknown as 'sync', { path: '/' }),
  'call, unknown': (c) => c.call('getdata' as 'getData', { path: '/', watch: false }),
  'call, inherited': (c) => c.call('toString' as 'getData', { path: '/', watch: false }),
  'call, session': (c) => c.call('closeSession' as 'sync', { path: '/' }),
  'call, only in a multi': (c) => c.call('check' as 'delete', { path: '/a', version: 1 }),
  'call, no request': (c) => c.call('getData', undefined as unknown as { path: string; watch: boolean }),
  'call, null': (c) => c.call('getData', null as unknown as { path: string; watch: boolean }),
  'call, multi': (c) => c.call('multi' as 'sync', { path: '/' }),
  'call, a watch': (c) => c.call('getData', { path: '/', watch: true }),
};

describe('through a Conn', () => {
  const server = new ScriptedServer();
  let conn: Conn;

  beforeAll(async () => {
    // deleteRecursive loads it when it needs it, which takes a while the first time
    await import('p-queue');
  });

  beforeEach(async () => {
    conn = await server.connected({ maxRequestBytes: 1000 });
    server.link.take();
  });

  afterEach(async () => {
    await server.close(conn);
  });

  /** Makes a call that must neither throw nor write. */
  async function refused(call: () => Promise<unknown>): Promise<ZkError> {
    const writes = server.link.written.length;
    const outcome = watchOutcome(call());
    for (let i = 0; i < 20 && outcome.current === undefined; i++) await settle();
    expect(server.link.written).toHaveLength(writes);
    expect(conn.state).toBe('SyncConnected');
    const { error } = outcome.current as { error: unknown };
    expect(error).toBeInstanceOf(ZkError);
    return error as ZkError;
  }

  describe.each(Object.entries(PATH_METHODS))('%s', (_, [opName, call]) => {
    it.each(BAD_PATHS)('rejects the path %j', async (path) => {
      const error = await refused(() => call(conn, path as string));
      expect(error).toBeInstanceOf(InvalidPathError);
      expect(error).toMatchObject({
        code: 'ZK_INVALID_PATH',
        op: opName,
        outcome: 'not-sent',
        retryable: false,
      });
      expect(error.path).toBe(typeof path === 'string' ? path : undefined);
    });

    it('rejects when it is too long', async () => {
      const path = `/${'x'.repeat(1000)}`;
      const error = await refused(() => call(conn, path));
      expect(error).toBeInstanceOf(RequestTooLargeError);
      expect(error).toMatchObject({ code: 'ZK_REQUEST_TOO_LARGE', outcome: 'not-sent', path });
    });
  });

  it.each(Object.entries(BAD_CALLS))('rejects %s', async (_, call) => {
    const error = await refused(() => call(conn));
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ outcome: 'not-sent', retryable: false });
  });

  it('lets a sequential node have an empty name, and no other', async () => {
    const done = conn.create('/a/', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    await settle();
    const seen = server.link.takeOne();
    expect(seen.request).toMatchObject({ path: '/a/', flags: 3 });
    await server.link.answer(seen, { path: '/a/0000000001' });
    expect(await done).toBe('/a/0000000001');
    await refused(() => conn.create('/a/', null, { mode: 'EPHEMERAL' }));
    await refused(() => conn.create('a/', null, { mode: 'EPHEMERAL_SEQUENTIAL' }));
    await refused(() => conn.create('/a//', null, { mode: 'EPHEMERAL_SEQUENTIAL' }));
  });

  it.each([
    ['delete', (c: Conn) => c.delete('/')],
    ['deleteRecursive', (c: Conn) => c.deleteRecursive('/')],
  ])('refuses to %s the root', async (name, call) => {
    expect(await refused(() => call(conn))).toMatchObject({ code: 'ZK_INVALID_PATH', op: name, path: '/' });
  });

  it('refuses a request that is one byte too long, and takes the longest', async () => {
    // xid, type, path with its length, length of the data, version
    const room = 1000 - 8 - 4 - 2 - 4 - 4;
    const error = await refused(() => conn.set('/a', Buffer.alloc(room + 1)));
    expect(error).toBeInstanceOf(RequestTooLargeError);
    expect(error).toMatchObject({ op: 'setData', path: '/a', outcome: 'not-sent' });
    const rejected = rejectionOf(conn.set('/a', Buffer.alloc(room)));
    await settle();
    await server.link.refuse(server.link.takeOne(), -101);
    expect(await rejected).toMatchObject({ code: 'ZK_NO_NODE' });
  });

  it('refuses a multi that is too long as a whole', async () => {
    const list = Array.from({ length: 20 }, (_, i) => op.create(`/a${i}`, Buffer.alloc(100)));
    expect(await refused(() => conn.multi(list))).toMatchObject({
      code: 'ZK_REQUEST_TOO_LARGE',
      op: 'multi',
    });
  });

  it('stores through the low-level door what it was given, or refuses it', async () => {
    const error = await refused(() =>
      conn.call('setData', { path: '/a', data: 'text' as unknown as Uint8Array, version: -1 }),
    );
    expect(error).toBeInstanceOf(UsageError);
  });

  it.each(['create', 'createWithStat', 'set', 'delete', 'check'] as const)('op.%s throws', (name) => {
    const make = op[name] as (path: unknown, ...more: unknown[]) => unknown;
    for (const path of BAD_PATHS) expect(refusal(() => make(path, null))).toBeInstanceOf(InvalidPathError);
  });

  it('op checks everything else too', () => {
    expectRefused(() => op.set('/a', 5 as unknown as null), { op: 'setData', path: '/a' });
    expectRefused(() => op.set('/a', null, -2), { op: 'setData', path: '/a' });
    expectRefused(() => op.delete('/a', 0.5), { op: 'delete', path: '/a' });
    expectRefused(() => op.check('/a', 2 ** 31), { op: 'check', path: '/a' });
    expectRefused(() => op.create('/a', null, { acl: [] }), { op: 'create', path: '/a' });
    expectRefused(() => op.createWithStat('/a', null, { ttlMs: 1 }), { op: 'create2', path: '/a' });
    expect(refusal(() => op.delete('/'))).toBeInstanceOf(InvalidPathError);
  });
});
