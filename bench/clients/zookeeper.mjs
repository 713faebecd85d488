/** npm `zookeeper`: the C client with a binding for Node. It has no multi. */
import { createRequire } from 'node:module';
import { runCallbacks } from './callbacks.mjs';

const require = createRequire(import.meta.url);

export async function open({ port, cell, path, data }) {
  const ZooKeeper = require('zookeeper');
  const client = new ZooKeeper({ connect: `127.0.0.1:${port}`, timeout: 30_000, debug_level: 0 });
  await new Promise((resolve) => client.connect(client.config, resolve));
  const issue = issueOf(client, ZooKeeper, cell, path, data);
  return {
    run: (state) => runCallbacks(issue, cell.depth, state),
    close: () => client.close(),
  };
}

function issueOf(client, ZooKeeper, cell, path, data) {
  const settle = (done) => (rc, error) => done(rc === 0 ? null : new Error(error));
  switch (cell.op) {
    case 'get':
      return (done) => client.a_get(path, false, settle(done));
    case 'exists':
      return (done) => client.a_exists(path, false, settle(done));
    case 'set':
      return (done) => client.a_set(path, data, -1, settle(done));
    case 'create':
      return (done) => client.a_create(path, data, ZooKeeper.constants.ZOO_SEQUENCE, settle(done));
    case 'children':
      return (done) => client.a_get_children2(path, false, settle(done));
    default:
      return null;
  }
}
