/** Names that mean something to JavaScript: as nodes, chroots, hosts, schemes, users, and keys of options. */
import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import { Conn, askServer, connect, digestMd5, op, type WatchItem } from '../../../src/index.js';
import { parseConnectString } from '../../../src/net/connect-string.js';
import { InvalidOptionError } from '../../../src/protocol/errors.js';
import { parseFourLetterWord } from '../../../src/protocol/words.js';
import { FaultProxy, MiniServer, importTree } from '../../../src/testing.js';
import { injected } from '../../support/tally.js';

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'valueOf',
  'then',
] as const;

let server: MiniServer;
let conn: Conn;
beforeEach(async () => {
  server = await MiniServer.start({ log: true });
  conn = await connect(server.connectString);
  const objects = [{}, [], () => undefined].map((each) => Object.getPrototypeOf(each) as object);
  before = objects.map((each) => Reflect.ownKeys(each));
});
afterEach(async () => {
  await conn.close();
  await server.close();
  // nothing was put where everybody has it
  const objects = [{}, [], () => undefined].map((each) => Object.getPrototypeOf(each) as object);
  expect(objects.map((each) => Reflect.ownKeys(each))).toEqual(before);
});
let before: unknown = [];

describe.each(NAMES)('%s', (name) => {
  const path = `/${name}`;

  it('as a node: calls, a multi, watches, trees and streams', async () => {
    injected('hostile name');
    const never = await conn.existsW(path);
    expect(never.stat).toBeNull();
    expect(await conn.create(path, name)).toBe(path);
    expect(await never.watch.event).toMatchObject({ type: 'NodeCreated', path });
    const { data, watch } = await conn.getW(path);
    expect(String(data)).toBe(name);
    const stream = await conn.addWatch(path, 'PERSISTENT_RECURSIVE');
    const results = await conn.multi([
      op.create(`${path}${path}`, 'y'),
      op.set(path, 'z'),
      op.check(path, 1),
    ]);
    expect(results[0]).toBe(`${path}${path}`);
    expect(await watch.event).toMatchObject({ type: 'NodeDataChanged', path });
    const items: WatchItem[] = [(await stream.next()).value!, (await stream.next()).value!];
    expect(items).toMatchObject([{ path: `${path}${path}` }, { path }]);
    expect((await conn.children('/')).children).toContain(name);
    expect(await conn.multiRead([op.get(path), op.children(path)])).toMatchObject([
      { data: Buffer.from('z') },
      [name],
    ]);
    const walked: string[] = [];
    for await (const node of conn.walk(path)) walked.push(node.path);
    expect(walked).toEqual([path, `${path}${path}`]);
    await conn.copyTree(path, '/copy');
    expect(String((await conn.get(`/copy${path}`)).data)).toBe('y');
    expect(
      await conn.checkWatches(path, 'Any').then(
        () => true,
        () => false,
      ),
    ).toBeTypeOf('boolean');
    // all of it is there again on the next connection
    const resumed = new Promise((resolve) => conn.once('session', resolve));
    server.dropConnections();
    await resumed;
    expect((await stream.next()).value).toEqual({ type: 'gap' });
    await conn.ensurePath(`${path}/x/${name}`);
    await conn.deleteRecursive(path);
    expect(await conn.exists(path)).toBeNull();
    const frames = server.log.frames({ path, op: 'create' });
    expect(frames.length).toBeGreaterThan(0);
  });

  it('as a chroot, of the string, the option and a view', async () => {
    await conn.ensurePath(`${path}${path}`);
    await using inside = await connect(`${server.connectString}${path}`, { chroot: path });
    expect(inside.chrootPath).toBe(`${path}${path}`);
    await inside.create(path, 'deep');
    const view = conn.chroot(path).chroot(path);
    expect(String((await view.get(path)).data)).toBe('deep');
    expect((await inside.children('/')).children).toEqual([name]);
  });

  it('as a tree: the server’s view, its snapshot and an import', async () => {
    await conn.create(path, 'one');
    await conn.create(`${path}${path}`, 'two');
    const wanted = { [path]: 'one', [`${path}${path}`]: 'two' };
    expect(server.tree.toObject(path)).toEqual(wanted);
    expect(server.tree.get(path)?.children).toEqual([name]);
    const texts = [server.snapshot(), await importTree(conn)].map((snapshot) => JSON.stringify(snapshot));
    for (const text of texts) {
      await using other = await MiniServer.start({ snapshot: JSON.parse(text) as never });
      expect(other.tree.toObject(path)).toEqual(wanted);
    }
  });

  it('as a scheme, a user, a password and an id', async () => {
    await using fresh = await connect(server.connectString);
    expect(await fresh.addAuth(name, name).catch((error: unknown) => error)).toMatchObject({
      code: 'ZK_AUTH_FAILED',
    });
    await conn.addAuth('digest', `${name}:${name}`);
    await conn.create(path, 'x', { acl: [{ perms: 31, scheme: 'auth', id: '' }] });
    expect((await conn.getAcl(path)).acl[0]).toMatchObject({
      scheme: 'digest',
      id: expect.stringMatching(`^${name}:`),
    });
    await expect(
      conn.create('/bad', 'x', { acl: [{ perms: 31, scheme: name, id: name }] }),
    ).rejects.toMatchObject({
      code: 'ZK_INVALID_ACL',
    });
    // a user of that name is there only if somebody has made one
    await using secret = await MiniServer.start({ sasl: { users: { ada: 'x' } } });
    await using nobody = new Conn(secret.connectString, {
      sasl: digestMd5({ username: name, password: 'x' }),
    });
    nobody.connect().catch(() => undefined);
    expect(await nobody.closed).toMatchObject({ state: 'AuthFailed' });
    await using known = await MiniServer.start({ sasl: { users: Object.fromEntries([[name, 'x']]) } });
    await using somebody = await connect(known.connectString, {
      sasl: digestMd5({ username: name, password: 'x' }),
    });
    expect(somebody.state).toBe('SyncConnected');
  });

  it('as a host', () => {
    expect(parseConnectString(`${name.toLowerCase().replaceAll('_', 'a')}:1${path}`)).toMatchObject({
      chroot: path,
    });
    expect(() => new Conn(`${name}:x`)).toThrow();
  });

  it('as a key of options is none that anybody knows', async () => {
    const options = Object.fromEntries([[name, 1]]) as never;
    expect(() => new Conn('h:1', options)).toThrow(InvalidOptionError);
    expect(() => new Conn('h:1', { backoff: options })).toThrow(InvalidOptionError);
    expect(() => new Conn('h:1', { tls: options })).toThrow(InvalidOptionError);
    expect(() => digestMd5({ username: 'u', password: 'p', ...(options as object) })).toThrow(
      InvalidOptionError,
    );
    expect(() => server.when({ op: 'create', ...(options as object) })).toThrow(InvalidOptionError);
    expect(() => server.log.frames(options)).toThrow(InvalidOptionError);
    await expect(MiniServer.start(options)).rejects.toThrow(InvalidOptionError);
    await expect(FaultProxy.start({ target: 'h:1', ...(options as object) })).rejects.toThrow(
      InvalidOptionError,
    );
    await expect(askServer('h:1', 'ruok', options)).rejects.toThrow(InvalidOptionError);
    await expect(conn.get('/', options)).rejects.toThrow(InvalidOptionError);
    await expect(conn.create('/x', 'y', options)).rejects.toThrow(InvalidOptionError);
  });

  it('as a key that a server tells', () => {
    const told = parseFourLetterWord('envi', `Environment:\n${name}=evil\nos.name=Linux\n`);
    expect(told['os.name']).toBe('Linux');
    expect(Object.getPrototypeOf(told)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptor(told, name)?.value).toBe('evil');
  });
});
