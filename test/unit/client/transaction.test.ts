import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import { op, type CreatedInMulti, type Operation } from '../../../src/client/transaction.js';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  BadVersionError,
  DecodeError,
  InvalidArgumentError,
  KeeperError,
  MultiError,
  NoNodeError,
} from '../../../src/protocol/errors.js';
import type { MultiOp, MultiResult } from '../../../src/protocol/multi.js';
import type { AnyOp } from '../../../src/protocol/op.js';
import { operations } from '../../../src/protocol/operations.js';
import type { Stat } from '../../../src/protocol/records.js';
import { STAT, replyFrame } from '../../support/core-world.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../../support/scripted-server.js';

const ok = (row: AnyOp, response: unknown = {}): MultiResult => ({ errno: 0, op: row, response });
const failed = (errno: number): MultiResult => ({ errno, op: null, response: null });
const { create, create2, createTTL, createContainer, setData, check, getData } = operations;
const del = operations.delete;

const server = new ScriptedServer();
let conn: Conn;

beforeEach(async () => {
  conn = await server.connected();
  server.link.take();
});

afterEach(async () => {
  await server.close(conn);
});

/** Starts anew, with a chroot. */
async function chrooted(): Promise<void> {
  await server.close(conn);
  conn = await server.connected({ chroot: '/app' });
}

/** The operations of the only multi that came, after which it is answered. */
async function answer(...results: MultiResult[]): Promise<readonly MultiOp[]> {
  await settle();
  const seen = server.link.takeOne();
  expect(seen.op.name).toBe('multi');
  await server.link.answer(seen, { results });
  return seen.request['ops'] as readonly MultiOp[];
}

