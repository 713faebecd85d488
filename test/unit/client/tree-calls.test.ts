/** Whole subtrees, quotas and views, through the public calls on a mini-server. */
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CopyProgress, CopyTreeOptions } from '../../../src/client/copy-tree.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPathError,
  NoAuthError,
  NoNodeError,
  NodeExistsError,
  Perms,
  RequestTimeoutError,
  connect,
  digestAcl,
  op,
  type Conn,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { rejectionOf } from '../../support/scripted-server.js';

let server: MiniServer;
let conn: Conn;

beforeAll(async () => {
  server = await MiniServer.start();
  conn = await connect(server.connectString);
});

afterEach(async () => {
  const { children } = await conn.children('/');
  for (const name of children) if (name !== 'zookeeper') await conn.deleteRecursive(`/${name}`);
  for (const name of (await conn.children('/zookeeper/quota')).children) {
    await conn.deleteRecursive(`/zookeeper/quota/${name}`);
  }
});

afterAll(async () => {
  await conn.close();
  await server.close();
});

/** Makes nodes and all above them; their data is their path. */
async function plant(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await conn.ensurePath(path);
    await conn.set(path, path);
  }
}

const below = (path: string): string[] =>
  server.tree.paths().filter((node) => node === path || node.startsWith(`${path}/`));

describe('a view under a chroot', () => {
  it('is of the same session', async () => {
    await conn.create('/app');
    const view = conn.chroot('/app');
    await view.create('/mine', null, { mode: 'EPHEMERAL' });
    expect((await conn.exists('/app/mine'))?.ephemeralOwner).toBe(conn.sessionId);
    expect(server.sessions).toHaveLength(1);
    expect(server.connectionCount).toBe(1);
  });

  it('can have views itself, and knows its whole path', async () => {
    await conn.ensurePath('/a/b/c');
    const inner = conn.chroot('/a').chroot('/b');
    expect(inner.chrootPath).toBe('/a/b');
    expect((await inner.children('/')).children).toEqual(['c']);
    expect(inner.chroot('/').chrootPath).toBe('/a/b');
    expect(conn.chroot('/').chrootPath).toBe('');
    expect(await conn.chroot('/').exists('/a/b/c')).not.toBeNull();
  });

  it('makes its chroot with ensurePath', async () => {
    await conn.chroot('/not/there').ensurePath('/a/b');
    expect(below('/not')).toEqual(['/not', '/not/there', '/not/there/a', '/not/there/a/b']);
    await conn.chroot('/nor/there').ensurePath('/');
    expect(below('/nor')).toEqual(['/nor', '/nor/there']);
  });

  it('gives errors the path that the caller gave', async () => {
    await conn.create('/app');
    const view = conn.chroot('/app');
    const refused = await rejectionOf(view.get('/none'));
    expect(refused).toMatchObject({ path: '/none', code: 'ZK_NO_NODE' });
    expect(String(refused)).not.toContain('/app');
    const failed = await rejectionOf(view.multi([op.create('/x'), op.check('/none')]));
    expect(failed).toMatchObject({ path: '/none', results: [{ path: '/x' }, { path: '/none' }] });
  });

  it('refuses to delete its root', async () => {
    await conn.create('/app');
    expect(await rejectionOf(conn.chroot('/app').deleteRecursive('/'))).toBeInstanceOf(InvalidPathError);
    expect(await rejectionOf(conn.chroot('/app').delete('/'))).toBeInstanceOf(InvalidPathError);
  });

  it('throws at once for a path that is none', () => {
    for (const path of ['', 'a', '/a/', undefined as unknown as string]) {
      expect(() => conn.chroot(path)).toThrow(InvalidPathError);
    }
  });

  it('shows nothing of the Conn', async () => {
    const secret = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'u:secret' }] });
    const view = secret.chroot('/a');
    expect(inspect(view, { depth: null })).toBe("{ ChrootView: { chrootPath: '/a' } }");
    expect(JSON.stringify(view)).toBe('{"chrootPath":"/a"}');
    await secret.close();
  });

  it('ends with the Conn', async () => {
    const other = await connect(server.connectString);
    const view = other.chroot('/a');
    await other.close();
    expect(await rejectionOf(view.get('/'))).toMatchObject({ code: 'ZK_CLOSED' });
  });
});

describe('ensurePath', () => {
  it('called a hundred times at once, by two clients, succeeds each time', async () => {
    const other = await connect(server.connectString);
    const calls = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? conn : other).ensurePath('/p/q/r/s'));
    await Promise.all(calls);
    for (const path of ['/p', '/p/q', '/p/q/r', '/p/q/r/s']) {
      expect((await conn.get(path)).data).toBeNull();
      expect((await conn.get(path)).stat.version).toBe(0);
    }
    await other.close();
  });

  it('checks what it is given', async () => {
    expect(await rejectionOf(conn.ensurePath('a'))).toBeInstanceOf(InvalidPathError);
    expect(await rejectionOf(conn.ensurePath('/a', { acl: [] }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(conn.ensurePath('/a', { alc: [] } as never))).toBeInstanceOf(InvalidOptionError);
    expect(below('/a')).toEqual([]);
  });
});

