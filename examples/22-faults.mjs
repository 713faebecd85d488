/** Faults on demand: what a service meets in production, in a test and at a moment of your choice. */
import { connect, isRetryable } from 'zk-conn';
import { FaultProxy, MiniServer } from 'zk-conn/testing';

const server = await MiniServer.start();
// in front of any server, a real one too; on a mini-server all of this works without it
const proxy = await FaultProxy.start({ target: server.connectString });
const conn = await connect(proxy.connectString);

// the server does it, and nobody hears of it
proxy.when({ op: 'create', path: '/order' }).cut('beforeAnswered');
const error = await conn.create('/order').catch((reason) => reason);
console.log(`create: ${error.name}, outcome ${error.outcome}, retryable ${isRetryable(error)}`);
console.log(`and yet it is there: ${server.tree.get('/order') !== undefined}`);

// what is right in such a case
proxy.when({ op: 'create' }).cut('beforeAnswered');
await conn.createIdempotent('/invoice', '42');
console.log('the idempotent create is done');

// an error that is hard to come by
proxy.when({ op: 'setData', times: 2 }).reply('ThrottledOp');
for (let attempt = 1; attempt <= 3; attempt++) {
  const result = await conn.set('/invoice', '43').catch((reason) => reason);
  console.log(
    `attempt ${attempt}: ${result.name === 'ThrottledOpError' ? result.name : `version ${result.version}`}`,
  );
}

// between the change and its event
const { watch } = await conn.getW('/invoice');
const held = proxy.when({ notification: 'NodeDataChanged' }).hold();
const set = conn.set('/invoice', '44');
await held.reached;
console.log(`the server has "${server.tree.get('/invoice').data}", we do not know yet`);
held.release();
console.log(`now we do: ${(await watch.event).type}`);
await set;

// nothing arrives any more, in one direction
const hole = proxy.blackhole('toClient');
const late = await conn.get('/invoice', { timeoutMs: 50 }).catch((reason) => reason);
console.log(`half a connection: ${late.name}`);
hole.end();
const back = new Promise((resolve) => {
  conn.on('connection', (state) => state === 'RECONNECTED' && resolve());
});
proxy.dropConnections();
await back;

const [first] = proxy.log.frames({ op: 'create', path: '/order', direction: 'toClient' });
console.log(`in the log: ${first.op} ${first.path}, ${first.fault}`);
console.log(`faults: ${JSON.stringify(proxy.injected)}`);

await conn.close();
await proxy.close();
await server.close();
