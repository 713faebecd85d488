/** Writes whose request or answer is lost on the way: the helpers that repeat them give the right answer. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BadVersionError,
  ConnectionLossError,
  CreateMode,
  InvalidArgumentError,
  NoNodeError,
  NodeExistsError,
  NotEmptyError,
  connect,
  exponentialBackoff,
  noRetry,
  sequenceOf,
  type Conn,
  type ConnOptions,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { LossyDialer, type Lost } from '../../support/lossy-dialer.js';
import { rejectionOf } from '../../support/scripted-server.js';

/** No time passes between attempts. */
const AT_ONCE = { retry: exponentialBackoff({ baseMs: 0, maxMs: 0 }) };

const PROTECTED = /^_c_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-/;

let server: MiniServer;
let link: LossyDialer;
let conn: Conn;
let other: Conn;

const open = (options?: ConnOptions): Promise<Conn> =>
  connect(server.connectString, { dialer: link.dial, backoff: { baseMs: 1, maxMs: 1 }, ...options });

beforeEach(async () => {
  server = await MiniServer.start({ extendedTypesEnabled: true });
  link = new LossyDialer();
  [conn, other] = await Promise.all([open(), connect(server.connectString)]);
});

afterEach(async () => {
  await Promise.all([conn.close(), other.close()]);
  await server.close();
});

const names = (path: string): readonly string[] => server.tree.get(path)?.children ?? [];
const textOf = (path: string): string | undefined => server.tree.get(path)?.data?.toString();

describe.each<Lost>(['request', 'answer'])('with the %s lost [E19]', (lost) => {
  it.each(Object.values(CreateMode))('createProtected makes one %s node, and names it', async (mode) => {
    await conn.create('/p');
    const ttl = mode.endsWith('TTL') ? { ttlMs: 1000 } : {};
    link.lose(mode === 'CONTAINER' ? 'createContainer' : mode.endsWith('TTL') ? 'createTTL' : 'create', lost);
    const path = await conn.createProtected('/p/n-', 'x', { mode, ...ttl, ...AT_ONCE });
    expect(link.done).toBe(true);
    expect(names('/p')).toEqual([path.slice(3)]);
    expect(path.slice(3)).toMatch(PROTECTED);
    expect(textOf(path)).toBe('x');
    const { ephemeralOwner } = (await conn.get(path)).stat;
    expect(ephemeralOwner).toBe(mode.startsWith('EPHEMERAL') ? conn.sessionId : 0n);
    if (mode.includes('SEQUENTIAL')) expect(sequenceOf(path)).toBe(0);
    else expect(path.endsWith('-n-')).toBe(true);
  });

  it.each(['EPHEMERAL', 'EPHEMERAL_SEQUENTIAL', 'PERSISTENT', 'PERSISTENT_SEQUENTIAL'] as const)(
    'and the session as well, createProtected makes one %s node that is ours (CURATOR-498)',
    async (mode) => {
      await conn.create('/p');
      const old = conn.sessionId;
      link.lose('create', lost);
      link.onCut = () => server.expireSession(old);
      const path = await conn.createProtected('/p/n-', 'x', { mode, ...AT_ONCE });
      expect(names('/p')).toEqual([path.slice(3)]);
      expect(conn.sessionId).not.toBe(old);
      const owner = server.tree.get(path)?.stat.ephemeralOwner;
      expect(owner).toBe(mode.startsWith('EPHEMERAL') ? conn.sessionId : 0n);
    },
  );

  it.each(['PERSISTENT', 'EPHEMERAL', 'CONTAINER'] as const)(
    'createIdempotent makes a %s node',
    async (mode) => {
      link.lose(mode === 'CONTAINER' ? 'createContainer' : 'create', lost);
      expect(await conn.createIdempotent('/a', 'x', { mode, ...AT_ONCE })).toBe('/a');
      expect(link.done).toBe(true);
      expect(textOf('/a')).toBe('x');
      expect(server.tree.get('/a')?.stat.version).toBe(0);
    },
  );

  it('setIdempotent sets once, where it is told a version', async () => {
    await conn.create('/a', 'x');
    link.lose('setData', lost);
    const stat = await conn.setIdempotent('/a', 'y', 0, AT_ONCE);
    expect([stat.version, textOf('/a')]).toEqual([1, 'y']);
    expect(stat).toEqual(await conn.exists('/a'));
  });

  it('setIdempotent sets at least once, where it is told none', async () => {
    await conn.create('/a', 'x');
    link.lose('setData', lost);
    const stat = await conn.setIdempotent('/a', null, -1, AT_ONCE);
    expect([stat.version, server.tree.get('/a')?.data]).toEqual([lost === 'answer' ? 2 : 1, null]);
  });

  it.each([0, -1])('deleteIdempotent deletes version %i', async (version) => {
    await conn.create('/a', 'x');
    link.lose('delete', lost);
    await conn.deleteIdempotent('/a', version, AT_ONCE);
    expect(server.tree.get('/a')).toBeUndefined();
  });

  it('a plain write is sent once, and says that nobody knows', async () => {
    link.lose('create', lost);
    const error = await rejectionOf(conn.create('/a'));
    expect(error).toBeInstanceOf(ConnectionLossError);
    expect(error).toMatchObject({ outcome: 'unknown', op: 'create', path: '/a' });
    await conn.sync('/');
    expect(link.seen.filter((op) => op === 'create')).toHaveLength(lost === 'answer' ? 1 : 0);
  });
});

