/** What the examples share: a server to play with, and waiting for something to be seen. */
import { connect } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

/**
 * Runs `play(servers, where)`: on the ensemble `ZK_SERVERS=host:port,…` if that is set, else on a mini-server in this
 * process. `servers` is a connect string with a fresh chroot, so that the paths of an example can be short, and nothing
 * of it stays behind on a real server.
 */
export async function playground(play) {
  const real = process.env.ZK_SERVERS;
  const embedded = real ? null : await MiniServer.start();
  const ensemble = real ?? embedded.connectString;
  const where = real ? `the ensemble at ${real}` : `a mini-server in this process, at ${ensemble}`;
  const admin = await connect(ensemble);
  const chroot = `/zk-conn-example-${process.pid}-${Date.now().toString(36)}`;
  try {
    await admin.create(chroot);
    await play(ensemble + chroot, where);
  } finally {
    await admin.deleteRecursive(chroot);
    await admin.close();
    await embedded?.close();
  }
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
