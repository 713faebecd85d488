/** The connection breaks before the answer comes: what may be repeated, and how to get the right answer. */
import { connect, exponentialBackoff } from 'zk-conn';
import { FaultProxy } from 'zk-conn/testing';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const [ensemble, chroot] = servers.split(/(?=\/)/);
  const proxy = await FaultProxy.start({ target: ensemble.split(',')[0] });
  // the connection breaks when the answer arrives: the server has done it, and nobody hears of it
  const lose = (op) => proxy.when({ op }).cut('beforeAnswered');
  const conn = await connect(`${proxy.connectString}${chroot}`);
  const retry = exponentialBackoff({ baseMs: 20, maxMs: 500 });

  lose('create');
  const error = await conn.create('/plain').catch((reason) => reason);
  console.log(`a plain create: ${error.code}, outcome ${error.outcome}`);
  console.log(`the node is there: ${(await conn.retry(retry, () => conn.exists('/plain'))) !== null}`);

  lose('create');
  console.log(`created ${await conn.createIdempotent('/value', 'one', { retry })}`);
  lose('setData');
  console.log(`version ${(await conn.setIdempotent('/value', 'two', 0, { retry })).version}`);
  lose('delete');
  await conn.deleteIdempotent('/value', 1, { retry });
  console.log('deleted');

  await conn.create('/locks');
  lose('create');
  const path = await conn.createProtected('/locks/lock-', null, { mode: 'EPHEMERAL_SEQUENTIAL', retry });
  const { children } = await conn.children('/locks');
  console.log(`${children.length} lock, and it is ours: ${path.endsWith(children[0])}`);
  await conn.close();
  await proxy.close();
});
