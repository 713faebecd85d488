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
import { systemClock, type Clock } from '../../../src/net/clock.js';
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
    const each = ['sync', 'exists', 'delete'];
    expect(link.seen).toEqual(['connect', ...each, ...each]);
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

  it('keeps its place among the calls', async () => {
    await other.create('/a');
    const [, stat] = await Promise.all([conn.deleteGuaranteed('/a'), conn.exists('/a')]);
    expect(stat).toBeNull();
  });

  /** All is lost with the first request; then others put a node in the place of the old one. */
  const replaced = async (act: () => unknown, options = {}): Promise<unknown> => {
    const done = new Promise<void>((resolve) => {
      link.onCut = async () => {
        await other.delete('/a');
        await other.create('/a', 'new', options);
        await act();
        resolve();
      };
    });
    const error = await rejectionOf(conn.deleteGuaranteed('/a', -1, ONCE));
    await done;
    return error;
  };
  /** What the background does is behind two calls of its own. */
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await conn.exists('/');
  };

  it.each(['knows nothing', 'knows what was there'])(
    'leaves a later node alone where it %s',
    async (what) => {
      await other.create('/a', 'old');
      if (what !== 'knows nothing') await conn.exists('/');
      link.lose('sync', 'request');
      expect(await replaced(() => undefined)).toMatchObject({ outcome: 'unknown', op: 'delete' });
      await settled();
      expect(server.tree.get('/a')?.data?.toString()).toBe('new');
    },
  );

  it('knows what was there by what it had seen before, and goes on', async () => {
    await other.create('/a');
    await conn.exists('/');
    link.lose('sync', 'request');
    expect(await rejectionOf(conn.deleteGuaranteed('/a', -1, ONCE))).toMatchObject({ outcome: 'unknown' });
    await gone('/a');
  });

  it.each(['request', 'answer'] as const)(
    'repeats nothing where it cannot see the node (%s lost)',
    async (lost) => {
      const acl = [{ perms: 8, scheme: 'world', id: 'anyone' }];
      await other.create('/a', 'old', { acl });
      await conn.exists('/');
      link.lose('delete', lost);
      link.onCut = async () => {
        await other.delete('/a').catch(() => undefined);
        await other.create('/a', 'new', { acl });
      };
      const error = await rejectionOf(conn.deleteGuaranteed('/a', -1, AT_ONCE));
      expect(error).toMatchObject({ code: 'ZK_CONNECTION_LOSS', outcome: 'unknown', op: 'delete' });
      await settled();
      expect(server.tree.get('/a')?.data?.toString()).toBe('new');
    },
  );

  it('does not hold the process by its pauses in the background', async () => {
    const pauses: boolean[] = [];
    const clock: Clock = {
      now: () => systemClock.now(),
      setTimer: (callback, ms) => {
        const timer = systemClock.setTimer(callback, ms);
        // the only one of that length
        if (ms <= 77 || ms > 78) return timer;
        const at = pauses.push(false) - 1;
        return {
          cancel: () => timer.cancel(),
          unref: () => {
            pauses[at] = true;
            timer.unref?.();
          },
        };
      },
    };
    const options = { dialer: link.dial, backoff: { baseMs: 1, maxMs: 1 }, clock, random: () => 0.775 };
    const unheld = await connect(server.connectString, options);
    await other.create('/b');
    link.lose('delete', 'request');
    link.lose('sync', 'request');
    await rejectionOf(unheld.deleteGuaranteed('/b', -1, ONCE));
    await gone('/b');
    expect(pauses).toEqual([true]);
    await unheld.close();
  });
});
