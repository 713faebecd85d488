import { ZkError } from '../../src/index.js';

/** Repeats a call that is harmless to repeat, while the connection is lost before its reply. */
export async function untilDone<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!ZkError.is(error) || error.code !== 'ZK_CONNECTION_LOSS') throw error;
    }
  }
}

/** {@link untilDone} of a create or delete: that it was done already is as good. */
export async function untilSo(write: () => Promise<unknown>): Promise<void> {
  try {
    await untilDone(write);
  } catch (error) {
    if (!ZkError.is(error) || (error.code !== 'ZK_NODE_EXISTS' && error.code !== 'ZK_NO_NODE')) throw error;
  }
}

const LOST = ['ZK_CONNECTION_LOSS', 'ZK_REQUEST_TIMEOUT', 'ZK_SESSION_EXPIRED'];

/** {@link untilDone} also while the answer is late, or the session is over. */
export async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!ZkError.is(error) || !LOST.includes(error.code)) throw error;
    }
  }
}
