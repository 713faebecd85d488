/** Create, read, update, delete; versions against lost updates. */
import { BadVersionError, connect } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const conn = await connect(servers);

  // data is bytes or a text; what is read is always a Buffer, or null if the node was made with null
  console.log(`created ${await conn.create('/motd', 'hello')}`);
  const { data, stat } = await conn.get('/motd');
  console.log(`read "${data.toString()}", version ${stat.version}`);

  // the version says: only if nobody changed it since I read it
  const after = await conn.set('/motd', 'good morning', stat.version);
  console.log(`updated to version ${after.version}`);
  try {
    await conn.set('/motd', 'good evening', stat.version);
  } catch (error) {
    if (!(error instanceof BadVersionError)) throw error;
    console.log(`refused: ${error.message}`);
  }

  // null, not an error, if there is no such node
  console.log(`exists /nobody: ${await conn.exists('/nobody')}`);

  // the server appends a number that is never used twice
  await conn.ensurePath('/queue/jobs');
  await conn.create('/queue/jobs/job-', 'first', { mode: 'PERSISTENT_SEQUENTIAL' });
  await conn.create('/queue/jobs/job-', 'second', { mode: 'PERSISTENT_SEQUENTIAL' });
  const { children } = await conn.children('/queue/jobs');
  console.log(`children ${[...children].sort().join(', ')}`);

  await conn.delete('/motd');
  await conn.deleteRecursive('/queue');
  console.log(`left: ${(await conn.children('/')).children.length}`);

  await conn.close();
});
