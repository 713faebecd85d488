/** What a server does not know, or has switched off, is one clear error, and the Conn goes on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  connect,
  MultiError,
  op,
  tcpDialer,
  UnimplementedError,
  UnsupportedError,
  ZkError,
  type Conn,
} from '../../../src/index.js';
import type { CallableOpName, RequestOf } from '../../../src/protocol/operations.js';
import { MiniServer, type MiniServerOptions } from '../../../src/testing.js';

let server: MiniServer;
let conn: Conn;

async function start(options: MiniServerOptions): Promise<void> {
  server = await MiniServer.start(options);
  conn = await connect(server.connectString);
}

afterEach(async () => {
  await conn.close();
  await server.close();
});

async function failureOf(promise: Promise<unknown>): Promise<ZkError> {
  const error: unknown = await promise.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  if (ZkError.is(error)) return error;
  throw new Error(`not a ZkError: ${String(error)}`);
}

const REQUESTS: { readonly [K in CallableOpName]?: RequestOf<K> } = {
  create2: { path: '/a', data: null, acl: [{ perms: 31, scheme: 'world', id: 'anyone' }], flags: 0 },
  getEphemerals: { prefixPath: '/' },
  getAllChildrenNumber: { path: '/' },
  whoAmI: {},
  checkWatches: { path: '/', type: 3 },
  reconfig: { joiningServers: null, leavingServers: '1', newMembers: null, curConfigId: -1n },
};

describe('an operation that the server is too old for [B3]', () => {
  beforeEach(() => start({ version: '3.4.14' }));

  it.each([
    ['create2', '3.5'],
    ['getEphemerals', '3.6'],
    ['getAllChildrenNumber', '3.6'],
    ['whoAmI', '3.7'],
    ['checkWatches', '3.5'],
    ['reconfig', '3.5'],
  ] as const)('%s says that it needs %s, and the session goes on', async (name, since) => {
    const { sessionId } = conn;
    const error = await failureOf(conn.call(name as 'whoAmI', REQUESTS[name] as RequestOf<'whoAmI'>));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error).toBeInstanceOf(UnimplementedError);
    expect(error).toMatchObject({ op: name, since, errno: -6, code: 'ZK_UNSUPPORTED', outcome: 'rejected' });
    expect(error.retryable).toBe(false);
    expect(error.message).toContain(`needs ZooKeeper ${since} or later`);
    expect(await conn.exists('/')).not.toBeNull();
    expect(conn.sessionId).toBe(sessionId);
    expect(server.sessions.filter(({ connected }) => connected)).toHaveLength(1);
  });

  it('containers and TTL nodes too', async () => {
    for (const [options, since] of [
      [{ mode: 'CONTAINER' }, '3.5.1'],
      [{ mode: 'PERSISTENT_WITH_TTL', ttlMs: 1000 }, '3.5.3'],
    ] as const) {
      const error = await failureOf(conn.create('/a', null, options));
      expect(error).toBeInstanceOf(UnsupportedError);
      expect(error).toMatchObject({ since, path: '/a' });
    }
  });

  it('what every server knows is not touched', async () => {
    await conn.create('/a', 'x');
    await conn.multi([op.check('/a', 0), op.set('/a', 'y')]);
    expect((await conn.children('/')).children).toContain('a');
    expect((await conn.getAcl('/a')).acl).toHaveLength(1);
  });
});

describe('an operation that is switched off', () => {
  beforeEach(() => start({ extendedTypesEnabled: false }));

  it('TTL nodes: the error names the switch', async () => {
    const error = await failureOf(conn.create('/a', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1000 }));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(error.message).toContain('zookeeper.extendedTypesEnabled=true');
    // this answer does not end the connection
    expect(server.connectionCount).toBe(1);
  });

  it('TTL nodes in a multi: the same as its cause', async () => {
    const error = await failureOf(
      conn.multi([op.check('/'), op.create('/a', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 1000 })]),
    );
    expect(error).toBeInstanceOf(MultiError);
    expect(error).toMatchObject({ index: 1, errno: -6, code: 'ZK_UNSUPPORTED' });
    expect(error.message).toContain('zookeeper.extendedTypesEnabled=true');
    expect(error.cause).toBeInstanceOf(UnsupportedError);
    expect(error.cause).toMatchObject({ op: 'createTTL', path: '/a', since: '3.5.3' });
  });
});

describe('an operation at which the server hangs up without a word [B3]', () => {
  beforeEach(() => start({ version: '3.4.14', unknownOperations: 'hangUp' }));

  it('fails once, and is not sent again', async () => {
    const { sessionId } = conn;
    const error = await failureOf(conn.call('whoAmI', {}));
    expect(error).toMatchObject({ op: 'whoAmI', outcome: 'unknown' });
    expect(await conn.exists('/')).not.toBeNull();
    expect(conn.sessionId).toBe(sessionId);
  });

  it('is taken for unknown when that happens again and again: no attempts without end', async () => {
    const lost = { count: 0 };
    conn.on('state', ({ state }) => {
      if (state === 'Disconnected') lost.count++;
    });
    const policy = {
      delayMs: () => 1,
      isRetryable: (error: unknown) => !(error instanceof UnsupportedError),
    };
    const error = await failureOf(conn.retry(policy, () => conn.getEphemerals()));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(lost.count).toBeLessThan(8);
  });
});

describe('what a server has said not to know', () => {
  beforeEach(() => start({ version: '3.4.14' }));

  function losses(): { count: number } {
    const seen = { count: 0 };
    conn.on('state', ({ state }) => {
      if (state === 'Disconnected') seen.count++;
    });
    return seen;
  }

  /** A newer server at the same address, that has seen as much as the Conn has. */
  async function replacement(port: number): Promise<MiniServer> {
    const newer = await MiniServer.start({ port });
    for (let i = 0; i < 3; i++) await (await connect(newer.connectString)).close();
    return newer;
  }

  it('is not asked of it again: it costs one connection, and not one for each call', async () => {
    const seen = losses();
    expect(await failureOf(conn.whoAmI())).toMatchObject({ outcome: 'rejected' });
    for (let i = 0; i < 3; i++) {
      const error = await failureOf(conn.whoAmI());
      expect(error).toBeInstanceOf(UnsupportedError);
      expect(error).toMatchObject({ op: 'whoAmI', since: '3.7', outcome: 'not-sent' });
    }
    expect(await failureOf(conn.getEphemerals())).toMatchObject({ outcome: 'rejected' });
    expect(await failureOf(conn.whoAmI())).toMatchObject({ outcome: 'not-sent' });
    await conn.exists('/');
    expect(seen.count).toBe(2);
  });

  it('is asked of the next one', async () => {
    const { port } = server;
    expect(await failureOf(conn.whoAmI())).toBeInstanceOf(UnsupportedError);
    await conn.exists('/');
    const renewed = new Promise<void>((resolve) => {
      conn.on('session', ({ what }) => {
        if (what === 'new') resolve();
      });
    });
    await server.close();
    server = await replacement(port);
    await renewed;
    expect(await conn.whoAmI()).toContainEqual({ scheme: 'ip', user: '127.0.0.1' });
  });

  it('is refused at once, in the order of the calls, by one question for all, and by the signal first', async () => {
    let dials = 0;
    await conn.close();
    conn = await connect(server.connectString, {
      // whatever is asked for a version stays without an answer
      dialer: (address, events) =>
        ++dials < 3
          ? tcpDialer(address, events)
          : { write: () => true, destroy: () => events.onClose(undefined) },
    });
    await failureOf(conn.whoAmI());
    await conn.exists('/');
    const order: string[] = [];
    const all = Array.from({ length: 500 }, () => failureOf(conn.whoAmI()).then(() => order.push('refused')));
    const read = conn.exists('/').then(() => order.push('answered'));
    await Promise.all([...all, read]);
    expect(order.indexOf('answered')).toBe(500);
    expect(dials).toBe(3);
    const reason = new Error('enough');
    await expect(conn.whoAmI({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it('is refused with the error of the end when the Conn is closed', async () => {
    await failureOf(conn.whoAmI());
    await conn.exists('/');
    await conn.close();
    expect((await failureOf(conn.whoAmI())).code).toBe('ZK_CLOSED');
  });
});

describe('the number of nodes below one, on a server that cannot tell', () => {
  beforeEach(() => start({ version: '3.4.14' }));

  it('is counted node by node instead', async () => {
    for (const path of ['/a', '/a/b', '/a/b/c', '/a/b/d', '/a/e', '/f']) await conn.create(path);
    expect(await conn.countDescendants('/a')).toBe(4);
    expect(await conn.countDescendants('/a/b')).toBe(2);
    expect(await conn.chroot('/a').countDescendants('/e')).toBe(0);
    expect(await failureOf(conn.countDescendants('/none'))).toMatchObject({ code: 'ZK_NO_NODE' });
  });

  it('is not counted for one who has given up', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(conn.countDescendants('/', { signal })).rejects.toThrow('enough');
  });
});