describe('a multi', () => {
  it('has a result of its own type for each operation, in order', async () => {
    const running = conn.multi([
      op.create('/a', 'x'),
      op.createWithStat('/b'),
      op.set('/c', Buffer.from('y'), 3),
      op.delete('/d'),
      op.check('/e', 7),
    ]);
    const sent = await answer(
      ok(create, { path: '/a' }),
      ok(create2, { path: '/b', stat: STAT }),
      ok(setData, { stat: STAT }),
      ok(del),
      ok(check),
    );
    const results = await running;
    expectTypeOf(results).toEqualTypeOf<[string, CreatedInMulti, Stat, undefined, undefined]>();
    expect(results).toEqual(['/a', { path: '/b', stat: STAT }, STAT, undefined, undefined]);
    expect(sent.map(({ op: { name }, request }) => [name, request])).toEqual([
      ['create', { path: '/a', data: Buffer.from('x'), acl: OPEN_ACL_UNSAFE, flags: 0 }],
      ['create2', { path: '/b', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 }],
      ['setData', { path: '/c', data: Buffer.from('y'), version: 3 }],
      ['delete', { path: '/d', version: -1 }],
      ['check', { path: '/e', version: 7 }],
    ]);
  });

  it('creates nodes of every kind, each by its own operation', async () => {
    const running = conn.multi([
      op.create('/s-', null, { mode: 'EPHEMERAL_SEQUENTIAL' }),
      op.create('/c', null, { mode: 'CONTAINER' }),
      op.createWithStat('/t', null, { mode: 'PERSISTENT_WITH_TTL', ttlMs: 9 }),
    ]);
    const sent = await answer(
      ok(create, { path: '/s-0000000007' }),
      ok(createContainer, { path: '/c', stat: STAT }),
      ok(createTTL, { path: '/t', stat: STAT }),
    );
    expect(sent.map(({ op: row, request }) => [row.name, (request as { flags: number }).flags])).toEqual([
      ['create', 3],
      ['createContainer', 4],
      ['createTTL', 5],
    ]);
    expect(sent[2]?.request).toMatchObject({ ttl: 9 });
    // the server answers both as create2
    expect(await running).toEqual(['/s-0000000007', '/c', { path: '/t', stat: STAT }]);
  });

  it('has no Stat of a created node from a server that gives none', async () => {
    const running = conn.multi([op.createWithStat('/a')]);
    await answer(ok(create, { path: '/a' }));
    expect(await running).toEqual([{ path: '/a', stat: null }]);
  });

  it('of nothing asks nobody', async () => {
    expect(await conn.multi([])).toEqual([]);
    expect(await conn.transaction().commit()).toEqual([]);
    await settle();
    expect(server.link.take()).toEqual([]);
  });

  it('goes its way in the order of the calls', async () => {
    const all = [conn.exists('/1'), conn.multi([op.check('/2')]), conn.exists('/3')];
    await settle();
    const [first, multi, last] = server.link.take();
    expect([first?.op.name, multi?.op.name, last?.op.name]).toEqual(['exists', 'multi', 'exists']);
    await server.link.refuse(first!, Errno.NoNode);
    await server.link.answer(multi!, { results: [ok(check)] });
    await server.link.refuse(last!, Errno.NoNode);
    expect(await Promise.all(all)).toEqual([null, [undefined], null]);
  });

  it('sends its operations as they were made, whatever becomes of their data and ACLs', async () => {
    const data = Buffer.from('before');
    const acl = [{ perms: 1, scheme: 'world', id: 'anyone' }];
    const list = [op.set('/a', data), op.create('/b', data, { acl })] as const;
    data.write('AFTER!');
    acl[0]!.perms = 31;
    acl.push({ perms: 31, scheme: 'world', id: 'anyone' });
    const running = conn.multi(list);
    const sent = await answer(ok(setData, { stat: STAT }), ok(create, { path: '/b' }));
    expect(await running).toEqual([STAT, '/b']);
    expect(sent.map(({ request }) => request)).toMatchObject([
      { data: Buffer.from('before') },
      { data: Buffer.from('before'), acl: [{ perms: 1, scheme: 'world', id: 'anyone' }] },
    ]);
  });

  it('is the list that it was when it was called', async () => {
    const list: Operation<unknown>[] = [op.set('/a', null), op.check('/b')];
    const outcome = watchOutcome(conn.multi(list));
    list.length = 0;
    list.push(op.delete('/c'));
    await answer(ok(setData, { stat: STAT }), ok(check));
    expect(outcome.current).toEqual({ value: [STAT, undefined] });
    expect(conn.state).toBe('SyncConnected');
  });

  it('may hold one operation several times, and an operation may stand in several', async () => {
    const one = op.check('/a');
    const running = [conn.multi([one, one]), conn.multi([one])];
    await settle();
    const [first, second] = server.link.take();
    await server.link.answer(first!, { results: [ok(check), ok(check)] });
    await server.link.answer(second!, { results: [ok(check)] });
    expect(await Promise.all(running)).toEqual([[undefined, undefined], [undefined]]);
  });
});

describe('a multi that failed', () => {
  it('says which operation, and what became of each [E17]', async () => {
    const rejected = rejectionOf(conn.multi([op.check('/a'), op.set('/b', null, 5), op.delete('/c')]));
    await answer(failed(0), failed(Errno.BadVersion), failed(Errno.RuntimeInconsistency));
    const error = (await rejected) as MultiError;
    expect(error).toBeInstanceOf(MultiError);
    expect(error).toBeInstanceOf(KeeperError);
    expect(error).toMatchObject({
      code: 'ZK_BAD_VERSION',
      errno: Errno.BadVersion,
      index: 1,
      path: '/b',
      outcome: 'rejected',
      retryable: false,
      results: [
        { op: 'check', path: '/a', errno: 0 },
        { op: 'setData', path: '/b', errno: Errno.BadVersion },
        { op: 'delete', path: '/c', errno: Errno.RuntimeInconsistency },
      ],
    });
    expect(error.cause).toBeInstanceOf(BadVersionError);
    expect(error.cause).toMatchObject({ op: 'setData', path: '/b', outcome: 'rejected' });
    expect(conn.state).toBe('SyncConnected');
  });

  it.each([0, 1, 2])('at operation %i says so', async (index) => {
    const list = [op.delete('/0'), op.delete('/1'), op.delete('/2')];
    const rejected = rejectionOf(conn.multi(list));
    await answer(
      ...list.map((_, i) => failed(i < index ? 0 : i === index ? Errno.NoNode : Errno.RuntimeInconsistency)),
    );
    expect(await rejected).toMatchObject({
      index,
      path: `/${index}`,
      code: 'ZK_NO_NODE',
      cause: expect.any(NoNodeError),
    });
  });

  it('with a code that nobody knows, says that', async () => {
    const rejected = rejectionOf(conn.multi([op.delete('/a')]));
    await answer(failed(-4711));
    expect(await rejected).toMatchObject({ code: 'ZK_ERR_-4711', errno: -4711, index: 0 });
  });

  it('in its header, says what the header says', async () => {
    const rejected = rejectionOf(conn.multi([op.delete('/a')]));
    await settle();
    await server.link.refuse(server.link.takeOne(), Errno.Marshalling);
    const error = await rejected;
    expect(error).not.toBeInstanceOf(MultiError);
    expect(error).toMatchObject({
      code: 'ZK_MARSHALLING_ERROR',
      op: 'multi',
      path: undefined,
      outcome: 'rejected',
    });
    expect(conn.state).toBe('SyncConnected');
  });

  it('because the connection was lost, may have happened', async () => {
    const rejected = rejectionOf(conn.multi([op.delete('/a')]));
    await settle();
    await server.link.fail();
    expect(await rejected).toMatchObject({ code: 'ZK_CONNECTION_LOSS', op: 'multi', outcome: 'unknown' });
  });
});

