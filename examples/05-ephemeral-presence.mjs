/** Presence: an ephemeral node lives exactly as long as the session that made it. */
import { connect, joinPath } from 'zk-conn';
import { Seen, playground } from './support.mjs';

/** Keeps `seen` up to date with who is there, until the Conn is closed. */
async function followMembers(conn, path, seen) {
  while (conn.state !== 'Closed') {
    const { children, watch } = await conn.childrenW(path);
    const members = [...children].sort().join(' ') || 'nobody';
    console.log(`present: ${members}`);
    seen.see(members);
    // ends without an event when the Conn is closed, and then so does the loop
    for await (const { type, path: where } of watch) console.log(`  ${type} ${where}`);
  }
}

/** Once, for this play. A program that runs for long keeps itself registered: see keep-registered.mjs. */
async function join(servers, path, name) {
  const conn = await connect(servers);
  await conn.create(joinPath(path, name), null, { mode: 'EPHEMERAL' });
  return conn;
}

await playground(async (servers) => {
  const observer = await connect(servers);
  await observer.create('/members');
  const seen = new Seen();
  const following = followMembers(observer, '/members', seen);
  await seen.until('nobody', 'the observer');

  const ann = await join(servers, '/members', 'ann');
  await seen.until('ann', 'the observer');
  const bob = await join(servers, '/members', 'bob');
  await seen.until('ann bob', 'the observer');

  // nobody deletes ann's node: it goes with her session. Had she crashed, the session timeout would be waited out first
  await ann.close();
  await seen.until('bob', 'the observer');
  await bob.close();
  await seen.until('nobody', 'the observer');

  await observer.close();
  await following;
});
