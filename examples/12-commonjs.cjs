'use strict';
/** The same package from CommonJS. */
const { NodeExistsError, connect } = require('zk-conn');
const { MiniServer } = require('zk-conn/testing');

async function main() {
  const embedded = process.env.ZK_SERVERS ? null : await MiniServer.start();
  const conn = await connect(process.env.ZK_SERVERS ?? embedded.connectString);
  try {
    const path = await conn.create('/zk-conn-commonjs', 'required', { mode: 'EPHEMERAL' });
    const { data } = await conn.get(path);
    console.log(`${path} holds "${data.toString()}"`);
    await conn.create(path).catch((error) => {
      if (!(error instanceof NodeExistsError)) throw error;
      console.log(`again: ${error.code}`);
    });
  } finally {
    const { confirmed } = await conn.close();
    console.log(`closed, confirmed by the server: ${confirmed}`);
    await embedded?.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
