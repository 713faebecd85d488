/** Makes a session that owns the node of the second argument, prints what it takes to go on with it, and leaves it. */
import { connect } from 'zk-conn';

const [, , connectString, path] = process.argv;

const conn = await connect(connectString, { sessionTimeoutMs: 30_000 });
await conn.create(path, 'x', { mode: 'EPHEMERAL' });
const { id, password } = await conn.detach();
process.stdout.write(JSON.stringify({ id: String(id), password: password.toString('hex') }));
