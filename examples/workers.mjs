/** The service of the two examples of testing: it stands in the list of workers for as long as it lives. */
import { connect } from 'zk-conn';

/** @param options of the Conn, so that a test can give it a clock of its own */
export async function joinWorkers(servers, name, options) {
  const conn = await connect(servers, options);
  const register = () => conn.createIdempotent(`/workers/${name}`, 'ready', { mode: 'EPHEMERAL' });
  await conn.ensurePath('/workers');
  await register();
  conn.on('connection', (what) => {
    // a new session owns nothing: what the old one had is gone
    if (what === 'CONNECTED') register().catch((error) => console.error(`${name} is not listed:`, error));
  });
  return conn;
}