describe('deleteRecursive', () => {
  it('deletes a tree under a chroot, in batches', async () => {
    await plant('/app/a/b/c', '/app/a/d', '/app/keep');
    const heard: number[] = [];
    const options = { batchSize: 3, onProgress: ({ deleted }: { deleted: number }) => heard.push(deleted) };
    expect(await conn.chroot('/app').deleteRecursive('/a', options)).toBe(4);
    expect(heard).toEqual([3, 4]);
    expect(below('/app')).toEqual(['/app', '/app/keep']);
  });

  it('keeps its multis within maxRequestBytes', async () => {
    await plant(...Array.from({ length: 20 }, (_, i) => `/long/${'x'.repeat(100)}-${i}`));
    const small = await connect(server.connectString, { maxRequestBytes: 300 });
    expect(await small.deleteRecursive('/long')).toBe(21);
    await small.close();
  });

  it('is the one thing that two clients may do at the same time', async () => {
    await plant(...Array.from({ length: 300 }, (_, i) => `/both/${i % 17}/${i}`));
    const other = await connect(server.connectString);
    const [a, b] = await Promise.all([
      conn.deleteRecursive('/both', { batchSize: 7 }),
      other.deleteRecursive('/both', { batchSize: 5 }),
    ]);
    expect(a + b).toBe(318);
    expect(below('/both')).toEqual([]);
    await other.close();
  });

  it('does not touch the system nodes', async () => {
    expect(await rejectionOf(conn.deleteRecursive('/zookeeper'))).toMatchObject({ code: 'ZK_BAD_ARGUMENTS' });
  });

  it('stops when its signal says so', async () => {
    await plant(...Array.from({ length: 50 }, (_, i) => `/many/${i}`));
    const abort = new AbortController();
    const reason = new Error('enough');
    const deleting = conn.deleteRecursive('/many', {
      batchSize: 1,
      concurrency: 1,
      signal: abort.signal,
      onProgress: ({ deleted }) => {
        if (deleted === 10) abort.abort(reason);
      },
    });
    expect(await rejectionOf(deleting)).toBe(reason);
    expect(below('/many')).toHaveLength(41);
  });

  it.each([
    [{ batchSize: 0 }, InvalidArgumentError],
    [{ batchSize: 1001 }, InvalidArgumentError],
    [{ concurrency: 1.5 }, InvalidArgumentError],
    [{ onProgress: 'x' as never }, InvalidArgumentError],
    [{ batchsize: 1 }, InvalidOptionError],
    [{ timeoutMs: -1 }, InvalidArgumentError],
  ])('refuses %j', async (options, expected) => {
    await plant('/a');
    expect(await rejectionOf(conn.deleteRecursive('/a', options as never))).toBeInstanceOf(expected);
    expect(below('/a')).toEqual(['/a']);
  });
});

