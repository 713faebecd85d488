/** Real standalone ZooKeeper servers for the tests. */
import { findZooKeeper } from './zookeeper-jars.js';
import {
  HOST,
  startOnFreePorts,
  ZooKeeperProcess,
  type RealServer,
  type RealServerOptions,
} from './zookeeper-process.js';

export { findZooKeeper, onPath } from './zookeeper-jars.js';
export { fourLetterWord } from './zookeeper-process.js';
export type { RealServer, RealServerOptions } from './zookeeper-process.js';

/**
 * Starts a server, and waits until it serves requests.
 * @throws if the version is not there, or if it does not answer within 100 s; the error then carries the end of the log
 */
export async function startRealServer(options: RealServerOptions = {}): Promise<RealServer> {
  const found = findZooKeeper(options.version);
  if ('missing' in found) throw new Error(found.missing);
  return startOnFreePorts(1, 1, ([ports]) => {
    const made = new ZooKeeperProcess(found, ports!, options, {
      mainClass: 'org.apache.zookeeper.server.ZooKeeperServerMain',
      config: { clientPort: String(ports![0]), clientPortAddress: HOST },
    });
    return { made, start: () => made.start() };
  });
}
