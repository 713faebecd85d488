/** The JavaScript client that is used most. */
import { createRequire } from 'node:module';
import { runCallbacks } from './callbacks.mjs';

const require = createRequire(import.meta.url);

export async function open({ port, cell, path, data }) {
  const zookeeper = require('node-zookeeper-client');
  const client = zookeeper.createClient(`127.0.0.1:${port}`, { sessionTimeout: 30_000 });
  client.connect();
  await new Promise((resolve) => client.once('connected', resolve));
  const issue = issueOf(zookeeper, client, cell, path, data);
  return {
    run: (state) => runCallbacks(issue, cell.depth, state),
    close: () => client.close(),
  };
}

function issueOf(zookeeper, client, cell, path, data) {
  switch (cell.op) {
    case 'get':
      return (done) => client.getData(path, done);
    case 'exists':
      return (done) => client.exists(path, done);
    case 'set':
      return (done) => client.setData(path, data, done);
    case 'create':
      return (done) => client.create(path, data, zookeeper.CreateMode.PERSISTENT_SEQUENTIAL, done);
    case 'children':
      return (done) => client.getChildren(path, done);
    case 'multi':
      return (done) => {
        const transaction = client.transaction();
        for (let i = 0; i < cell.ops; i++) transaction.setData(path, data);
        transaction.commit(done);
      };
    default:
      throw new Error(`no call for ${cell.op}`);
  }
}
