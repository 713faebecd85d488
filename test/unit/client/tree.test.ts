import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../../src/client/transaction.js';
import * as trees from '../../../src/client/tree.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  InvalidPathError,
  MultiError,
  NoAuthError,
  NoNodeError,
  keeperError,
  type ZkError,
} from '../../../src/protocol/errors.js';
import { baseName, parentPath } from '../../../src/protocol/paths.js';
import type { Acl, Stat } from '../../../src/protocol/records.js';
import { STAT } from '../../support/core-world.js';
import { rejectionOf } from '../../support/scripted-server.js';
import { checkAsync } from '../../support/property.js';

/** Nodes in memory, with somebody who meddles: `before` runs before each call takes effect. */
class FakeTree {
  readonly nodes: Set<string>;
  readonly log: string[] = [];
  /** Calls under way. */
  now = 0;
  most = 0;
  before: (call: string, path: string) => void = () => undefined;
  readonly options: unknown[] = [];
  /** Sizes of the multis. */
  readonly multis: number[] = [];

  constructor(...paths: string[]) {
    this.nodes = new Set(['/']);
    for (const path of paths) this.add(path);
  }

  /** Adds a node and all that is missing above it. */
  add(path: string): void {
    for (let node = path; !this.nodes.has(node); node = parentPath(node)) this.nodes.add(node);
  }

  /** Takes a node away, with everything below it. */
  remove(path: string): void {
    for (const node of [...this.nodes])
      if (node === path || node.startsWith(`${path}/`)) this.nodes.delete(node);
  }

  names(path: string): string[] {
    return [...this.nodes].filter((node) => node !== '/' && parentPath(node) === path).map(baseName);
  }

  create = (path: string, _data?: unknown, options?: unknown): Promise<string> =>
    this.run('create', path, () => {
      this.options.push(options);
      if (this.nodes.has(path)) throw error(Errno.NodeExists, path);
      if (!this.nodes.has(parentPath(path))) throw error(Errno.NoNode, path);
      this.nodes.add(path);
      return path;
    });

  exists = (path: string): Promise<Stat | null> =>
    this.run('exists', path, () => (this.nodes.has(path) ? STAT : null));

  children = (path: string): Promise<{ readonly children: readonly string[]; readonly stat: Stat }> =>
    this.run('children', path, () => {
      if (!this.nodes.has(path)) throw error(Errno.NoNode, path);
      return { children: this.names(path), stat: STAT };
    });

  get = (): never => {
    throw new Error('nobody asked for data');
  };

  delete = (path: string): Promise<void> =>
    this.run('delete', path, () => {
      this.deleteNow(path);
    });

  /** All or nothing, as on a server. */
  multi = async (list: readonly Operation<unknown>[]): Promise<undefined[]> => {
    this.multis.push(list.length);
    this.most = Math.max(this.most, ++this.now);
    await Promise.resolve();
    const before = [...this.nodes];
    try {
      for (const [index, { path }] of list.entries()) {
        this.log.push(`delete ${path}`);
        try {
          this.before('delete', path);
          this.deleteNow(path);
        } catch (cause) {
          this.nodes.clear();
          for (const node of before) this.nodes.add(node);
          const errno = (cause as ZkError).errno ?? 0;
          const results = list.map((one, i) => ({
            op: 'delete',
            path: one.path,
            errno: i === index ? errno : -2,
          }));
          throw new MultiError(index, results);
        }
      }
      return list.map(() => undefined);
    } finally {
      this.now--;
    }
  };

  private deleteNow(path: string): void {
    if (!this.nodes.has(path)) throw error(Errno.NoNode, path);
    if (this.names(path).length > 0) throw error(Errno.NotEmpty, path);
    this.nodes.delete(path);
  }

  private async run<T>(call: string, path: string, work: () => T): Promise<T> {
    this.log.push(`${call} ${path}`);
    this.most = Math.max(this.most, ++this.now);
    await Promise.resolve();
    try {
      this.before(call, path);
      return work();
    } finally {
      this.now--;
    }
  }

  /** How often a call was made. */
  count(call: string): number {
    return this.log.filter((line) => line.startsWith(`${call} `)).length;
  }
}

const ensurePath = (tree: FakeTree, path: string, options?: { acl: Acl[] }): Promise<void> =>
  trees.ensurePath(tree, path, options?.acl, () => ({}), null);

