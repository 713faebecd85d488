/**
 * Starts real ZooKeepers for all test files, and tells them about them: `inject('zkReal')`, and `inject('zkNewer')` of the
 * newest release that the tests know, for the contract.
 *
 * `ZK_SERVERS=host:port,…` uses that ensemble as it is; `ZOOKEEPER_HOME=folder` chooses the release; `ZK_REAL=0` goes
 * without; `ZK_REQUIRED=1` makes their absence an error. A run of nothing but pure tests does not wait for a server.
 */
import * as path from 'node:path';
import type { TestProject } from 'vitest/node';
import { fourLetterWord, startRealServer, type RealServer } from './real-zookeeper.js';
import { findZooKeeper, RELEASES, type FoundZooKeeper, type ZooKeeperSource } from './zookeeper-jars.js';

/** A real ZooKeeper of this run, or why there is none. */
export type ZkReal =
  | {
      readonly connectString: string;
      readonly version: string;
      readonly source: 'ZK_SERVERS' | ZooKeeperSource;
    }
  | MissingReal;

interface MissingReal {
  readonly missing: string;
  /** It is not wanted, rather than not to be had: `ZK_REQUIRED=1` does not mind. */
  readonly unwanted?: true;
}

declare module 'vitest' {
  export interface ProvidedContext {
    zkReal: ZkReal;
    zkNewer: ZkReal;
  }
}

/** Folders below `test` whose files never talk to a server. */
const PURE_LANES = ['unit', 'property', 'conformance', 'types', 'package', 'docs', 'differential'];
/** Those whose files run on the newest release too. */
const LANES_ON_BOTH = ['contract', 'interop'];

export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const tell = (real: ZkReal, newer: ZkReal): void => {
    project.provide('zkReal', real);
    project.provide('zkNewer', newer);
  };
  const servers = process.env['ZK_SERVERS'] ?? '';
  if (onlyLanes(project, PURE_LANES)) {
    const none = { missing: 'not started: only tests that need no server were selected' };
    tell(none, none);
    return undefined;
  }
  if (servers !== '') {
    tell(
      { connectString: servers, version: await versionOf(servers), source: 'ZK_SERVERS' },
      { missing: 'ZK_SERVERS says what to run on', unwanted: true },
    );
    return undefined;
  }
  const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper();
  const started: RealServer[] = [];
  const [real, newer] = await Promise.all([
    provided(found, started),
    provided(findNewer(project, found), started),
  ]);
  tell(real, newer);
  return async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
}

/** Starts it, or says aloud that it is not here. */
async function provided(found: FoundZooKeeper | MissingReal, started: RealServer[]): Promise<ZkReal> {
  if ('missing' in found) {
    if (found.unwanted === true) return found;
    if (process.env['ZK_REQUIRED'] === '1')
      throw new Error(`ZK_REQUIRED=1, but no real ZooKeeper: ${found.missing}`);
    process.stderr.write(`no real ZooKeeper: ${found.missing}\n`);
    return found;
  }
  const { version, source } = found;
  const server = await startRealServer({ version });
  started.push(server);
  return { connectString: server.connectString, version, source };
}

/** The newest release, if it is another one than that which is there anyhow, and if somebody asks for it. */
function findNewer(project: TestProject, first: FoundZooKeeper | MissingReal): FoundZooKeeper | MissingReal {
  if ('missing' in first) return first;
  const newest = RELEASES[RELEASES.length - 1]!;
  if (first.version === newest) return { missing: `the other one is a ${newest} too`, unwanted: true };
  if (!someIn(project, LANES_ON_BOTH))
    return { missing: 'not started: no test that runs on both was selected', unwanted: true };
  return findZooKeeper(newest);
}

/** Do all files that were selected for this run lie in these lanes? In watch mode others may be selected later. */
function onlyLanes(project: TestProject, lanes: readonly string[]): boolean {
  const selected = selectedLanes(project);
  return selected !== null && selected.every((lane) => lanes.includes(lane));
}

/** Does one of them? */
function someIn(project: TestProject, lanes: readonly string[]): boolean {
  const selected = selectedLanes(project);
  return selected === null || selected.some((lane) => lanes.includes(lane));
}

/** Folder below `test` of each selected file; null if anything may be selected. */
function selectedLanes(project: TestProject): string[] | null {
  const files = project.vitest.state.getPaths();
  if (files.length === 0 || project.vitest.config.watch) return null;
  const tests = path.join(project.vitest.config.root, 'test');
  return files.map((file) => path.relative(tests, file).split(path.sep)[0] ?? '');
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
