/** Streams: the newest state of a node, and every event below one. */
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const [app, operator] = await Promise.all([connect(servers), connect(servers)]);

  // armed before anything happens, so nothing is missed
  const events = await app.addWatch('/jobs', 'PERSISTENT_RECURSIVE');

  const plan = [
    () => operator.create('/jobs', 'paused'),
    () => operator.set('/jobs', 'running'),
    () => operator.delete('/jobs'),
  ];
  // null while there is no such node; of changes in quick succession the last one
  for await (const value of app.watchData('/jobs')) {
    console.log(value === null ? 'there is no such node' : `jobs are ${value.data}`);
    const next = plan.shift();
    if (next === undefined) break; // takes the watch off the server
    await next();
  }

  for await (const item of events) {
    // a gap follows a reconnect, an overflow a reader who was too slow: read again what you need to know
    if (item.type === 'gap' || item.type === 'overflow') continue;
    console.log(`event ${item.type} ${item.path}`);
    if (item.type === 'NodeDeleted') break;
  }

  // a stream ends with its signal; so does any single call
  const enough = new AbortController();
  try {
    // AbortSignal.timeout(60_000) ends one by itself
    for await (const value of app.watchChildren('/jobs', { signal: enough.signal })) {
      console.log('children', value);
      enough.abort();
    }
  } catch (error) {
    console.log('gave up:', error.name);
  }

  await Promise.all([app.close(), operator.close()]);
});