describe('copyTree', () => {
  const MINE = digestAcl(Perms.ALL, 'me:secret');

  it('copies data and ACLs, and tells how far it is', async () => {
    await plant('/from/a/b', '/from/c');
    await conn.set('/from/c', null);
    await conn.setAcl('/from/c', [{ perms: Perms.READ | Perms.ADMIN, scheme: 'world', id: 'anyone' }]);
    const heard: CopyProgress[] = [];
    const result = await conn.copyTree('/from', '/to', { onProgress: (progress) => heard.push(progress) });
    expect(result).toEqual({ created: 4, overwritten: 0, skipped: 0 });
    expect(heard.map(({ path, created }) => [path, created])).toEqual([
      ['/from', 1],
      ['/from/a', 2],
      ['/from/c', 3],
      ['/from/a/b', 4],
    ]);
    for (const path of ['', '/a', '/a/b', '/c']) {
      expect((await conn.get(`/to${path}`)).data).toEqual((await conn.get(`/from${path}`)).data);
      expect((await conn.getAcl(`/to${path}`)).acl).toEqual((await conn.getAcl(`/from${path}`)).acl);
    }
  });

  it('copies many nodes with the order of parents and children kept', async () => {
    await plant(...Array.from({ length: 200 }, (_, i) => `/from/${i % 5}/${i % 31}/${i}`));
    const { created } = await conn.copyTree('/from', '/to', { concurrency: 4 });
    expect(created).toBe(below('/from').length);
    expect(below('/to').map((path) => path.slice(3))).toEqual(below('/from').map((path) => path.slice(5)));
  });

  it('leaves out ephemeral nodes', async () => {
    await plant('/from/a');
    await conn.create('/from/e', null, { mode: 'EPHEMERAL' });
    expect(await conn.copyTree('/from', '/to')).toEqual({ created: 2, overwritten: 0, skipped: 1 });
    expect(below('/to')).toEqual(['/to', '/to/a']);
  });

  it('gives all nodes the ACL that it is told', async () => {
    await plant('/from/a');
    const acl = [{ perms: Perms.ALL, scheme: 'ip', id: '127.0.0.1' }];
    await conn.copyTree('/from', '/to', { acl });
    expect((await conn.getAcl('/to/a')).acl).toEqual(acl);
  });

  it('refuses to copy an ACL that it cannot see whole', async () => {
    await plant('/from');
    const open = { perms: Perms.READ, scheme: 'world', id: 'anyone' };
    const owner = await connect(server.connectString, { auth: [{ scheme: 'digest', auth: 'me:secret' }] });
    await conn.setAcl('/from', [MINE, open]);
    expect(await rejectionOf(conn.copyTree('/from', '/to'))).toBeInstanceOf(InvalidArgumentError);
    expect(below('/to')).toEqual([]);
    await owner.copyTree('/from', '/to');
    expect((await owner.getAcl('/to')).acl).toEqual([MINE, open]);
    await owner.close();
  });

  it('rejects where a node exists, unless it may overwrite it', async () => {
    await plant('/from/a', '/to');
    expect(await rejectionOf(conn.copyTree('/from', '/to'))).toBeInstanceOf(NodeExistsError);
    const result = await conn.copyTree('/from', '/to', { overwrite: true });
    expect(result).toEqual({ created: 1, overwritten: 1, skipped: 0 });
    expect((await conn.get('/to')).data).toBeNull();
    expect(String((await conn.get('/to/a')).data)).toBe('/from/a');
  });

  it.each([
    ['/from', '/from'],
    ['/from', '/from/a'],
    ['/', '/from'],
  ])('refuses to copy %s into itself, to %s', async (from, to) => {
    expect(await rejectionOf(conn.copyTree(from, to))).toBeInstanceOf(InvalidPathError);
  });

  it('copies to a sibling whose name begins alike, and out of its parent', async () => {
    await plant('/from/a/b');
    await conn.copyTree('/from', '/from2');
    expect(below('/from2')).toEqual(['/from2', '/from2/a', '/from2/a/b']);
    await conn.chroot('/from').copyTree('/a', '/', { overwrite: true });
    expect(below('/from')).toEqual(['/from', '/from/a', '/from/a/b', '/from/b']);
  });

  it('rejects where there is nothing to copy, or nothing to copy to', async () => {
    await plant('/from');
    expect(await rejectionOf(conn.copyTree('/none', '/to'))).toBeInstanceOf(NoNodeError);
    expect(await rejectionOf(conn.copyTree('/from', '/no/parent'))).toBeInstanceOf(NoNodeError);
  });

  it('rejects with what the progress callback throws, and stops', async () => {
    await plant(...Array.from({ length: 50 }, (_, i) => `/from/${i}`));
    const bug = new Error('a bug of the application');
    const onProgress = ({ created }: CopyProgress): void => {
      if (created === 3) throw bug;
    };
    expect(await rejectionOf(conn.copyTree('/from', '/to', { concurrency: 1, onProgress }))).toBe(bug);
    const left = below('/to').length;
    expect(left).toBeLessThan(10);
    await conn.sync('/');
    expect(below('/to')).toHaveLength(left);
  });

  it('rejects with what a write is refused for', async () => {
    await plant('/from/a', '/to');
    await conn.setAcl('/to', [{ perms: Perms.READ | Perms.ADMIN, scheme: 'world', id: 'anyone' }]);
    expect(await rejectionOf(conn.copyTree('/from', '/to/x'))).toBeInstanceOf(NoAuthError);
    await conn.setAcl('/to', [{ perms: Perms.ALL, scheme: 'world', id: 'anyone' }]);
  });

  it.each([
    [{ acl: [] }, InvalidArgumentError],
    [{ acl: 'open' as never }, InvalidArgumentError],
    [{ overwrite: 1 as never }, InvalidArgumentError],
    [{ concurrency: 0 }, InvalidArgumentError],
    [{ depth: 1 } as object, InvalidOptionError],
  ] as [CopyTreeOptions, new (...args: never[]) => Error][])('refuses %j', async (options, expected) => {
    await plant('/from');
    expect(await rejectionOf(conn.copyTree('/from', '/to', options))).toBeInstanceOf(expected);
  });
});

describe('the time of a call that is made of many', () => {
  it('is for all of them together', async () => {
    let now = 0;
    const clock = { now: () => now, setTimer: () => ({ cancel: () => undefined }) };
    const slow = await connect(server.connectString, { clock });
    await plant('/a/b', '/a/c', '/a/d');
    const late = rejectionOf(
      slow.deleteRecursive('/a', {
        timeoutMs: 100,
        batchSize: 1,
        concurrency: 1,
        onProgress: () => {
          now += 60;
        },
      }),
    );
    expect(await late).toBeInstanceOf(RequestTimeoutError);
    expect(await late).toMatchObject({ op: 'deleteRecursive', path: '/a', outcome: 'unknown' });
    expect(below('/a')).toEqual(['/a', '/a/b']);
    await slow.close();
  });
});
