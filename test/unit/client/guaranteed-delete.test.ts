import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BadVersionError,
  InvalidPathError,
  NotEmptyError,
  connect,
  exponentialBackoff,
  noRetry,
  type Conn,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { LossyDialer, type Lost } from '../../support/lossy-dialer.js';
import { rejectionOf } from '../../support/scripted-server.js';

/** No time passes between attempts. */
const AT_ONCE = { retry: exponentialBackoff({ baseMs: 0, maxMs: 0 }) };
const ONCE = { retry: noRetry };

let server: MiniServer;
let link: LossyDialer;
let conn: Conn;
let other: Conn;

beforeEach(async () => {
  server = await MiniServer.start();
  link = new LossyDialer();
  const options = { dialer: link.dial, backoff: { baseMs: 1, maxMs: 1 }, random: () => 0 };
  [conn, other] = await Promise.all([connect(server.connectString, options), connect(server.connectString)]);
});

afterEach(async () => {
  await Promise.all([conn.close(), other.close()]);
  await server.close();
});

/** Resolves when there is no such node. */
async function gone(path: string): Promise<void> {
  const { stat, watch } = await other.existsW(path);
  if (stat !== null) expect((await watch.event).type).toBe('NodeDeleted');
}

describe('deleteGuaranteed', () => {
  it('deletes a node, and is quiet about one that is not there', async () => {
    await other.create('/a');
    await conn.deleteGuaranteed('/a');
    expect(server.tree.get('/a')).toBeUndefined();
    await conn.deleteGuaranteed('/a', 3);
    expect(link.seen).toEqual(['connect', 'exists', 'delete', 'exists']);
  });

  it.each<Lost>(['request', 'answer'])('is tried again by its policy with the %s lost', async (lost) => {
    await other.create('/a');
    link.lose('delete', lost);
    await conn.deleteGuaranteed('/a', 0, AT_ONCE);
    expect(link.done).toBe(true);
    expect(server.tree.get('/a')).toBeUndefined();
  });

  it('goes on behind a caller who was told that nobody knows', async () => {
    await other.create('/a');
    link.lose('delete', 'request');
    link.lose('sync', 'answer');
    link.lose('exists', 'request');
    link.lose('delete', 'request');
    const error = await rejectionOf(conn.deleteGuaranteed('/a', -1, ONCE));
    expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown' });
    await gone('/a');
    expect(link.done).toBe(true);
  });

  it('goes on behind a signal, and in the next session', async () => {
    await other.create('/a');
    const controller = new AbortController();
    link.lose('exists', 'request');
    link.onCut = () => {
      server.expireSession(conn.sessionId);
      controller.abort(new Error('enough'));
    };
    const deleting = conn.deleteGuaranteed('/a', -1, { ...AT_ONCE, signal: controller.signal });
    expect(await rejectionOf(deleting)).toEqual(new Error('enough'));
    await gone('/a');
    expect(conn.sessionEpoch).toBe(2);
  });

  it.each(['request', 'answer'] as const)(
    'leaves a node alone that others have made in its place (%s lost)',
    async (lost) => {
      await other.create('/a', 'old');
      link.lose('delete', lost);
      link.onCut = async () => {
        await other.delete('/a').catch(() => undefined);
        await other.create('/a', 'new');
      };
      await conn.deleteGuaranteed('/a', -1, AT_ONCE);
      expect(server.tree.get('/a')?.data?.toString()).toBe('new');
    },
  );

  it('ends with the no of the server', async () => {
    await other.ensurePath('/a/b');
    expect(await rejectionOf(conn.deleteGuaranteed('/a', -1, AT_ONCE))).toBeInstanceOf(NotEmptyError);
    expect(await rejectionOf(conn.deleteGuaranteed('/a/b', 7, AT_ONCE))).toBeInstanceOf(BadVersionError);
    expect(await rejectionOf(conn.deleteGuaranteed('/', -1, AT_ONCE))).toBeInstanceOf(InvalidPathError);
    await conn.sync('/');
    expect(link.seen.filter((op) => op === 'delete')).toHaveLength(2);
  });

  it('is not begun where its signal has aborted, and ends with the Conn', async () => {
    await other.create('/a');
    const none = conn.deleteGuaranteed('/a', -1, { signal: AbortSignal.abort(new Error('no')) });
    expect(await rejectionOf(none)).toEqual(new Error('no'));
    await conn.sync('/');
    expect(link.seen).toEqual(['connect', 'sync']);
    await conn.close();
    expect(await rejectionOf(conn.deleteGuaranteed('/a'))).toMatchObject({ code: 'ZK_CLOSED' });
    expect(server.tree.get('/a')).toBeDefined();
  });

  it('needs no right to read the node', async () => {
    await other.create('/a', null, { acl: [{ perms: 8, scheme: 'world', id: 'anyone' }] });
    await conn.deleteGuaranteed('/a');
    expect(server.tree.get('/a')).toBeUndefined();
  });
});
