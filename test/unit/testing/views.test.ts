import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect, type Conn } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';

let server: MiniServer;
let conn: Conn;
beforeEach(async () => {
  server = await MiniServer.start();
  conn = await connect(server.connectString);
  await conn.create('/app', 'grün');
  await conn.create('/app/a', null);
  await conn.create('/app/a/b', Buffer.from([0xff]));
  await conn.create('/apple', 'fruit');
});
afterEach(async () => {
  await conn.close();
  await server.close();
});

it('gives data as text, and the empty text for none', () => {
  expect(server.tree.get('/app')?.text).toBe('grün');
  expect(server.tree.get('/app/a')).toMatchObject({ text: '', data: null });
  expect(server.tree.get('/app/a/b')?.text).toBe('\ufffd');
});

it('gives a tree as an object, without what is the server’s own', () => {
  const below = { '/app': 'grün', '/app/a': '', '/app/a/b': '\ufffd' };
  expect(server.tree.toObject()).toEqual({ '/': '', ...below, '/apple': 'fruit' });
  expect(server.tree.toObject('/app')).toEqual(below);
  expect(server.tree.toObject('/nobody')).toEqual({});
  const own = { '/zookeeper': '', '/zookeeper/config': '', '/zookeeper/quota': '' };
  expect(server.tree.toObject('/zookeeper')).toEqual(own);
  expect(Object.keys(server.tree.toObject('/zookeeper/quota'))).toEqual(['/zookeeper/quota']);
});
