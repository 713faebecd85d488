/** Errors are told apart by class or `code`, and each one says in `outcome` what may have happened on the server. */
import { BadVersionError, ZkError, connect, tcpDialer } from 'zk-conn';
import { playground } from './support.mjs';

/** A network that we can break at the worst moment: the request has left, the reply will not come. */
let breakAfterWrite = false;
const dialer = (server, events) => {
  const transport = tcpDialer(server, events);
  return {
    destroy: () => transport.destroy(),
    write: (bytes) => {
      const more = transport.write(bytes);
      if (breakAfterWrite) setImmediate(() => transport.destroy());
      breakAfterWrite = false;
      return more;
    },
  };
};

async function report(what, call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof ZkError)) throw error;
    console.log(`${what}: ${error.name} ${error.code} outcome=${error.outcome} retryable=${error.retryable}`);
  }
}

await playground(async (servers) => {
  const conn = await connect(servers, { dialer });
  const { stat } = await conn.createWithStat('/counter', '0');

  // the server said no: nothing was changed
  await report('get', () => conn.get('/nobody'));
  // it never left: nothing was changed
  await report('path', () => conn.get('no-slash'));

  // it left and no answer came: it may have been applied. Never repeat such a write blindly
  breakAfterWrite = true;
  await report('set', () => conn.set('/counter', '1', stat.version));

  // a write with a version can be repeated: it is applied once at most. Calls wait for the reconnect by themselves
  try {
    await conn.set('/counter', '1', stat.version);
    console.log('the first attempt had not been applied, the second one was');
  } catch (error) {
    if (!(error instanceof BadVersionError)) throw error;
    console.log('the first attempt had been applied');
  }
  console.log(`counter ${(await conn.get('/counter')).data.toString()}`);

  await conn.close();
});
