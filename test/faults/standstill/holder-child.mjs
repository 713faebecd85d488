/**
 * Holds a lock as long as its session lives, and says so. Told by a line on stdin, it writes once more as the holder that it
 * believes to be: fenced by the version of the token that it took. It tells what came of it, and what it heard before.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { connect, op } from 'zk-conn';

const [, , connectString, folder] = process.argv;
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

// long enough for a machine that is busy otherwise
const conn = await connect(connectString, { sessionTimeoutMs: 8000 });
const { sessionId } = conn;
const heard = [];
conn.on('session', ({ what }) => heard.push(what));
await conn.create(`${folder}/lock`, null, { mode: 'EPHEMERAL' });
const { version } = await conn.set(`${folder}/token`, 'held by the child');
const write = (value) => conn.multi([op.check(`${folder}/token`, version), op.set(`${folder}/data`, value)]);
await write('of the holder');
say({ holds: version });

const [value] = await once(createInterface(process.stdin), 'line');
const outcome = await write(value).then(
  () => 'written',
  (error) => error.code,
);
// whatever was to be told of the old session comes before an answer in the next one
const over = ['ZK_CONNECTION_LOSS', 'ZK_REQUEST_TIMEOUT', 'ZK_SESSION_EXPIRED'];
for (let answered = false; !answered;) {
  try {
    await conn.sync('/');
    answered = true;
  } catch (error) {
    if (!over.includes(error.code)) throw error;
  }
}
say({ outcome, heard, moved: conn.sessionId !== sessionId });
await conn.close();
