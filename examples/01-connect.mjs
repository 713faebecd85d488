/** Connect to an ensemble, look at the session, close. */
import { connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

// in earnest: 'zk1:2181,zk2:2181,zk3:2181', with a chroot behind it if you like: '…,zk3:2181/my-app'
const embedded = process.env.ZK_SERVERS ? null : await MiniServer.start();
const servers = process.env.ZK_SERVERS ?? embedded.connectString;

// resolves when there is a session; rejects with NoServerError when no server gives one in time
const conn = await connect(servers, { sessionTimeoutMs: 10_000 });
console.log(`state ${conn.state}, server ${conn.server}`);
console.log(`session 0x${BigInt.asUintN(64, conn.sessionId).toString(16)}, ${conn.negotiatedTimeoutMs} ms`);

// CONNECTED, SUSPENDED, RECONNECTED, LOST: what the connection means to your application from here on
conn.on('connection', (state) => console.log(`connection ${state}`));

const { children } = await conn.children('/');
console.log(`the root holds ${children.join(', ')}`);

// ends the session on the server too, so that ephemeral nodes go at once and not when it expires
const { confirmed } = await conn.close();
console.log(`closed, confirmed by the server: ${confirmed}`);

await embedded?.close();
