/** The connection breaks before the answer comes: what may be repeated, and how to get the right answer. */
import { connect, exponentialBackoff, tcpDialer } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  // a connection that breaks when the next answer arrives: the server has done it, and nobody hears of it
  let lose = false;
  const dialer = (address, events) => {
    const transport = tcpDialer(address, {
      ...events,
      onData: (chunk) => {
        if (!lose) return events.onData(chunk);
        lose = false;
        transport.destroy();
      },
    });
    return transport;
  };
  const conn = await connect(servers, { dialer });
  const retry = exponentialBackoff({ baseMs: 20, maxMs: 500 });

  lose = true;
  const error = await conn.create('/plain').catch((reason) => reason);
  console.log(`a plain create: ${error.code}, outcome ${error.outcome}`);
  console.log(`the node is there: ${(await conn.retry(retry, () => conn.exists('/plain'))) !== null}`);

  lose = true;
  console.log(`created ${await conn.createIdempotent('/value', 'one', { retry })}`);
  lose = true;
  console.log(`version ${(await conn.setIdempotent('/value', 'two', 0, { retry })).version}`);
  lose = true;
  await conn.deleteIdempotent('/value', 1, { retry });
  console.log('deleted');

  await conn.create('/locks');
  lose = true;
  const path = await conn.createProtected('/locks/lock-', null, { mode: 'EPHEMERAL_SEQUENTIAL', retry });
  const { children } = await conn.children('/locks');
  console.log(`${children.length} lock, and it is ours: ${path.endsWith(children[0])}`);
  await conn.close();
});