const PLAN: trees.DeletePlan = {
  batchSize: 1000,
  batchBytes: 0xfffff,
  chrootBytes: 0,
  concurrency: 16,
  onProgress: undefined,
  options: () => ({}),
};

const deleteRecursive = (tree: FakeTree, path: string, plan?: Partial<trees.DeletePlan>): Promise<number> =>
  trees.deleteRecursive(tree, path, { ...PLAN, ...plan });

function error(errno: number, path: string): ZkError {
  return keeperError(errno, { op: 'fake', path, outcome: 'rejected' });
}

/** Runs `act` once, before the first call of that kind on that path. */
function onceBefore(tree: FakeTree, call: string, path: string, act: () => void): void {
  let done = false;
  tree.before = (name, node) => {
    if (done || name !== call || node !== path) return;
    done = true;
    act();
  };
}

describe('ensurePath', () => {
  it('is one call where only the node is missing', async () => {
    const tree = new FakeTree('/a');
    await ensurePath(tree, '/a/b');
    expect(tree.log).toEqual(['create /a/b']);
  });

  it('is one call where nothing is missing', async () => {
    const tree = new FakeTree('/a/b');
    await ensurePath(tree, '/a/b');
    await ensurePath(tree, '/');
    expect(tree.log).toEqual(['create /a/b', 'create /']);
  });

  it('goes up until there is a parent, and down again', async () => {
    const tree = new FakeTree('/a');
    await ensurePath(tree, '/a/b/c/d');
    expect(tree.log).toEqual([
      'create /a/b/c/d',
      'create /a/b/c',
      'create /a/b',
      'create /a/b/c',
      'create /a/b/c/d',
    ]);
    expect(tree.nodes).toContain('/a/b/c/d');
  });

  it('creates with null data and the ACL that it was given, all the way', async () => {
    const acl: Acl[] = [{ perms: 1, scheme: 'world', id: 'anyone' }];
    const tree = new FakeTree();
    await ensurePath(tree, '/a/b', { acl });
    expect(tree.options).toEqual([{ acl }, { acl }, { acl }]);
  });

  it('lives with others who create the same', async () => {
    for (const path of ['/a', '/a/b', '/a/b/c']) {
      const tree = new FakeTree();
      onceBefore(tree, 'create', path, () => tree.add('/a/b/c'));
      await ensurePath(tree, '/a/b/c');
      expect(tree.nodes).toContain('/a/b/c');
    }
  });

  it('lives with others who delete the parent that it has just made', async () => {
    const tree = new FakeTree();
    let removals = 2;
    tree.before = (call, path) => {
      if (call === 'create' && path === '/a/b/c' && tree.nodes.has('/a/b') && removals-- > 0)
        tree.remove('/a');
    };
    await ensurePath(tree, '/a/b/c');
    expect(removals).toBe(-1);
    expect(tree.nodes).toContain('/a/b/c');
  });

  it('twice at the same time does no harm', async () => {
    const tree = new FakeTree();
    await Promise.all([ensurePath(tree, '/a/b/c'), ensurePath(tree, '/a/b/d'), ensurePath(tree, '/a/b/c')]);
    expect([...tree.nodes].sort()).toEqual(['/', '/a', '/a/b', '/a/b/c', '/a/b/d']);
  });

  it('finds nothing to do where it may not create what is there', async () => {
    const tree = new FakeTree('/a/b');
    tree.before = (call, path) => {
      if (call === 'create' && path !== '/a/b/c') throw error(Errno.NoAuth, path);
    };
    await ensurePath(tree, '/a/b');
    await ensurePath(tree, '/a/b/c');
    expect(tree.nodes).toContain('/a/b/c');
  });

  it('rejects where it may not create what is not there', async () => {
    const tree = new FakeTree('/a');
    tree.before = (call, path) => {
      if (call === 'create') throw error(Errno.NoAuth, path);
    };
    const reason = await rejectionOf(ensurePath(tree, '/a/b'));
    expect(reason).toBeInstanceOf(NoAuthError);
    expect(reason).toMatchObject({ path: '/a/b' });
  });

  it('rejects with whatever else is wrong, and does not go on', async () => {
    const tree = new FakeTree();
    tree.before = (_, path) => {
      if (path === '/a') throw error(Errno.QuotaExceeded, path);
    };
    expect(await rejectionOf(ensurePath(tree, '/a/b/c'))).toMatchObject({
      code: 'ZK_QUOTA_EXCEEDED',
      path: '/a',
    });
    expect(tree.log).toEqual(['create /a/b/c', 'create /a/b', 'create /a']);
  });

  it('ends where not even the root is there', async () => {
    const tree = new FakeTree();
    tree.nodes.clear();
    tree.before = (_, path) => {
      throw error(Errno.NoNode, path);
    };
    expect(await rejectionOf(ensurePath(tree, '/a/b'))).toBeInstanceOf(NoNodeError);
  });

  it('goes as deep as paths go', async () => {
    const tree = new FakeTree();
    const path = '/x'.repeat(1000);
    await ensurePath(tree, path);
    expect(tree.nodes).toContain(path);
    expect(tree.count('create')).toBe(2 * 1000 - 1);
  });
});

