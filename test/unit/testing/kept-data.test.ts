/** What a tree keeps alive: the data of its nodes, and little of what came with it. */
import { afterEach, beforeEach, expect, it, vi, type MockInstance } from 'vitest';
import { connect, type Conn } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { DataTree } from '../../../src/testing/data-tree.js';

let server: MiniServer;
let conn: Conn;
let inserts: MockInstance<DataTree['insert']>;

beforeEach(async () => {
  inserts = vi.spyOn(DataTree.prototype, 'insert');
  server = await MiniServer.start();
  conn = await connect(server.connectString);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await conn.close();
  await server.close();
});

/** All memory that their data keeps alive, and how much of it is data. */
function memory(): { readonly held: number; readonly bytes: number } {
  const all = new Map<ArrayBufferLike, number>();
  let bytes = 0;
  for (const [, { data }] of inserts.mock.calls) {
    if (data === null) continue;
    bytes += data.length;
    all.set(data.buffer, data.buffer.byteLength);
  }
  return { held: [...all.values()].reduce((sum, each) => sum + each, 0), bytes };
}

/** What came last lies where it came until more comes. */
const SLACK = 2 * Buffer.poolSize;

it.each([0, 1, 100, 1000, 5000, 100_000])('nodes of %i bytes among many sets of another', async (bytes) => {
  const data = Buffer.alloc(bytes, 'x');
  await conn.create('/hot');
  const sets = bytes > 1000 ? 5 : 70;
  for (let i = 0; i < 50; i++) {
    const others = Array.from({ length: sets }, () =>
      conn.set('/hot', Buffer.alloc(Math.min(bytes, 1000), i)),
    );
    await Promise.all([conn.create(`/n-${i}`, data), ...others]);
  }
  expect(inserts).toHaveBeenCalledTimes(51);
  const { held, bytes: own } = memory();
  expect(held).toBeLessThanOrEqual(2 * own + SLACK);
  for (let i = 0; i < 50; i++) expect(server.tree.get(`/n-${i}`)?.data?.equals(data)).toBe(true);
  expect(server.tree.get('/hot')?.data?.equals(Buffer.alloc(Math.min(bytes, 1000), 49))).toBe(true);
});

it('what was set once among many sets of another, and what a transaction takes back', async () => {
  await conn.create('/hot');
  const paths = Array.from({ length: 50 }, (_, i) => `/n-${i}`);
  await Promise.all(paths.map((path) => conn.create(path, 'as it was')));
  for (const [i, path] of paths.entries()) {
    const others = Array.from({ length: 70 }, () => conn.set('/hot', Buffer.alloc(100, i)));
    await Promise.all([conn.set(path, `${i}`.padEnd(100)), ...others]);
    const failing = conn.transaction().set(path, 'never').check(path, 77);
    await expect(failing.commit()).rejects.toThrow();
  }
  const { held, bytes } = memory();
  expect(held).toBeLessThanOrEqual(2 * bytes + SLACK);
  expect(paths.map((path) => server.tree.get(path)?.text)).toEqual(paths.map((_, i) => `${i}`.padEnd(100)));
});