describe('several losses in a row [E19]', () => {
  it('leave one protected node', async () => {
    link.lose('create', 'request');
    link.lose('getChildren2', 'answer');
    link.lose('sync', 'request');
    link.lose('create', 'answer');
    link.lose('sync', 'answer');
    link.lose('getChildren2', 'request');
    const path = await conn.createProtected('/n', 'x', { mode: 'PERSISTENT_SEQUENTIAL', ...AT_ONCE });
    expect(link.done).toBe(true);
    expect(names('/').filter((name) => name !== 'zookeeper')).toEqual([path.slice(1)]);
  });

  it('leave the right answer of a set', async () => {
    await conn.create('/a', 'x');
    link.lose('setData', 'answer');
    link.lose('setData', 'answer');
    link.lose('getData', 'request');
    expect((await conn.setIdempotent('/a', 'y', 0, AT_ONCE)).version).toBe(1);
    expect(link.done).toBe(true);
  });
});

describe('after a lost answer, what others have done is told apart [E19]', () => {
  it('a node that was there before is no success, whatever it holds', async () => {
    await other.create('/a', 'x');
    await conn.sync('/');
    link.lose('create', 'answer');
    expect(await rejectionOf(conn.createIdempotent('/a', 'x', AT_ONCE))).toBeInstanceOf(NodeExistsError);
    await other.set('/a', 'y');
    expect(await rejectionOf(conn.createIdempotent('/a', 'y', AT_ONCE))).toBeInstanceOf(NodeExistsError);
  });

  it('a node of others that came meanwhile is no success', async () => {
    link.lose('create', 'request');
    link.onCut = () => other.create('/a', 'theirs');
    const creating = conn.createIdempotent('/a', 'ours', AT_ONCE);
    expect(await rejectionOf(creating)).toBeInstanceOf(NodeExistsError);
    expect(textOf('/a')).toBe('theirs');
  });

  it('an ephemeral node of the old session is no success', async () => {
    const old = conn.sessionId;
    link.lose('create', 'request');
    link.onCut = () => {
      server.expireSession(old);
      return other.create('/a', 'x', { mode: 'EPHEMERAL' });
    };
    const creating = conn.createIdempotent('/a', 'x', { mode: 'EPHEMERAL', ...AT_ONCE });
    expect(await rejectionOf(creating)).toBeInstanceOf(NodeExistsError);
  });

  it('a create of ours that others have changed since cannot be told', async () => {
    link.lose('create', 'answer');
    link.onCut = () => other.set('/a', 'theirs');
    const error = await rejectionOf(conn.createIdempotent('/a', 'ours', AT_ONCE));
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op: 'create', path: '/a' });
  });

  it('a create of ours that others have deleted since is made again', async () => {
    link.lose('create', 'answer');
    link.onCut = () => other.delete('/a');
    expect(await conn.createIdempotent('/a', 'ours', AT_ONCE)).toBe('/a');
    expect(textOf('/a')).toBe('ours');
  });

  it('a set of others to the next version is a refusal', async () => {
    await conn.create('/a', 'x');
    link.lose('setData', 'request');
    link.onCut = () => other.set('/a', 'theirs');
    const error = await rejectionOf(conn.setIdempotent('/a', 'ours', 0, AT_ONCE));
    expect(error).toBeInstanceOf(BadVersionError);
    expect(textOf('/a')).toBe('theirs');
  });

  it('a version that was wrong from the beginning is a refusal, also with the same data', async () => {
    await conn.create('/a', 'x');
    await conn.set('/a', 'y');
    link.lose('setData', 'answer');
    expect(await rejectionOf(conn.setIdempotent('/a', 'y', 0, AT_ONCE))).toBeInstanceOf(BadVersionError);
  });

  it.each([
    ['a later set', () => other.set('/a', 'theirs')],
    ['a delete', () => other.delete('/a')],
  ])('a set of ours before %s of others cannot be told', async (_what, act) => {
    await conn.create('/a', 'x');
    link.lose('setData', 'answer');
    link.onCut = () => act();
    const error = await rejectionOf(conn.setIdempotent('/a', 'ours', 0, AT_ONCE));
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op: 'setData' });
  });

  it('a delete of a version that was wrong, or of a node with children, is a refusal', async () => {
    await conn.create('/a');
    await conn.create('/a/b');
    link.lose('delete', 'answer');
    expect(await rejectionOf(conn.deleteIdempotent('/a', -1, AT_ONCE))).toBeInstanceOf(NotEmptyError);
    link.lose('delete', 'answer');
    expect(await rejectionOf(conn.deleteIdempotent('/a/b', 7, AT_ONCE))).toBeInstanceOf(BadVersionError);
  });

  it('a delete of ours before a new node of others cannot be told', async () => {
    await conn.create('/a');
    link.lose('delete', 'answer');
    link.onCut = () => other.create('/a').then(() => other.set('/a', 'x'));
    const error = await rejectionOf(conn.deleteIdempotent('/a', 0, AT_ONCE));
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op: 'delete' });
    expect(textOf('/a')).toBe('x');
  });
});

