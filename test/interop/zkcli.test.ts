/** ZooKeeper's own shell, of both releases. */
import { RELEASES } from '../support/zookeeper-jars.js';
import { onEveryServer } from './peers.js';
import type { Printed } from './programs.js';
import { zkCli } from './tools.js';

for (const release of RELEASES) onEveryServer(zkCli(release), `zkcli-${release}.txt`, shown);

/** Lines that have nothing to do with the server. Its own end it prints only if its threads have the time. */
const NOISE =
  /^$|^SLF4J: |^Connecting to |^Welcome to |^JLine |^WATCHER::$|^WatchedEvent state:Closed |^Picked up /;
const EVENT = /^WatchedEvent /;

/**
 * What it showed, and behind that its events, which a thread of their own prints. Zxids and times are masked, and lists are
 * sorted: a server gives them in the order of a hash of names, and the root of the test has another one each time.
 */
function shown({ all }: Printed): readonly string[] {
  const lines = all
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => !NOISE.test(line))
    .map((line) =>
      line
        .replace(/^([cmp]Zxid) = 0x[0-9a-f]+$/, '$1 = ZXID')
        .replace(/^([cm]time) = .*$/, '$1 = TIME')
        .replace(/( type:\w+ path:\S+) zxid: (-?)\d+$/, '$1')
        .replace(/^\[(.*)\]$/, (_, list: string) => `[${list.split(', ').sort().join(', ')}]`)
        .replace(/^(ZooKeeper CLI version: [\d.]+).*$/, '$1'),
    );
  return [...lines.filter((line) => !EVENT.test(line)), ...lines.filter((line) => EVENT.test(line))];
}
