/**
 * Starts one real ZooKeeper for all test files, and tells them about it: `inject('zkReal')`.
 *
 * `ZK_SERVERS=host:port,…` uses that ensemble as it is; `ZOOKEEPER_HOME=folder` chooses the release; `ZK_REAL=0` goes
 * without; `ZK_REQUIRED=1` makes its absence an error. A run of nothing but pure tests does not wait for a server.
 */
import * as path from 'node:path';
import type { TestProject } from 'vitest/node';
import { findZooKeeper, fourLetterWord, startRealServer, type ZooKeeperSource } from './real-zookeeper.js';

/** The real ZooKeeper of this run, or why there is none. */
export type ZkReal =
  | {
      readonly connectString: string;
      readonly version: string;
      readonly source: 'ZK_SERVERS' | ZooKeeperSource;
    }
  | { readonly missing: string };

declare module 'vitest' {
  export interface ProvidedContext {
    zkReal: ZkReal;
  }
}

/** Folders below `test` whose files never talk to a server. */
const PURE_LANES = ['unit', 'property', 'conformance', 'types', 'package', 'docs'];

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const required = process.env['ZK_REQUIRED'] === '1';
  const servers = process.env['ZK_SERVERS'];
  if (onlyPureLanes(project)) {
    project.provide('zkReal', { missing: 'not started: only tests that need no server were selected' });
    return undefined;
  }
  if (servers !== undefined && servers !== '') {
    project.provide('zkReal', {
      connectString: servers,
      version: await versionOf(servers),
      source: 'ZK_SERVERS',
    });
    return undefined;
  }
  const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper();
  if ('missing' in found) {
    if (required) throw new Error(`ZK_REQUIRED=1, but no real ZooKeeper: ${found.missing}`);
    process.stderr.write(`no real ZooKeeper: ${found.missing}\n`);
    project.provide('zkReal', found);
    return undefined;
  }
  const server = await startRealServer();
  project.provide('zkReal', {
    connectString: server.connectString,
    version: server.version,
    source: found.source,
  });
  return async () => {
    await server.stop();
  };
}

/** Do all files that were selected for this run lie in pure lanes? In watch mode others may be selected later. */
function onlyPureLanes(project: TestProject): boolean {
  const files = project.vitest.state.getPaths();
  if (files.length === 0 || project.vitest.config.watch) return false;
  const tests = path.join(project.vitest.config.root, 'test');
  return files.every((file) => PURE_LANES.includes(path.relative(tests, file).split(path.sep)[0] ?? ''));
}

/** @throws if none of the servers answers: a run that was pointed at an ensemble must not quietly go without it */
async function versionOf(servers: string): Promise<string> {
  for (const server of servers.replace(/\/.*$/, '').split(',')) {
    const colon = server.lastIndexOf(':');
    const host = (colon < 0 ? server : server.slice(0, colon)).replace(/^\[|\]$/g, '');
    const stat = await fourLetterWord(host, colon < 0 ? 2181 : Number(server.slice(colon + 1)), 'srvr');
    const match = /^Zookeeper version: (\d+\.\d+\.\d+)/m.exec(stat);
    if (match?.[1] !== undefined) return match[1];
  }
  throw new Error(`ZK_SERVERS=${servers}: no server answers \`srvr\` (is it in 4lw.commands.whitelist?)`);
}
