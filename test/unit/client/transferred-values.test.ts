/** What is done with a value that was handed out is nobody else's business: its memory may be given to a worker. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect, op, type Conn } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

let server: MiniServer;
let conn: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  conn = await connect(server.connectString);
});

afterEach(async () => {
  await conn.close();
  await server.close();
});

function transfer(data: Buffer | null | undefined): void {
  try {
    structuredClone(data, { transfer: [data?.buffer as ArrayBuffer] });
  } catch {
    // the pool cannot be given away, which newer versions of Node say
  }
}

const valueOf = (i: number, bytes: number): string => String(i).padEnd(bytes, '.');

it.each([100, 3000, 70_000])('%i bytes each: the others and the server keep theirs', async (bytes) => {
  const paths = Array.from({ length: 40 }, (_, i) => `/n-${i}`);
  const wanted = paths.map((_, i) => valueOf(i, bytes));
  await Promise.all(paths.map((path, i) => conn.create(path, valueOf(i, bytes))));
  const readAll = async (): Promise<(Buffer | null)[]> =>
    (await Promise.all(paths.map((path) => conn.get(path)))).map(({ data }) => data);
  const values = await readAll();
  for (const i of [0, 20, 39]) {
    transfer(values[i]);
    const others = values.flatMap((data, at) => (at === i || data?.length === 0 ? [] : [String(data)]));
    expect(wanted).toEqual(expect.arrayContaining(others));
  }
  expect(values.filter((data) => data?.length === bytes).length).toBeGreaterThanOrEqual(37);
  expect((await readAll()).map(String)).toEqual(wanted);
});

it('of several values in one reply', async () => {
  const paths = Array.from({ length: 20 }, (_, i) => `/n-${i}`);
  await Promise.all(paths.map((path, i) => conn.create(path, valueOf(i, 10_000))));
  const results = await conn.multiRead(paths.map((path) => op.get(path)));
  const values = results.map((result) => ('data' in result ? result.data : null));
  transfer(values[10]);
  const others = values.filter((_, i) => i !== 10);
  expect(others.map(String)).toEqual(paths.map((_, i) => valueOf(i, 10_000)).filter((_, i) => i !== 10));
});

it('and what is given to a call may be given away as soon as it was called', async () => {
  const data = Buffer.from(new ArrayBuffer(50_000)).fill('x');
  const created = conn.create('/a', data);
  transfer(data);
  expect(data).toHaveLength(0);
  await created;
  expect((await conn.get('/a')).data?.toString()).toBe('x'.repeat(50_000));
});