describe('deleteRecursive', () => {
  it('deletes from the bottom', async () => {
    const tree = new FakeTree('/a/b/c', '/a/d', '/keep');
    await deleteRecursive(tree, '/a');
    expect([...tree.nodes].sort()).toEqual(['/', '/keep']);
    const order = tree.log.filter((line) => line.startsWith('delete'));
    expect(order[0]).toBe('delete /a/b/c');
    expect(order.at(-1)).toBe('delete /a');
  });

  it('does nothing where there is nothing', async () => {
    const tree = new FakeTree();
    await deleteRecursive(tree, '/a');
    expect(tree.log).toEqual(['children /a']);
  });

  it('gives the number of nodes that it has deleted itself', async () => {
    const tree = new FakeTree('/a/b/c', '/a/d');
    expect(await deleteRecursive(tree, '/a')).toBe(4);
    expect(await deleteRecursive(tree, '/a')).toBe(0);
  });

  it('refuses the root', () => {
    expect(() => trees.refuseRoot('/')).toThrow(InvalidPathError);
    expect(() => trees.refuseRoot('/a')).not.toThrow();
  });

  it('needs one multi for a thousand nodes', async () => {
    const tree = new FakeTree(...Array.from({ length: 2500 }, (_, i) => `/a/${i}`));
    expect(await deleteRecursive(tree, '/a')).toBe(2501);
    expect(tree.multis).toEqual([1000, 1000, 501]);
  });

  it('needs no multi for one node', async () => {
    const tree = new FakeTree('/a');
    await deleteRecursive(tree, '/a');
    expect([tree.multis, tree.log]).toEqual([[], ['children /a', 'delete /a']]);
  });

  it.each([
    // headers 17; each delete 17 and its path, which is 4 or 2 bytes and 3 of the chroot. One alone is no multi
    [17 + 2 * 24, [2, 2]],
    [17 + 2 * 24 - 1, [2]],
    [17 + 4 * 24 + 22, [5]],
    [17 + 4 * 24 + 21, [4]],
  ])('keeps a multi within %i bytes', async (batchBytes, sizes) => {
    const tree = new FakeTree('/a/b', '/a/c', '/a/d', '/a/e');
    expect(await deleteRecursive(tree, '/a', { batchBytes, chrootBytes: 3 })).toBe(5);
    expect(tree.multis).toEqual(sizes);
  });

  it('tells how far it has come', async () => {
    const tree = new FakeTree('/a/b', '/a/c', '/a/d', '/a/e');
    const heard: trees.DeleteProgress[] = [];
    await deleteRecursive(tree, '/a', { batchSize: 2, onProgress: (progress) => heard.push(progress) });
    expect(heard).toEqual([2, 4, 5].map((deleted) => ({ deleted, found: 5 })));
  });

  it('rejects with what the progress callback throws, and stops', async () => {
    const tree = new FakeTree(...Array.from({ length: 100 }, (_, i) => `/a/${i}`));
    const bug = new Error('a bug of the application');
    const onProgress = (): never => {
      throw bug;
    };
    expect(await rejectionOf(deleteRecursive(tree, '/a', { batchSize: 2, concurrency: 1, onProgress }))).toBe(
      bug,
    );
    expect(tree.multis).toEqual([2]);
  });

  it('asks for the options of each call, which may refuse it', async () => {
    const tree = new FakeTree('/a/b', '/a/c');
    let left = 3;
    const over = new Error('no time is left');
    const options = (): object => {
      if (left-- === 0) throw over;
      return {};
    };
    expect(await rejectionOf(deleteRecursive(tree, '/a', { options }))).toBe(over);
    expect(tree.log).toEqual(['children /a', 'children /a/b', 'children /a/c']);
  });

  it('does not mistake a name that begins alike for a child', async () => {
    const tree = new FakeTree('/a/b', '/ab/c');
    await deleteRecursive(tree, '/a');
    expect([...tree.nodes].sort()).toEqual(['/', '/ab', '/ab/c']);
  });

  it('lives with others who delete the same, whatever they take away', async () => {
    for (const [call, path, removed] of [
      ['children', '/a', '/a'],
      ['children', '/a/b', '/a/b'],
      ['delete', '/a/b/c', '/a/b/c'],
      ['delete', '/a/b/c', '/a'],
      ['delete', '/a', '/a'],
    ] as const) {
      const tree = new FakeTree('/a/b/c');
      onceBefore(tree, call, path, () => tree.remove(removed));
      await deleteRecursive(tree, '/a');
      expect([...tree.nodes]).toEqual(['/']);
    }
  });

  it('deletes what others create meanwhile', async () => {
    for (const path of ['/a/b/c', '/a/b', '/a']) {
      const tree = new FakeTree('/a/b/c');
      onceBefore(tree, 'delete', path, () => tree.add('/a/b/new/deep'));
      await deleteRecursive(tree, '/a');
      expect([...tree.nodes]).toEqual(['/']);
    }
  });

  it('deletes what others create again and again, as long as they tire first', async () => {
    const tree = new FakeTree('/a');
    let more = 5;
    tree.before = (call, path) => {
      if (call === 'delete' && path === '/a' && more-- > 0) tree.add(`/a/again-${more}`);
    };
    await deleteRecursive(tree, '/a');
    expect([...tree.nodes]).toEqual(['/']);
  });

  it('rejects with what is wrong, and has not touched what is above it', async () => {
    const tree = new FakeTree('/a/b/c', '/a/d');
    tree.before = (call, path) => {
      if (call === 'delete' && path === '/a/b/c') throw error(Errno.NoAuth, path);
    };
    expect(await rejectionOf(deleteRecursive(tree, '/a'))).toBeInstanceOf(NoAuthError);
    expect(tree.nodes).toContain('/a/b');
    expect(tree.nodes).toContain('/a');
    expect(tree.count('delete')).toBe(1);
  });

  it('has deleted nothing where it could not see everything', async () => {
    const tree = new FakeTree('/a/b', '/a/c');
    tree.before = (call, path) => {
      if (call === 'children' && path === '/a/c') throw error(Errno.NoAuth, path);
    };
    expect(await rejectionOf(deleteRecursive(tree, '/a'))).toBeInstanceOf(NoAuthError);
    expect(tree.count('delete')).toBe(0);
  });

  it('has no more calls under way than it may', async () => {
    const tree = new FakeTree(...Array.from({ length: 500 }, (_, i) => `/a/${i}`));
    await deleteRecursive(tree, '/a', { batchSize: 1, concurrency: 7 });
    expect(tree.most).toBe(7);
    expect([...tree.nodes]).toEqual(['/']);
  });

  it('stops soon after it has failed', async () => {
    const tree = new FakeTree(...Array.from({ length: 1000 }, (_, i) => `/a/${i}`));
    tree.before = (call, path) => {
      if (call === 'delete' && path === '/a/999') throw error(Errno.NoAuth, path);
    };
    // the last of its level, and so the first to go
    expect(await rejectionOf(deleteRecursive(tree, '/a', { batchSize: 1 }))).toBeInstanceOf(NoAuthError);
    await new Promise((resolve) => setImmediate(resolve));
    expect(tree.count('delete')).toBeLessThan(100);
    expect(tree.now).toBe(0);
  });

  it('deletes any tree, with any of it vanishing and appearing on the way', async () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/r/${names.join('/')}`);
    const act = fc.record({ at: fc.nat(30), add: fc.boolean(), path });
    await checkAsync(
      fc.asyncProperty(
        fc.array(path, { maxLength: 12 }),
        fc.array(act, { maxLength: 6 }),
        async (paths, acts) => {
          const tree = new FakeTree('/r', '/keep/a', ...paths);
          let calls = 0;
          tree.before = () => {
            const at = calls++;
            for (const { path: target, add } of acts.filter((one) => one.at === at)) {
              if (add) tree.add(target);
              else tree.remove(target);
            }
          };
          const last = Math.max(0, ...acts.map(({ at }) => at));
          await deleteRecursive(tree, '/r');
          // what came when all was over may stand
          if (calls > last) expect([...tree.nodes].sort()).toEqual(['/', '/keep', '/keep/a']);
        },
      ),
    );
  });
});
