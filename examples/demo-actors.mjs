/** Who plays in demo.mjs: servers that are there for as long as their session lives, and clients that watch them. */
import { ConnClosedError, connect, joinPath, tcpDialer } from 'zk-conn';
import { Seen } from './support.mjs';

export const SERVERS = '/servers';
export const CONFIG = '/config';

export const say = (text) => console.log(text);

/** A server: a Conn of its own, and an ephemeral node that says "I am here" for as long as its session lives. */
export class Server {
  static async start(ensemble, name, options) {
    const server = new Server();
    server.name = name;
    // remembers its latest connection, so that it can be cut
    const dialer = (address, events) => (server.transport = tcpDialer(address, events));
    server.conn = await connect(ensemble, { ...options, dialer });
    say(`   ${name} starts`);
    const prefix = joinPath(SERVERS, `${name}-`);
    server.path = await server.conn.create(prefix, null, { mode: 'EPHEMERAL_SEQUENTIAL' });
    return server;
  }

  /**
   * A crash, as the ensemble sees one: the connection breaks and nobody says goodbye. close() alone would end the session
   * politely; after the cut it cannot reach anybody, and only stops this process from connecting again. So it is the
   * ensemble that ends the session, when it has heard nothing for the session timeout. The same on every server.
   */
  async crash() {
    this.transport.destroy();
    const { confirmed } = await this.conn.close();
    if (confirmed) throw new Error('that was no crash');
    say(`   ${this.name} crashes; ${this.path} outlives it, ${this.conn.negotiatedTimeoutMs} ms or so`);
  }

  /** The other way: the session ends with the Conn, and its ephemeral node with the session. */
  async stop() {
    say(`   ${this.name} closes, and ${this.path} goes with its session`);
    await this.conn.close();
  }
}

/** A client: follows the list of servers and the configuration, and tells what it sees. */
export class Client {
  servers = new Seen();
  config = new Seen();

  static async start(ensemble, name) {
    const client = new Client();
    client.name = name;
    client.conn = await connect(ensemble);
    client.following = Promise.all([client.#followServers(), client.#followConfig()]);
    // an error in there must not go unseen: it ends the whole play
    client.following.catch((error) => [client.servers, client.config].forEach((seen) => seen.fail(error)));
    return client;
  }

  async #followServers() {
    await this.#follow(this.servers, 'the servers', async () => {
      const { children, watch } = await this.conn.childrenW(SERVERS);
      const names = children.map((child) => child.slice(0, child.lastIndexOf('-')));
      return { value: names.sort().join(', ') || 'nobody', watch };
    });
  }

  async #followConfig() {
    await this.#follow(this.config, 'the configuration', async () => {
      const { data, watch } = await this.conn.getW(CONFIG);
      return { value: data.toString(), watch };
    });
  }

  /** Read and watch in one request, wait, read again: no change is missed between the two. */
  async #follow(seen, what, read) {
    try {
      for (;;) {
        const { value, watch } = await read();
        say(`     ${this.name} sees ${what}: ${value}`);
        seen.see(value);
        await watch.event;
      }
    } catch (error) {
      if (!(error instanceof ConnClosedError)) throw error;
    }
  }

  async stop() {
    await this.conn.close();
    await this.following;
  }
}
