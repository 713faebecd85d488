/** Follow a value: read and watch, wait, read again. The loop sees the latest value always, and no stale one last. */
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

/** Every value that we get to see. Changes in quick succession may be seen as one. */
async function* values(conn, path) {
  for (;;) {
    const { data, stat, watch } = await conn.getW(path);
    yield { text: data.toString(), version: stat.version };
    // survives reconnects: a change that was missed meanwhile fires it at once.
    // rejects with SessionExpiredError when the session is over: see 10-testing-your-app.mjs
    await watch.event;
  }
}

await playground(async (servers) => {
  const [app, operator] = await Promise.all([connect(servers), connect(servers)]);
  await operator.create('/log-level', 'info');

  const plan = ['debug', 'trace', 'info'];
  for await (const { text, version } of values(app, '/log-level')) {
    console.log(`log level is ${text} (version ${version})`);
    const next = plan.shift();
    if (next === undefined) break;
    console.log(`  the operator sets ${next}`);
    await operator.set('/log-level', next);
  }

  await Promise.all([app.close(), operator.close()]);
});
