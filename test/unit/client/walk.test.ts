import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Walk, type WalkedNode } from '../../../src/client/walk.js';
import { InvalidArgumentError, InvalidPathError, NoNodeError, connect } from '../../../src/index.js';
import { joinPath } from '../../../src/protocol/paths.js';
import { MiniServer } from '../../../src/testing.js';
import { STAT } from '../../support/core-world.js';
import { checkAsync } from '../../support/property.js';
import { catchingUncaught, rejectionOf, settle } from '../../support/scripted-server.js';

/** Children of each node of a tree. */
type Shape = Readonly<Record<string, readonly string[]>>;

const SHAPE: Shape = { '/a': ['b', 'c'], '/a/b': ['d', 'e'], '/a/c': ['f'], '/a/b/d': ['g'] };

/** A reader of such a tree whose answers come when the test says so, or at once. */
class Reader {
  readonly asked: string[] = [];
  now = 0;
  most = 0;
  readonly gone = new Set<string>();
  private readonly answers = new Map<string, () => void>();

  constructor(
    private readonly shape: Shape,
    private readonly prompt = true,
  ) {}

  readonly read = async (path: string): Promise<WalkedNode | null> => {
    this.asked.push(path);
    this.most = Math.max(this.most, ++this.now);
    await (this.prompt ? Promise.resolve() : new Promise<void>((resolve) => this.answers.set(path, resolve)));
    this.now--;
    return this.gone.has(path) ? null : { path, stat: STAT, children: this.shape[path] ?? [] };
  };

  answer(path: string): void {
    this.answers.get(path)?.();
  }
}

async function paths(walk: AsyncIterable<WalkedNode>): Promise<string[]> {
  const all: string[] = [];
  for await (const { path } of walk) all.push(path);
  return all;
}

describe('a walk', () => {
  it('goes level by level', async () => {
    const walk = new Walk('/a', false, 4, new Reader(SHAPE).read);
    expect(await paths(walk)).toEqual(['/a', '/a/b', '/a/c', '/a/b/d', '/a/b/e', '/a/c/f', '/a/b/d/g']);
  });

  it('goes into the depth', async () => {
    const walk = new Walk('/a', true, 4, new Reader(SHAPE).read);
    expect(await paths(walk)).toEqual(['/a', '/a/b', '/a/b/d', '/a/b/d/g', '/a/b/e', '/a/c', '/a/c/f']);
  });

  it('visits each node of any tree once, parents first, with no more reads under way than it may', async () => {
    const tree = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }), {
      maxLength: 30,
    });
    await checkAsync(
      fc.asyncProperty(
        tree,
        fc.boolean(),
        fc.integer({ min: 1, max: 6 }),
        async (names, depth, concurrency) => {
          const shape: Record<string, string[]> = { '/': [] };
          for (const list of names) {
            let path = '/';
            for (const name of list) {
              if (!shape[path]!.includes(name)) shape[path]!.push(name);
              path = joinPath(path, name);
              shape[path] ??= [];
            }
          }
          for (const children of Object.values(shape)) children.sort();
          const reader = new Reader(shape);
          const found = await paths(new Walk('/', depth, concurrency, reader.read));
          expect([...found].sort()).toEqual(Object.keys(shape).sort());
          expect(reader.most).toBeLessThanOrEqual(concurrency);
          const depthOf = (path: string): number => (path === '/' ? 0 : path.split('/').length);
          // a path with '/' behind every name sorts as its subtree stands
          const key = (path: string): string => path.replaceAll('/', '\u0001');
          const wanted = [...found].sort((a, b) =>
            depth || depthOf(a) === depthOf(b) ? (key(a) < key(b) ? -1 : 1) : depthOf(a) - depthOf(b),
          );
          expect(found).toEqual(wanted);
        },
      ),
    );
  });

  it('reads nothing before it is asked, and no more ahead than it may', async () => {
    const shape = { '/': Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0')) };
    const reader = new Reader(shape);
    const walk = new Walk('/', false, 5, reader.read);
    expect(reader.asked).toEqual([]);
    await walk.next();
    expect(reader.asked).toEqual(['/']);
    await walk.next();
    expect(reader.asked).toEqual(['/', '/00', '/01', '/02', '/03', '/04']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(reader.asked).toHaveLength(6);
  });

  it('ends at a break, and reads no more', async () => {
    const reader = new Reader(SHAPE);
    for await (const { path } of new Walk('/a', false, 2, reader.read)) if (path === '/a/b') break;
    await new Promise((resolve) => setImmediate(resolve));
    expect(reader.asked).toEqual(['/a', '/a/b', '/a/c']);
  });

  it('that is broken off while it reads gives no more', async () => {
    const reader = new Reader(SHAPE, false);
    const walk = new Walk('/a', false, 2, reader.read);
    const next = walk.next();
    await settle();
    expect(reader.asked).toEqual(['/a']);
    await walk.return();
    reader.answer('/a');
    expect(await next).toEqual({ value: undefined, done: true });
    expect(await walk.next()).toEqual({ value: undefined, done: true });
  });

  it('that is broken off, or has failed, does not care how the reads ahead end', async () => {
    const bad = new Error('bad');
    const uncaught = await catchingUncaught(async () => {
      const shape: Shape = { '/a': ['b', 'c', 'd'], '/a/b': [] };
      const read = (path: string): Promise<WalkedNode> => {
        const children = shape[path];
        return children === undefined ? Promise.reject(bad) : Promise.resolve({ path, stat: STAT, children });
      };
      const [broken, failed] = [new Walk('/a', false, 4, read), new Walk('/a', false, 4, read)];
      for (const walk of [broken, failed]) for (let i = 0; i < 2; i++) await walk.next();
      await broken.return();
      expect(await rejectionOf(failed.next())).toBe(bad);
      await settle();
    });
    expect(uncaught).toEqual([]);
  });

  it('leaves out what has vanished, with all below it', async () => {
    const reader = new Reader(SHAPE);
    reader.gone.add('/a/b');
    expect(await paths(new Walk('/a', false, 4, reader.read))).toEqual(['/a', '/a/c', '/a/c/f']);
  });

  it('gives its nodes in order to whoever asks for several at once', async () => {
    const walk = new Walk('/a', false, 4, new Reader(SHAPE).read);
    const many = await Promise.all(Array.from({ length: 9 }, () => walk.next()));
    expect(many.map(({ value }) => value?.path)).toEqual([
      '/a',
      '/a/b',
      '/a/c',
      '/a/b/d',
      '/a/b/e',
      '/a/c/f',
      '/a/b/d/g',
      undefined,
      undefined,
    ]);
  });

  it('rejects once, in its turn, and is over', async () => {
    const bad = new Error('bad');
    const reader = new Reader(SHAPE);
    const walk = new Walk('/a', false, 4, (path) =>
      path === '/a/c' ? Promise.reject(bad) : reader.read(path),
    );
    expect((await walk.next()).value?.path).toBe('/a');
    expect((await walk.next()).value?.path).toBe('/a/b');
    expect(await rejectionOf(walk.next())).toBe(bad);
    expect(await walk.next()).toEqual({ value: undefined, done: true });
  });
});

