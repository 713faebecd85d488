/** Protected create against servers that are played by hand: what no mini-server does at the right moment. */
import { describe, expect, it } from 'vitest';
import { exponentialBackoff } from '../../../src/client/retry.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { STAT } from '../../support/core-world.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../../support/scripted-server.js';

const AT_ONCE = { retry: exponentialBackoff({ baseMs: 0, maxMs: 0 }) };

const pathOf = (seen: { readonly request: Record<string, unknown> }): string =>
  seen.request['path'] as string;

describe('a protected ephemeral node whose session was lost with the answer (CURATOR-498)', () => {
  it('is not the one of the old session that a lagging server still shows', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const outcome = watchOutcome(
      conn.createProtected('/p/n-', null, { mode: 'EPHEMERAL_SEQUENTIAL', ...AT_ONCE }),
    );
    await settle();
    const first = pathOf(server.link.takeOne());
    expect(first).toMatch(/^\/p\/_c_[0-9a-f-]{36}-n-$/);
    // the session is over, and the next one is on a server that has not heard of it
    await server.link.fail();
    await server.link.welcome({ sessionId: 0xdefn });
    const [sync, children] = server.link.take();
    await server.link.answer(sync!, { path: '/p' });
    const lingering = `${first.slice(3)}0000000007`;
    await server.link.answer(children!, { children: ['other', lingering], stat: STAT });
    const exists = server.link.takeOne();
    expect([exists.op.name, pathOf(exists)]).toEqual(['exists', `/p/${lingering}`]);
    await server.link.answer(exists, { stat: { ...STAT, ephemeralOwner: 0xabcn } });
    const second = server.link.takeOne();
    expect(pathOf(second)).toMatch(/^\/p\/_c_[0-9a-f-]{36}-n-$/);
    expect(pathOf(second)).not.toBe(first);
    const path = `${pathOf(second)}0000000008`;
    await server.link.answer(second, { path });
    expect(outcome.current).toEqual({ value: path });
    // and the lingering one is taken away
    const [, again] = server.link.take();
    await server.link.answer(server.link.requests.at(-2)!, { path: '/p' });
    await server.link.answer(again!, { children: [lingering, path.slice(3)], stat: STAT });
    const last = server.link.takeOne();
    expect([last.op.name, pathOf(last)]).toEqual(['delete', `/p/${lingering}`]);
    await server.link.refuse(last, Errno.NoNode);
    await server.close(conn);
  });

  it('is the one of this session, if that has survived after all', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const outcome = watchOutcome(conn.createProtected('/p/n', null, { mode: 'EPHEMERAL', ...AT_ONCE }));
    await settle();
    const path = pathOf(server.link.takeOne());
    await server.cutAndResume();
    const [sync, children] = server.link.take();
    await server.link.answer(sync!, { path: '/p' });
    await server.link.answer(children!, { children: [path.slice(3)], stat: STAT });
    await server.link.answer(server.link.takeOne(), { stat: { ...STAT, ephemeralOwner: 0xabcn } });
    expect(outcome.current).toEqual({ value: path });
    expect(server.link.take()).toEqual([]);
    await server.close(conn);
  });
});

describe('a protected create', () => {
  it('that cannot look rejects with its own lost answer', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const creating = rejectionOf(
      conn.createProtected('/n', null, {
        retry: exponentialBackoff({ baseMs: 0, maxMs: 0, maxAttempts: 2 }),
      }),
    );
    await settle();
    const path = pathOf(server.link.takeOne());
    await server.cutAndResume();
    await server.cutAndResume();
    expect(await creating).toMatchObject({
      op: 'create',
      path,
      outcome: 'unknown',
      code: 'ZK_CONNECTION_LOSS',
    });
    await server.close(conn);
  });

  it('takes a node of its name that came after the look', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const outcome = watchOutcome(conn.createProtected('/n', null, AT_ONCE));
    await settle();
    const path = pathOf(server.link.takeOne());
    await server.cutAndResume();
    const [sync, children] = server.link.take();
    await server.link.answer(sync!, { path: '/' });
    await server.link.answer(children!, { children: [], stat: STAT });
    const again = server.link.takeOne();
    expect(pathOf(again)).toBe(path);
    await server.link.refuse(again, Errno.NodeExists);
    expect(outcome.current).toEqual({ value: path });
    await server.close(conn);
  });

  it('that was not sent in its time says so, and leaves nothing to look for', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const creating = rejectionOf(conn.createProtected('/n', null, { timeoutMs: 100, ...AT_ONCE }));
    void conn.connect().catch(() => undefined);
    await settle();
    await server.clock.advance(100);
    expect(await creating).toMatchObject({ outcome: 'not-sent', code: 'ZK_REQUEST_TIMEOUT' });
    await server.link.welcome();
    expect(server.link.requests).toEqual([]);
    await server.close(conn);
  });
});
