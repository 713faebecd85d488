/** What the examples share: a server to play with, and waiting for something to be seen. */
import { constants } from 'node:os';
import { NoServerError, connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

/**
 * Runs `play(servers, where)`: on the ensemble `ZK_SERVERS=host:port,…` if that is set, else on a mini-server in this
 * process. `servers` is a connect string with a fresh chroot, so that the paths of an example can be short, and nothing
 * of it stays behind on a real server, also after Ctrl-C. `announce(where)` is called first of all.
 */
export async function playground(play, announce = () => {}) {
  const real = process.env.ZK_SERVERS;
  const embedded = real ? null : await MiniServer.start();
  const ensemble = real || embedded.connectString;
  const where = real ? `the ensemble at ${real}` : `a mini-server in this process, at ${ensemble}`;
  announce(where);
  const admin = await adminOf(ensemble);
  if (admin === null) return;
  const chroot = `/zk-conn-example-${process.pid}-${Date.now().toString(36)}`;
  const interruption = untilInterrupted();
  try {
    await admin.create(chroot);
    await Promise.race([play(ensemble + chroot, where), interruption.came]);
  } finally {
    await admin.deleteRecursive(chroot);
    await admin.close();
    await embedded?.close();
    interruption.ignore();
  }
  // what the play has open does not end by itself then
  if (interruption.exitCode !== undefined) process.exit(interruption.exitCode);
}

/** Says in one line why there is no connection, if there is none. */
async function adminOf(ensemble) {
  try {
    return await connect(ensemble, { sessionTimeoutMs: 10_000 });
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
    return null;
  }
}

/** The first Ctrl-C or SIGTERM resolves `came`; a second one ends the process at once. */
function untilInterrupted() {
  const interruption = {};
  interruption.came = new Promise((resolve) => {
    const listeners = ['SIGINT', 'SIGTERM'].map((signal) => {
      const listener = () => {
        // an example that listens itself knows better
        if (process.listenerCount(signal) > 1) return;
        interruption.ignore();
        interruption.exitCode = 128 + constants.signals[signal];
        resolve();
      };
      process.on(signal, listener);
      return [signal, listener];
    });
    interruption.ignore = () => listeners.forEach((entry) => process.off(...entry));
  });
  return interruption;
}

/** How long anybody waits to see something before it counts as never seen, ms. */
const PATIENCE_MS = Number(process.env.PATIENCE_MS ?? 15_000);

/** The latest value that somebody saw, and a way to wait until it is what it must be. */
export class Seen {
  #value;
  #error;
  #check = () => {};

  see(value) {
    this.#value = value;
    this.#check();
  }

  /** Nothing more will be seen. */
  fail(error) {
    this.#error = error;
    this.#check();
  }

  /** Resolves as soon as the value is `wanted`; rejects when patience runs out first. */
  until(wanted, who) {
    return new Promise((resolve, reject) => {
      const settle = (how, reason) => {
        clearTimeout(timer);
        this.#check = () => {};
        how(reason);
      };
      const timer = setTimeout(() => {
        const text = `${who} did not see "${wanted}" within ${PATIENCE_MS} ms; the last it saw is "${this.#value}"`;
        settle(reject, new Error(text));
      }, PATIENCE_MS);
      this.#check = () => {
        if (this.#error !== undefined) settle(reject, this.#error);
        else if (this.#value === wanted) settle(resolve);
      };
      this.#check();
    });
  }
}
