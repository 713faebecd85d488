/** Test your application against a server in your test's own process, and let happen what you cannot wait for. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

/** The application: registers itself, and again whenever a session was lost and a new one has begun. */
async function startApp(servers) {
  const conn = await connect(servers);
  let registered;
  const register = () => {
    registered = conn.create('/app', 'here I am', { mode: 'EPHEMERAL' });
  };
  conn.on('connection', (state) => state === 'CONNECTED' && register());
  register();
  await registered;
  return { conn, registered: () => registered };
}

let server;
beforeEach(async () => {
  server = await MiniServer.start();
});
afterEach(() => server.close());

/** The next `connection` event of that name. */
const next = (conn, wanted) =>
  new Promise((resolve) => conn.on('connection', (state) => state === wanted && resolve()));

test('registers again when its session has expired', async () => {
  const { conn, registered } = await startApp(server.connectString);
  const first = conn.sessionId;
  const renewed = next(conn, 'CONNECTED');

  assert.equal(server.expireSession(first), true);
  await renewed;
  await registered();
  assert.notEqual(conn.sessionId, first);
  assert.equal(server.tree.get('/app').stat.ephemeralOwner, conn.sessionId);
  await conn.close();
});

test('keeps its session when only the connection is lost', async () => {
  const { conn } = await startApp(server.connectString);
  const { sessionId } = conn;
  const back = next(conn, 'RECONNECTED');

  assert.equal(server.dropConnections(), 1);
  await back;
  assert.equal(conn.sessionId, sessionId);
  assert.equal(server.tree.get('/app').stat.ephemeralOwner, sessionId);
  await conn.close();
});
