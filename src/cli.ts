#!/usr/bin/env node
/** The command `zk-mini-server`: a ZooKeeper server for tests, for those who do not write theirs in JavaScript. */
import { readFileSync } from 'node:fs';
import { runCli } from './testing/cli-main.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// whoever read what we say may have gone, as `head` does
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  version,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  stopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => resolve());
    }),
});
