/** What several servers show and one does not: a stale read, a leader that is lost, a minority. */
import { connect } from 'zk-conn';
import { MiniEnsemble } from 'zk-conn/testing';

const ensemble = await MiniEnsemble.start({ members: 3, observers: 1, readOnlyMode: true });
console.log('roles:', ensemble.members.map(({ role }) => role).join(' '));
const [follower] = ensemble.members;

const writer = await connect(ensemble.leader.connectString);
const reader = await connect(follower.connectString);
await writer.create('/motd', 'old');

// the follower is behind
const lag = ensemble.lag(follower);
await writer.set('/motd', 'new');
console.log('read:', String((await reader.get('/motd')).data));
const synced = reader.sync('/motd');
lag.end();
await synced;
console.log('read after sync:', String((await reader.get('/motd')).data));
await writer.close();
await reader.close();

// the leader is lost; a client that knows all members goes on with its session
const client = await connect(ensemble.connectString);
const { sessionId } = client;
await client.create('/mine', '', { mode: 'EPHEMERAL' });
const back = new Promise((resolve) =>
  client.on('connection', (event) => event === 'RECONNECTED' && resolve()),
);
await ensemble.stop(ensemble.leader);
// a client that was elsewhere is cut off as well: members without a leader serve nobody
await back;
console.log('roles:', ensemble.members.map(({ role }) => role).join(' '));
console.log('same session:', client.sessionId === sessionId, (await client.exists('/mine')) !== null);
await client.close();

// nobody has a quorum: only who reads is let in
ensemble.partition([[0], [1]]);
const guest = await connect(follower.connectString, { readOnly: true });
console.log(guest.state, String((await guest.get('/motd')).data));
console.log('write:', (await guest.set('/motd', 'mine').catch((error) => error)).code);
await guest.close();

await ensemble.close();
