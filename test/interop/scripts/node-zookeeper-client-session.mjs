/**
 * create, get, ls, watches, set, delete with node-zookeeper-client: …-session.mjs host:port /root. Prints one line per
 * step, the same ones as `kazoo_session.py`.
 */
import { once } from 'node:events';
import { promisify } from 'node:util';
import zookeeper from 'node-zookeeper-client';

const [hosts, root] = process.argv.slice(2);
const [node, owned] = [`${root}/a`, `${root}/e`];
const { EPHEMERAL, PERSISTENT } = zookeeper.CreateMode;
const say = (...words) => void process.stdout.write(`${words.join(' ')}\n`);

const client = zookeeper.createClient(hosts, { sessionTimeout: 10_000 });
const call = (name, ...args) => promisify(client[name].bind(client))(...args);
/** get with a watcher gives data and stat to its callback. */
const read = (name, ...args) =>
  new Promise((resolve, reject) => {
    client[name](...args, (error, value, stat) => (error ? reject(error) : resolve([value, stat])));
  });

function watcher() {
  let fired;
  const event = new Promise((resolve) => (fired = resolve));
  const names = { 1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged', 4: 'NodeChildrenChanged' };
  return { fired, tell: async () => say('event', names[(await event).type], (await event).path) };
}

async function refused(name, attempt) {
  try {
    await attempt();
  } catch (error) {
    const names = { '-110': 'NodeExistsError', '-103': 'BadVersionError', '-101': 'NoNodeError' };
    say('refused', name, names[error.getCode()]);
  }
}

client.connect();
await once(client, 'connected');
say('created', await call('create', node, Buffer.from('hello'), PERSISTENT));
say('created', await call('create', owned, Buffer.from('owned'), EPHEMERAL));
const [dataWatch, childWatch] = [watcher(), watcher()];
const [data, stat] = await read('getData', node, dataWatch.fired);
say('data', data, stat.version);
say('version', (await call('setData', node, Buffer.from('world'), 0)).version);
await dataWatch.tell();
say('data', (await read('getData', node))[0]);
say('children', (await read('getChildren', root, childWatch.fired))[0].sort().join());
await refused('create', () => call('create', node));
await refused('set', () => call('setData', node, Buffer.alloc(0), 7));
await refused('get', () => read('getData', `${root}/none`));
const transaction = client
  .transaction()
  .create(`${root}/t`, Buffer.alloc(0))
  .setData(node, Buffer.from('t'))
  .check(node, 2)
  .remove(`${root}/t`);
const results = await promisify(transaction.commit.bind(transaction))();
say('multi', results.length, (await read('getData', node))[0]);
await childWatch.tell();
await call('remove', node);
say('children', (await read('getChildren', root))[0].sort().join());
const owner = (await call('exists', owned)).ephemeralOwner;
say('owned by me', owner.equals(client.getSessionId()) ? 'True' : 'False');
client.close();
await once(client, 'disconnected');
say('done');
