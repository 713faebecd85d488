/** What the idempotent calls know of the time before them, over connections that lose requests and answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, exponentialBackoff, noRetry, type Conn, type ConnOptions } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { LossyDialer, type Lost } from '../../support/lossy-dialer.js';
import { rejectionOf } from '../../support/scripted-server.js';

/** No time passes between attempts. */
const AT_ONCE = { retry: exponentialBackoff({ baseMs: 0, maxMs: 0 }) };

let server: MiniServer;
let link: LossyDialer;
let conn: Conn;
let other: Conn;

const open = (options?: ConnOptions): Promise<Conn> =>
  connect(server.connectString, { dialer: link.dial, backoff: { baseMs: 1, maxMs: 1 }, ...options });

beforeEach(async () => {
  server = await MiniServer.start();
  link = new LossyDialer();
  [conn, other] = await Promise.all([open(), connect(server.connectString)]);
});

afterEach(async () => {
  await Promise.all([conn.close(), other.close()]);
  await server.close();
});

/** What others have made long before the call, and what the call would make. */
const PRIOR: Record<string, { prepare: () => Promise<unknown>; call: () => Promise<unknown> }> = {
  create: {
    prepare: () => other.create('/a', 'same'),
    call: () => conn.createIdempotent('/a', 'same', AT_ONCE),
  },
  setData: {
    prepare: async () => {
      await other.create('/a', 'old');
      await other.set('/a', 'same', 0);
    },
    call: () => conn.setIdempotent('/a', 'same', 0, AT_ONCE),
  },
};

describe.each(Object.keys(PRIOR))('on a Conn that was idle while others wrote, %s', (op) => {
  const { prepare, call } = PRIOR[op]!;

  it.each(['a new Conn', 'one that had seen something'])('claims nothing of theirs: %s', async (which) => {
    if (which !== 'a new Conn') await conn.exists('/');
    await prepare();
    link.lose(op, 'request');
    expect(await rejectionOf(call())).toMatchObject({ outcome: 'rejected' });
    expect(link.done).toBe(true);
  });

  it('says that nobody knows where all answers were lost', async () => {
    await conn.exists('/');
    await prepare();
    link.lose('sync', 'request');
    expect(await rejectionOf(call())).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op });
  });

  it('needs no right to see the root', async () => {
    await conn.exists('/');
    await prepare();
    await other.setAcl('/', [{ perms: 4, scheme: 'world', id: 'anyone' }]);
    link.lose(op, 'request');
    expect(await rejectionOf(call())).toMatchObject({ outcome: 'rejected' });
    expect(link.done).toBe(true);
  });
});

it.each<Lost>(['request', 'answer'])(
  'all lost with the first %s, our ephemeral node is ours',
  async (lost) => {
    await conn.exists('/');
    link.lose('sync', lost);
    expect(await conn.createIdempotent('/a', 'x', { mode: 'EPHEMERAL', ...AT_ONCE })).toBe('/a');
    expect(server.tree.get('/a')?.stat.ephemeralOwner).toBe(conn.sessionId);
  },
);

it('they keep their place among the calls', async () => {
  await other.create('/d');
  await other.create('/s', '0');
  const calls = [conn, conn.chroot('/')].map((on) =>
    Promise.all([
      on.createIdempotent('/a', 'x'),
      on.exists('/a'),
      on.deleteIdempotent('/a'),
      on.exists('/a'),
    ]),
  );
  for (const [, made, , gone] of await Promise.all(calls)) {
    expect(made).not.toBeNull();
    expect(gone).toBeNull();
  }
  const [, { data }, , left] = await Promise.all([
    conn.setIdempotent('/s', '1', 0),
    conn.get('/s'),
    conn.deleteIdempotent('/d', 0),
    conn.exists('/d'),
  ]);
  expect(String(data)).toBe('1');
  expect(left).toBeNull();
});

it('the mark is made once, and again only while nothing was written', async () => {
  await conn.createIdempotent('/a', 'x', AT_ONCE);
  expect(link.seen).toEqual(['connect', 'sync', 'exists', 'create']);
  link.lose('create', 'request');
  await conn.createIdempotent('/b', 'x', AT_ONCE);
  expect(link.seen.slice(4)).toEqual(['sync', 'exists', 'connect', 'create']);
});

it('wrong arguments send nothing, not even the mark', async () => {
  for (const wrong of [
    conn.createIdempotent('a'),
    conn.createIdempotent('/a', 5 as never),
    conn.createIdempotent('/a', null, { mode: 'PERSISTENT', ttlMs: 5 }),
    conn.createIdempotent('/a', null, { mode: 'PERSISTENT_SEQUENTIAL' }),
    conn.setIdempotent('a', null),
    conn.setIdempotent('/a', 5 as never),
    conn.setIdempotent('/a', null, -2),
    conn.deleteIdempotent('/'),
    conn.deleteIdempotent('/a', 0.5),
  ]) {
    expect(await rejectionOf(wrong)).toMatchObject({ outcome: 'not-sent' });
  }
  await conn.exists('/');
  expect(link.seen).toEqual(['connect', 'exists']);
});

it('they end as one with their time, their signal and their Conn', async () => {
  const none = await open({ offlineQueue: false });
  link.lose('exists', 'request');
  link.onCut = () => new Promise(() => undefined);
  await rejectionOf(none.exists('/'));
  expect(await rejectionOf(none.setIdempotent('/a', 'x', 0, { retry: noRetry }))).toMatchObject({
    code: 'ZK_CONNECTION_LOSS',
    outcome: 'not-sent',
  });
  const abort = new AbortController();
  const setting = conn.setIdempotent('/a', 'x', 0, { signal: abort.signal });
  abort.abort(new Error('enough'));
  expect(await rejectionOf(setting)).toEqual(new Error('enough'));
  const closing = rejectionOf(conn.setIdempotent('/a', 'x', 0));
  await conn.close();
  expect(await closing).toMatchObject({ name: 'NoNodeError' });
  expect(await rejectionOf(conn.setIdempotent('/a', 'x', 0))).toMatchObject({ code: 'ZK_CLOSED' });
  await none.close();
});
