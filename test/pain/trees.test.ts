/** Whole subtrees: many at once, many nodes, and others who do the same. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvalidPathError, connect, op, type Conn } from '../../src/index.js';
import { MiniServer } from '../../src/testing.js';
import { CuttableDialer } from '../support/cuttable-dialer.js';
import { rejectionOf } from '../support/scripted-server.js';

let server: MiniServer;
let link: CuttableDialer;
let conn: Conn;
let other: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  link = new CuttableDialer();
  conn = await connect(server.connectString, { dialer: link.dial });
  other = await connect(server.connectString);
});

afterEach(async () => {
  await Promise.all([conn.close(), other.close()]);
  await server.close();
});

/** Ten thousand nodes below `/t`: a hundred with a hundred children, less one. */
async function plant(): Promise<number> {
  await conn.create('/t');
  let nodes = 1;
  for (let i = 0; i < 100; i++) {
    const children = Array.from({ length: 99 }, (_, j) => op.create(`/t/${i}/${j}`, 'x'));
    await conn.multi([op.create(`/t/${i}`), ...children]);
    nodes += 100;
  }
  return nodes;
}

describe('a path that a hundred make at the same time', () => {
  it('is there for each of them, and its parents are empty [E16]', async () => {
    await Promise.all(
      Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? conn : other).ensurePath('/a/b/c/d/e')),
    );
    for (const path of ['/a', '/a/b', '/a/b/c', '/a/b/c/d', '/a/b/c/d/e'])
      expect([path, (await conn.get(path)).stat.dataLength]).toEqual([path, 0]);
  });
});

describe('ten thousand nodes', () => {
  it('are deleted in batches and many at a time: far fewer writes than nodes [E16]', async () => {
    const nodes = await plant();
    expect(nodes).toBeGreaterThan(10_000);
    const before = link.writes;
    expect(await conn.deleteRecursive('/t')).toBe(nodes);
    expect(link.writes - before).toBeLessThan(nodes / 10);
    expect(await conn.exists('/t')).toBeNull();
  });

  it('are deleted by two who do it at the same time, while a third takes some away [E16]', async () => {
    await plant();
    const third = await connect(server.connectString);
    const taking = (async () => {
      for (let i = 0; i < 99; i++) await third.delete(`/t/50/${i}`).catch(() => undefined);
    })();
    const deleted = await Promise.all([conn.deleteRecursive('/t'), other.deleteRecursive('/t'), taking]);
    expect(deleted[0] + deleted[1]).toBeGreaterThan(9800);
    expect(await conn.exists('/t')).toBeNull();
    await third.close();
  });

  it('and the root are safe from a slip: it is refused before anything is asked [E16]', async () => {
    const before = link.writes;
    for (const path of ['/', ''])
      expect(await rejectionOf(conn.deleteRecursive(path))).toBeInstanceOf(InvalidPathError);
    expect(link.writes).toBe(before);
  });
});