describe('without a loss', () => {
  it('they are the plain calls', async () => {
    expect(await conn.createIdempotent('/a', 'x', AT_ONCE)).toBe('/a');
    expect(await rejectionOf(conn.createIdempotent('/a', 'x', AT_ONCE))).toBeInstanceOf(NodeExistsError);
    expect((await conn.setIdempotent('/a', 'y', 0)).version).toBe(1);
    expect(await rejectionOf(conn.setIdempotent('/a', 'y', 0))).toBeInstanceOf(BadVersionError);
    await conn.deleteIdempotent('/a', 1);
    expect(await rejectionOf(conn.deleteIdempotent('/a', 1))).toBeInstanceOf(NoNodeError);
    expect(await rejectionOf(conn.createProtected('/none/a'))).toBeInstanceOf(NoNodeError);
    expect(link.seen.filter((op) => op.startsWith('get'))).toEqual([]);
  });

  it('they refuse what they cannot do', async () => {
    const sequential = conn.createIdempotent('/a', null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    expect(await rejectionOf(sequential)).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(conn.createProtected('/a', null, { retry: {} as never }))).toBeInstanceOf(
      InvalidArgumentError,
    );
    for (const path of ['/', 'a', '/a/']) {
      expect(await rejectionOf(conn.createProtected(path))).toMatchObject({ code: 'ZK_INVALID_PATH' });
    }
    expect(await conn.createProtected('/', null, { mode: 'PERSISTENT_SEQUENTIAL' })).toMatch(/-0000000000$/);
  });

  it('they work under a chroot', async () => {
    await conn.create('/app');
    const view = conn.chroot('/app');
    link.lose('create', 'answer');
    const path = await view.createProtected('/n-', null, { mode: 'EPHEMERAL_SEQUENTIAL', ...AT_ONCE });
    expect(names('/app')).toEqual([path.slice(1)]);
  });
});

describe('a protected create that gives up', () => {
  const nodes = (): string[] => names('/').filter((name) => name !== 'zookeeper');

  it.each(['PERSISTENT', 'EPHEMERAL_SEQUENTIAL'] as const)(
    'says that the %s node may be there, and deletes it later',
    async (mode) => {
      link.lose('create', 'answer');
      const error = await rejectionOf(conn.createProtected('/n', null, { mode, retry: noRetry }));
      expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op: 'create' });
      const { watch } = await other.childrenW('/');
      if (nodes().length > 0) await watch.event;
      expect(nodes()).toEqual([]);
    },
  );

  it('because its signal says so, deletes what it may have made', async () => {
    const abort = new AbortController();
    const creating = conn.createProtected('/n', null, { mode: 'EPHEMERAL', signal: abort.signal });
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await rejectionOf(creating)).toBe(reason);
    await conn.sync('/');
    await conn.sync('/');
    expect(nodes()).toEqual([]);
  });
});
