/** On SIGTERM: leave the list of servers at once, finish what was begun, end the process by itself. */
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const observer = await connect(servers);

  // ---------------------------------------------------------------- the application
  const conn = await connect(servers);
  await conn.create('/web-1', '10.0.0.1:8080', { mode: 'EPHEMERAL' });
  console.log('registered /web-1');

  const shutdown = new Promise((resolve) => {
    process.once('SIGTERM', () => {
      console.log('SIGTERM: closing');
      // still answered: close() goes out behind what was called before it
      const lastWords = conn.create('/last-words', 'bye');
      // never rejects, and leaves no socket and no timer behind, so no process.exit() is needed
      resolve(Promise.all([lastWords, conn.close()]));
    });
  });

  // ---------------------------------------------------------------- what Kubernetes or `kill` does, and what is seen
  const { watch } = await observer.existsW('/web-1');
  process.emit('SIGTERM', 'SIGTERM'); // not process.kill(), which on Windows would ask nobody

  const [lastWords, { confirmed }] = await shutdown;
  console.log(`${lastWords} was written; closed, confirmed by the server: ${confirmed}`);

  // gone at once, and not when a session timeout is over
  const { type } = await watch.event;
  console.log(`the others see ${type} /web-1`);

  // resolves when a Conn is over, for whatever reason
  const { state } = await conn.closed;
  console.log(`the Conn is ${state}`);
  await observer.close();
});
