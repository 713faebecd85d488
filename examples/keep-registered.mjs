/** For your own program: an ephemeral node that is there for as long as the Conn is. Copy it. */
import { setTimeout } from 'node:timers/promises';
import { ZkError } from 'zk-conn';

/**
 * Keeps the ephemeral node `path` registered: makes it, waits while an earlier session still holds it, and makes it again
 * when it is gone: with a lost session, or by somebody's hand. `onRegistered` is called whenever this session has it.
 * `sleep` waits for so many ms: a test on a clock of its own gives one that takes its time from that.
 * Resolves when the Conn is over. Rejects with what does not mend by itself, for example NoNodeError: no parent.
 */
export async function keepRegistered(conn, path, data, onRegistered = () => {}, { sleep = setTimeout } = {}) {
  let over = false;
  void conn.closed.then(() => (over = true));
  while (!over) {
    try {
      const { stat, watch } = await conn.existsW(path);
      if (stat === null) {
        // its answer may get lost: then the next round sees whether the node is there, and whose it is
        await conn.create(path, data, { mode: 'EPHEMERAL' });
        continue;
      }
      if (stat.ephemeralOwner === conn.sessionId) onRegistered();
      // ours or not: when it changes, or our session is lost, look again
      await watch.event;
    } catch (error) {
      if (!over && !mends(error)) throw error;
      // with `offlineQueue: false` calls reject at once while there is no connection: do not spin
      await sleep(100);
    }
  }
}

/** By code, which is the same in every copy and build of the package. */
function mends(error) {
  const codes = ['ZK_NODE_EXISTS', 'ZK_SESSION_EXPIRED', 'ZK_CLOSED'];
  return ZkError.is(error) && (error.retryable || codes.includes(error.code));
}