describe('an answer that does not fit', () => {
  const list = (): Operation<unknown>[] => [op.create('/a'), op.delete('/b')];

  it.each<[string, MultiResult[]]>([
    ['too few results', [ok(create, { path: '/a' })]],
    ['too many results', [ok(create, { path: '/a' }), ok(del), ok(del)]],
    ['no result', []],
    ['the results of others', [ok(del), ok(create, { path: '/a' })]],
    ['the result of a read', [ok(create, { path: '/a' }), ok(getData, { data: null, stat: STAT })]],
    ['the result of a set', [ok(setData, { stat: STAT }), ok(del)]],
    ['a check for a delete', [ok(create, { path: '/a' }), ok(check)]],
    ['an error that is none', [ok(create, { path: '/a' }), failed(0)]],
    ['nothing but errors that are none', [failed(0), failed(0)]],
    ['too few errors', [failed(Errno.NoNode)]],
  ])('costs the connection: %s', async (_, results) => {
    const rejected = rejectionOf(conn.multi(list()));
    const behind = rejectionOf(conn.get('/behind'));
    await settle();
    const [multi] = server.link.take();
    const { link } = server;
    await link.answer(multi!, { results });
    const error = await rejected;
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ code: 'ZK_DECODE', op: 'multi', outcome: 'unknown' });
    expect(link.destroyed).toBe(true);
    expect(await behind).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    await server.link.connect();
    expect(server.link.handshake.sessionId).toBe(0xabcn);
  });

  it('costs the connection: a result of an operation that nobody knows', async () => {
    const rejected = rejectionOf(conn.multi(list()));
    await settle();
    const { link } = server;
    await link.send(
      replyFrame(link.takeOne().xid, {
        body: (w) => {
          w.int(4711);
          w.bool(false);
          w.int(0);
        },
      }),
    );
    expect(await rejected).toMatchObject({ code: 'ZK_DECODE', op: 'multi' });
    expect(link.destroyed).toBe(true);
  });

  it('costs the connection: no end', async () => {
    const rejected = rejectionOf(conn.multi([op.delete('/a')]));
    await settle();
    const { link } = server;
    await link.send(
      replyFrame(link.takeOne().xid, {
        body: (w) => {
          w.int(2);
          w.bool(false);
          w.int(0);
        },
      }),
    );
    expect(await rejected).toMatchObject({ code: 'ZK_DECODE', op: 'multi' });
    expect(link.destroyed).toBe(true);
  });
});

