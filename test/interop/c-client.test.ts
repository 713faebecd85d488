/** ZooKeeper's C client: its library in a program of ours, its shell, its load generator. */
import { onEveryServer } from './peers.js';
import type { Printed } from './programs.js';
import { cClient, cShell, loadGenerator } from './tools.js';

onEveryServer(cClient(), 'c-client.txt');
onEveryServer(cShell(), 'cli_mt.txt', answers);
onEveryServer(loadGenerator(), 'load_gen.txt');

/** What it says of each request, as often as it does; it says some to stdout and some to stderr. */
function answers({ all }: Printed): readonly string[] {
  return all
    .split('\n')
    .map((line) => line.replace(/ Stat:$/, '').trim())
    .filter((line) =>
      /: rc = |^name = |^Error -|^Watcher \w+ state = \w+ for path|^version=| value_len = /.test(line),
    )
    .sort();
}
