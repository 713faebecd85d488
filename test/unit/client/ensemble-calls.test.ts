/** What the calls about the session and the ensemble send, and make of the answers. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conn } from '../../../src/client/conn.js';
import type { ReconfigChange } from '../../../src/client/ensemble-calls.js';
import { WatcherType } from '../../../src/protocol/constants.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import {
  InvalidArgumentError,
  InvalidOptionError,
  InvalidPathError,
  MarshallingError,
  UnsupportedError,
} from '../../../src/protocol/errors.js';
import { STAT } from '../../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../../support/scripted-server.js';

const server = new ScriptedServer();
let conn: Conn;

async function start(chroot = ''): Promise<void> {
  conn = await server.connected(chroot === '' ? {} : { chroot });
  server.link.take();
}

beforeEach(() => start());

afterEach(async () => {
  await server.close(conn);
});

async function chrooted(): Promise<void> {
  await server.close(conn);
  await start('/app');
}

/** The only request that came, after which it is answered. */
async function answer(response: unknown): Promise<Record<string, unknown>> {
  await settle();
  const seen = server.link.takeOne();
  await server.link.answer(seen, response);
  return { name: seen.op.name, ...seen.request };
}

async function refuse(errno: number): Promise<void> {
  await settle();
  await server.link.refuse(server.link.takeOne(), errno);
}

/** Nothing was sent. */
async function expectUnsent(promise: Promise<unknown>, error: unknown): Promise<void> {
  expect(await rejectionOf(promise)).toBeInstanceOf(error);
  await settle();
  expect(server.link.take()).toEqual([]);
}

describe('getEphemerals', () => {
  it('asks for all by default', async () => {
    const running = conn.getEphemerals();
    expect(await answer({ ephemerals: ['/a', '/b/c'] })).toEqual({ name: 'getEphemerals', prefixPath: '/' });
    expect(await running).toEqual(['/a', '/b/c']);
  });

  it.each([
    [undefined, '/app/'],
    ['/', '/app/'],
    ['/x', '/app/x'],
    ['/x/', '/app/x/'],
  ])('puts the chroot before the prefix %j, and takes it off the paths', async (prefix, prefixPath) => {
    await chrooted();
    const running = conn.getEphemerals(prefix);
    expect(await answer({ ephemerals: ['/app/x/a'] })).toMatchObject({ prefixPath });
    expect(await running).toEqual(['/x/a']);
  });

  it.each(['', 'x', '//', '/a//b', '/a/../b', 5])('refuses the prefix %j', async (prefix) => {
    await expectUnsent(conn.getEphemerals(prefix as string), InvalidPathError);
  });
});

describe('countDescendants', () => {
  it('asks for the path below the chroot', async () => {
    await chrooted();
    const running = conn.countDescendants('/');
    expect(await answer({ totalNumber: 7 })).toEqual({ name: 'getAllChildrenNumber', path: '/app' });
    expect(await running).toBe(7);
  });
});

describe('whoAmI', () => {
  it('gives schemes and users', async () => {
    const running = conn.whoAmI();
    await answer({ clientInfo: [{ authScheme: 'ip', user: '::1' }] });
    expect(await running).toEqual([{ scheme: 'ip', user: '::1' }]);
  });
});

describe('checkWatches', () => {
  it.each([
    ['Children', 1],
    ['Data', 2],
    ['Any', 3],
    ['Persistent', 4],
    ['PersistentRecursive', 5],
  ] as const)('sends the type %s as %i', async (type, code) => {
    const running = conn.checkWatches('/a', WatcherType[type]);
    expect(await answer({})).toEqual({ name: 'checkWatches', path: '/a', type: code });
    expect(await running).toBe(true);
  });

  it('takes NoWatcher for a no', async () => {
    const running = conn.checkWatches('/a', 'Any');
    await refuse(Errno.NoWatcher);
    expect(await running).toBe(false);
  });

  it('says that a server is too old for the types of 3.9', async () => {
    for (const [type, error] of [
      ['Persistent', UnsupportedError],
      ['PersistentRecursive', UnsupportedError],
      ['Any', MarshallingError],
    ] as const) {
      const refused = rejectionOf(conn.checkWatches('/a', type));
      await refuse(Errno.Marshalling);
      expect(await refused).toBeInstanceOf(error);
    }
  });

  it.each(['any', '', 3, undefined, 'toString'])('refuses the type %j', async (type) => {
    await expectUnsent(conn.checkWatches('/a', type as 'Any'), InvalidArgumentError);
  });
});