describe('under a chroot', () => {
  beforeEach(chrooted);

  it('adds it to every path, and takes it off every result', async () => {
    const running = conn.multi([
      op.create('/a'),
      op.createWithStat('/s-', null, { mode: 'PERSISTENT_SEQUENTIAL' }),
      op.create('/', null, { mode: 'PERSISTENT_SEQUENTIAL' }),
      op.set('/', 'x'),
      op.check('/c'),
      op.delete('/d'),
    ]);
    const sent = await answer(
      ok(create, { path: '/app/a' }),
      ok(create2, { path: '/app/s-0000000001', stat: STAT }),
      ok(create, { path: '/app/0000000002' }),
      ok(setData, { stat: STAT }),
      ok(check),
      ok(del),
    );
    expect(sent.map(({ request }) => (request as { path: string }).path)).toEqual([
      '/app/a',
      '/app/s-',
      '/app/',
      '/app',
      '/app/c',
      '/app/d',
    ]);
    expect(await running).toEqual([
      '/a',
      { path: '/s-0000000001', stat: STAT },
      '/0000000002',
      STAT,
      undefined,
      undefined,
    ]);
  });

  it('has the paths of the caller in its error', async () => {
    const rejected = rejectionOf(conn.multi([op.delete('/a')]));
    await answer(failed(Errno.NoNode));
    expect(await rejected).toMatchObject({ path: '/a', results: [{ path: '/a' }], cause: { path: '/a' } });
  });

  it('lets one operation be used with and without it', async () => {
    const one = op.create('/a');
    const running = conn.multi([one]);
    await answer(ok(create, { path: '/app/a' }));
    expect(await running).toEqual(['/a']);
    await server.close(conn);
    conn = await server.connected();
    const again = conn.multi([one]);
    expect(await answer(ok(create, { path: '/a' }))).toMatchObject([{ request: { path: '/a' } }]);
    expect(await again).toEqual(['/a']);
  });
});

describe('a transaction', () => {
  it('is a multi that is put together bit by bit', async () => {
    const transaction = conn
      .transaction()
      .check('/a', 1)
      .create('/b', 'x', { mode: 'EPHEMERAL' })
      .createWithStat('/c')
      .set('/d', null)
      .delete('/e', 4)
      .add(op.check('/f'));
    await settle();
    expect(server.link.take()).toEqual([]);
    const running = transaction.commit();
    const sent = await answer(
      ok(check),
      ok(create, { path: '/b' }),
      ok(create2, { path: '/c', stat: STAT }),
      ok(setData, { stat: STAT }),
      ok(del),
      ok(check),
    );
    const results = await running;
    expectTypeOf(results).toEqualTypeOf<[undefined, string, CreatedInMulti, Stat, undefined, undefined]>();
    expect(results).toEqual([undefined, '/b', { path: '/c', stat: STAT }, STAT, undefined, undefined]);
    expect(sent.map(({ op: row }) => row.name)).toEqual([
      'check',
      'create',
      'create2',
      'setData',
      'delete',
      'check',
    ]);
    expect(sent[0]?.request).toEqual({ path: '/a', version: 1 });
    expect(sent[4]?.request).toEqual({ path: '/e', version: 4 });
  });

  it('is left as it is by what is added to it', async () => {
    const transaction = conn.transaction().check('/a');
    const longer = transaction.delete('/b');
    const running = transaction.commit();
    await answer(ok(check));
    expect(await running).toEqual([undefined]);
    const again = longer.commit();
    expect(await answer(ok(check), ok(del))).toHaveLength(2);
    expect(await again).toEqual([undefined, undefined]);
  });

  it('throws for a bad argument, and is not spoilt by it', async () => {
    const transaction = conn.transaction().check('/a');
    expect(() => transaction.set('b', null)).toThrow();
    expect(() => transaction.delete('/')).toThrow();
    const running = transaction.commit();
    await answer(ok(check));
    expect(await running).toEqual([undefined]);
  });

  it('rejects, and does not throw, for what op did not make', async () => {
    const outcome = watchOutcome(
      conn
        .transaction()
        .add({} as Operation<string>)
        .commit(),
    );
    await settle();
    expect(outcome.current).toEqual({ error: expect.any(InvalidArgumentError) });
    expect(outcome.current).toMatchObject({ error: { op: 'multi', outcome: 'not-sent' } });
  });
});