describe('conn.walk', () => {
  it('gives path, Stat, children, and data where it is asked for', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    await conn.ensurePath('/a/c/d');
    await conn.create('/a/b', 'text');
    const plain = conn.walk('/a');
    expect((await plain.next()).value).toEqual({
      path: '/a',
      stat: await conn.exists('/a'),
      children: ['b', 'c'],
    });
    const found: unknown[] = [];
    for await (const { path, data, children } of conn.walk('/a', { data: true, order: 'depth' })) {
      found.push([path, data === null ? null : String(data), children]);
    }
    expect(found).toEqual([
      ['/a', null, ['b', 'c']],
      ['/a/b', 'text', []],
      ['/a/c', null, ['d']],
      ['/a/c/d', null, []],
    ]);
    expect((await paths(conn.chroot('/a').walk('/'))).sort()).toEqual(['/', '/b', '/c', '/c/d']);
    await conn.close();
    await server.close();
  });

  it('rejects at the first next for what it cannot walk', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    expect(await rejectionOf(conn.walk('/none').next())).toBeInstanceOf(NoNodeError);
    expect(await rejectionOf(conn.walk('none').next())).toBeInstanceOf(InvalidPathError);
    for (const options of [{ order: 'random' }, { concurrency: 0 }, { concurrency: 'x' }, { data: 1 }]) {
      const walk = conn.walk('/', options as never);
      expect(await rejectionOf(walk.next())).toBeInstanceOf(InvalidArgumentError);
      expect(await walk.next()).toEqual({ value: undefined, done: true });
    }
    await conn.close();
    await server.close();
  });

  it('stops when its signal says so', async () => {
    const server = await MiniServer.start();
    const conn = await connect(server.connectString);
    const abort = new AbortController();
    const walk = conn.walk('/', { signal: abort.signal });
    await walk.next();
    const reason = new Error('enough');
    abort.abort(reason);
    expect(await rejectionOf(walk.next())).toBe(reason);
    await conn.close();
    await server.close();
  });
});