const TEXT = 'server.1=h:1:2:participant;2181\nversion=1f';
const CONFIG = { text: TEXT, version: 31n, servers: [{ id: 1, role: 'participant' }], stat: STAT };

describe('getConfig', () => {
  it('reads the server’s own path, whatever the chroot', async () => {
    await chrooted();
    const running = conn.getConfig();
    const sent = await answer({ data: Buffer.from(TEXT), stat: STAT });
    expect(sent).toEqual({ name: 'getData', path: '/zookeeper/config', watch: false });
    expect(await running).toMatchObject(CONFIG);
  });

  it('of a server by itself is empty, also if it is null', async () => {
    for (const data of [null, Buffer.alloc(0)]) {
      const running = conn.getConfig();
      await answer({ data, stat: STAT });
      expect(await running).toEqual({ text: '', version: 0n, servers: [], stat: STAT });
    }
  });

  it('that makes no sense fails alone', async () => {
    const failed = rejectionOf(conn.getConfig());
    await answer({ data: Buffer.from('server.1=?'), stat: STAT });
    expect(await failed).toBeInstanceOf(InvalidArgumentError);
    const again = conn.getConfigW();
    const sent = await answer({ data: Buffer.from(TEXT), stat: STAT });
    expect(sent).toMatchObject({ path: '/zookeeper/config', watch: true });
    const { watch, ...config } = await again;
    expect([config.version, watch.path]).toEqual([31n, '/zookeeper/config']);
  });
});

describe('reconfig', () => {
  const four = 'server.4=h:1:2:participant;2181';

  it.each<[ReconfigChange, object]>([
    [{ joining: [four, 'server.5=[::1]:1:2'] }, { joiningServers: `${four},server.5=[::1]:1:2` }],
    [{ leaving: [1, 20] }, { leavingServers: '1,20' }],
    [
      { joining: [four], leaving: [3] },
      { joiningServers: four, leavingServers: '3' },
    ],
    [
      { members: [four], fromConfig: 0x100000000n },
      { newMembers: four, curConfigId: 0x100000000n },
    ],
  ])('of %o', async (change, wanted) => {
    const running = conn.reconfig(change);
    const sent = await answer({ data: Buffer.from(TEXT), stat: STAT });
    const none = { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n };
    expect(sent).toEqual({ name: 'reconfig', ...none, ...wanted });
    expect(await running).toMatchObject(CONFIG);
  });

  it.each([
    {},
    { joining: [] },
    { joining: four },
    { joining: ['h:1:2'] },
    { joining: [`${four},${four}`] },
    { joining: [`${four}\nx`] },
    { leaving: ['1'] },
    { leaving: [-1] },
    { leaving: [1.5] },
    { members: [four], leaving: [1] },
    { members: [four], joining: [four] },
    { members: [four], fromConfig: 5 },
  ])('refuses %o', async (change) => {
    await expectUnsent(conn.reconfig(change as unknown as ReconfigChange), InvalidArgumentError);
  });

  it('refuses keys that it does not know', async () => {
    await expectUnsent(conn.reconfig({ joins: [four] } as ReconfigChange), InvalidOptionError);
  });

  it('on a server by itself says what it needs', async () => {
    const refused = rejectionOf(conn.reconfig({ leaving: [1] }));
    await refuse(Errno.Unimplemented);
    expect(await refused).toBeInstanceOf(UnsupportedError);
    expect(String(await refused)).toContain('an ensemble');
  });
});
