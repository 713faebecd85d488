/**
 * Service discovery, played out: three servers register, three clients follow the list and a configuration, one server
 * crashes and comes back, the configuration changes. Nothing here sleeps: each act ends when every client has seen it.
 *
 *   npm run demo                                 on a mini-server in this process
 *   ZK_SERVERS=host:2181 npm run demo            on a real ensemble; nothing stays behind on it
 */
import { performance } from 'node:perf_hooks';
import { connect } from 'zk-conn';
import { CONFIG, SERVERS, Client, Server, say } from './demo-actors.mjs';
import { playground } from './support.mjs';

/** Short, so that the crash is noticed soon: a crashed server stays on the list until its session expires. */
const SESSION_TIMEOUT_MS = 4000;

const announce = (where) => say(`Connecting to ${where}`);
const startedAt = performance.now();
await playground(async (ensemble, where) => {
  say(`Service discovery on ${where}\n`);
  const operator = await connect(ensemble);
  await operator.create(SERVERS);
  await operator.create(CONFIG, 'timeout=5s');

  let clients = [];
  let seen = 0;
  const allSee = async (what, wanted) => {
    await Promise.all(clients.map((client) => client[what].until(wanted, client.name)));
    seen += clients.length;
  };

  say('1. Three clients start. There is a configuration, and no server yet.');
  clients = await Promise.all(['ann', 'bob', 'cat'].map((name) => Client.start(ensemble, name)));
  await allSee('servers', 'nobody');
  await allSee('config', 'timeout=5s');

  say('2. Three servers start.');
  const red = await Server.start(ensemble, 'red');
  await allSee('servers', 'red');
  const green = await Server.start(ensemble, 'green', { sessionTimeoutMs: SESSION_TIMEOUT_MS });
  await allSee('servers', 'green, red');
  const blue = await Server.start(ensemble, 'blue');
  await allSee('servers', 'blue, green, red');

  say('3. A server crashes. Its node goes when its session expires.');
  await green.crash();
  await allSee('servers', 'blue, red');

  say('4. It comes back: a new session, a new node with a new number.');
  const greenAgain = await Server.start(ensemble, 'green');
  await allSee('servers', 'blue, green, red');

  say('5. The operator changes the configuration.');
  await operator.set(CONFIG, 'timeout=9s');
  await allSee('config', 'timeout=9s');

  say('6. All servers say goodbye. Their nodes go at once.');
  for (const [server, left] of [
    [red, 'blue, green'],
    [greenAgain, 'blue'],
    [blue, 'nobody'],
  ]) {
    await server.stop();
    await allSee('servers', left);
  }

  await Promise.all([...clients.map((client) => client.stop()), operator.close()]);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  say(`\nDone: ${clients.length} clients saw all that happened, ${seen} sightings in ${seconds} s.`);
}, announce);
