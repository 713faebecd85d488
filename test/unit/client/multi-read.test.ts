import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import { op } from '../../../src/client/transaction.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  DecodeError,
  InvalidArgumentError,
  InvalidPathError,
  NoNodeError,
  UnsupportedError,
} from '../../../src/protocol/errors.js';
import type { MultiResult } from '../../../src/protocol/multi.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import { STAT } from '../../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

const { getData, getChildren } = operations;
const ok = (row: AnyOp, response: unknown): MultiResult => ({ errno: 0, op: row, response });
const failed = (errno: number): MultiResult => ({ errno, op: null, response: null });
const DATA = { data: Buffer.from('x'), stat: STAT };

const server = new ScriptedServer();
let conn: Conn;

beforeEach(async () => {
  conn = await server.connected({ chroot: '/app' });
  server.link.take();
});

afterEach(async () => {
  await server.close(conn);
});

async function answer(...results: MultiResult[]): Promise<unknown> {
  await settle();
  const seen = server.link.takeOne();
  await server.link.answer(seen, { results });
  return { name: seen.op.name, ...seen.request };
}

describe('a multiRead', () => {
  it('asks below the chroot, and gives results and errors in order', async () => {
    const running = conn.multiRead([op.get('/a'), op.children('/'), op.get('/b')]);
    const sent = await answer(ok(getData, DATA), ok(getChildren, { children: ['x'] }), failed(Errno.NoNode));
    expect(sent).toEqual({
      name: 'multiRead',
      ops: [
        { op: getData, request: { path: '/app/a', watch: false } },
        { op: getChildren, request: { path: '/app', watch: false } },
        { op: getData, request: { path: '/app/b', watch: false } },
      ],
    });
    const [a, children, b] = await running;
    expect([a, children]).toEqual([DATA, ['x']]);
    expect(b).toBeInstanceOf(NoNodeError);
    expect(b).toMatchObject({ op: 'getData', path: '/b', outcome: 'rejected' });
  });

  it('of nothing asks nobody', async () => {
    expect(await conn.multiRead([])).toEqual([]);
    expect(server.link.take()).toEqual([]);
  });

  it.each<[string, MultiResult[]]>([
    ['too few results', []],
    ['too many', [ok(getData, DATA), ok(getData, DATA)]],
    ['one of another kind', [ok(getChildren, { children: [] })]],
    ['an error without a number', [failed(0)]],
  ])('with %s is a DecodeError', async (_what, results) => {
    const error = rejectionOf(conn.multiRead([op.get('/a')]));
    await answer(...results);
    expect(await error).toBeInstanceOf(DecodeError);
    await server.link.welcome().catch(() => undefined);
  });

  it('keeps to the list as it was when it was called', async () => {
    const list = [op.get('/a')];
    const running = conn.multiRead(list);
    list.push(op.get('/b'));
    await answer(ok(getData, DATA));
    expect(await running).toEqual([DATA]);
  });

  it('says when the server is too old', async () => {
    const error = rejectionOf(conn.multiRead([op.get('/a')]));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.Unimplemented);
    expect(await error).toBeInstanceOf(UnsupportedError);
    expect(await error).toMatchObject({ op: 'multiRead', since: '3.6' });
  });

  it.each([
    ['no list', null],
    ['a hole', [op.get('/a'), , op.get('/b')]], // eslint-disable-line no-sparse-arrays -- on purpose
    ['what op did not make', [{ ...op.get('/a') }]],
    ['a write', [op.set('/a', 'x')]],
  ])('refuses %s', async (_what, list) => {
    expect(await rejectionOf(conn.multiRead(list as never))).toBeInstanceOf(InvalidArgumentError);
    expect(server.link.take()).toEqual([]);
  });

  it('is not for a multi, which refuses reads', async () => {
    expect(await rejectionOf(conn.multi([op.get('/a')] as never))).toBeInstanceOf(InvalidArgumentError);
    expect(() => conn.transaction().add(op.get('/a') as never)).not.toThrow();
    expect(
      await rejectionOf(
        conn
          .transaction()
          .add(op.get('/a') as never)
          .commit(),
      ),
    ).toBeInstanceOf(InvalidArgumentError);
  });

  it.each(['a', '/a/', '', 5])('refuses the path %j when it is made', (path) => {
    expect(() => op.get(path as string)).toThrow(InvalidPathError);
    expect(() => op.children(path as string)).toThrow(InvalidPathError);
  });
});
