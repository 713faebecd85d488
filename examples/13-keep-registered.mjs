/** Stay registered: wait for a predecessor's session to end, and come back when the node is gone. */
import { EventEmitter, once } from 'node:events';
import { connect, tcpDialer } from 'zk-conn';
import { keepRegistered } from './keep-registered.mjs';
import { playground } from './support.mjs';

/** An application of which there may be only one at a time, with a connection that can be cut. */
async function start(servers, name, events) {
  let transport;
  const dialer = (address, listener) => (transport = tcpDialer(address, listener));
  const conn = await connect(servers, { dialer });
  const over = keepRegistered(conn, '/the-one', name, () => {
    console.log(`${name} is registered`);
    events.emit(name);
  });
  return { conn, over, cut: () => transport.destroy() };
}

await playground(async (servers) => {
  const events = new EventEmitter();
  const operator = await connect(servers);

  let registered = once(events, 'old');
  const old = await start(servers, 'old', events);
  await registered;

  // a new release starts while the old one still runs: its node is there, so it waits
  registered = once(events, 'new');
  const young = await start(servers, 'new', events);
  console.log('new waits');
  await old.conn.close();
  await old.over;
  await registered;

  // its node is deleted, and its connection breaks just then
  registered = once(events, 'new');
  await operator.delete('/the-one');
  young.cut();
  await registered;

  const { data, stat } = await operator.get('/the-one');
  console.log(
    `/the-one holds "${data}", owned by its session: ${stat.ephemeralOwner === young.conn.sessionId}`,
  );
  await young.conn.close();
  await young.over;
  await operator.close();
});
