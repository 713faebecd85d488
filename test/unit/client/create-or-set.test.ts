import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOrSet, type UpsertCalls } from '../../../src/client/create-or-set.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPathError,
  NoNodeError,
  connect,
  type Conn,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { rejectionOf } from '../../support/scripted-server.js';

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

const textOf = (path: string): string | undefined => server.tree.get(path)?.data?.toString();

describe('createOrSet', () => {
  it('creates a node of the kind that is asked for, and sets one that is there, which keeps its own', async () => {
    expect(await conn.createOrSet('/a', 'one', { mode: 'EPHEMERAL' })).toBe(true);
    expect(server.tree.get('/a')?.stat.ephemeralOwner).toBe(conn.sessionId);
    expect(await conn.createOrSet('/a', 'two', { mode: 'PERSISTENT' })).toBe(false);
    expect(textOf('/a')).toBe('two');
    expect(server.tree.get('/a')?.stat).toMatchObject({ version: 1, ephemeralOwner: conn.sessionId });
    expect(await conn.createOrSet('/a')).toBe(false);
    expect(server.tree.get('/a')?.data).toBeNull();
  });

  it('works under a chroot, and says whose parent is missing', async () => {
    await conn.create('/app');
    const view = conn.chroot('/app');
    expect(await view.createOrSet('/x', 'y')).toBe(true);
    expect(textOf('/app/x')).toBe('y');
    const error = await rejectionOf(view.createOrSet('/none/x', 'y'));
    expect(error).toBeInstanceOf(NoNodeError);
    expect(error).toMatchObject({ op: 'create', path: '/none/x' });
  });

  it('tries again while others create and delete the node', async () => {
    const calls: string[] = [];
    const racing: UpsertCalls = {
      set: async (...args) => {
        calls.push('set');
        // deleted before, and created behind it
        if (calls.length > 4) return conn.set(...args);
        const refused = rejectionOf(conn.set(...args));
        await refused;
        await conn.create('/a', 'theirs');
        throw await refused;
      },
      create: async (...args) => {
        calls.push('create');
        const refused = rejectionOf(conn.create(...args));
        await refused;
        if (calls.length < 4) await conn.delete('/a');
        throw await refused;
      },
    };
    expect(await createOrSet(racing, '/a', 'ours', {}, () => ({}))).toBe(false);
    expect(calls).toEqual(['set', 'create', 'set', 'create', 'set']);
    expect(textOf('/a')).toBe('ours');
  });

  it('refuses what it cannot do, before anything is sent', async () => {
    const bad = conn.createOrSet.bind(conn) as (...args: unknown[]) => Promise<unknown>;
    const zxid = server.lastZxid;
    expect(await rejectionOf(bad('/a', 'x', { mode: 'EPHEMERAL_SEQUENTIAL' }))).toBeInstanceOf(
      InvalidArgumentError,
    );
    expect(await rejectionOf(bad('/a', 'x', { mode: 'NONE' }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(bad('/a', 5))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(bad('/a', 'x', { version: 1 }))).toBeInstanceOf(InvalidOptionError);
    expect(await rejectionOf(bad('a', 'x'))).toBeInstanceOf(InvalidPathError);
    expect(
      await rejectionOf(conn.createOrSet('/a', 'x', { signal: AbortSignal.abort(new Error('no')) })),
    ).toEqual(new Error('no'));
    expect(server.lastZxid).toBe(zxid);
  });
});

describe('delete', () => {
  it('with ifExists is quiet about a node that is not there, and about nothing else', async () => {
    await conn.delete('/none', -1, { ifExists: true });
    await conn.delete('/none', 7, { ifExists: true });
    expect(await rejectionOf(conn.delete('/none', -1, { ifExists: false }))).toBeInstanceOf(NoNodeError);
    await conn.ensurePath('/a/b');
    expect(await rejectionOf(conn.delete('/a', -1, { ifExists: true }))).toMatchObject({
      code: 'ZK_NOT_EMPTY',
    });
    expect(await rejectionOf(conn.delete('/a/b', 7, { ifExists: true }))).toMatchObject({
      code: 'ZK_BAD_VERSION',
    });
    await conn.delete('/a/b', 0, { ifExists: true });
    expect(server.tree.get('/a/b')).toBeUndefined();
    const bad = conn.delete.bind(conn) as (...args: unknown[]) => Promise<unknown>;
    expect(await rejectionOf(bad('/a', -1, { ifExists: 1 }))).toBeInstanceOf(InvalidArgumentError);
    expect(await rejectionOf(bad('/a', -1, { quiet: true }))).toBeInstanceOf(InvalidOptionError);
  });
});
