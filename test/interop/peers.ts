/**
 * What holds for every client of others: its script finds the same on `zk-mini-server` and on real servers, which is what
 * `expected/NAME.txt` says, and its session ends when it says so.
 *
 * A line of that file that begins with `[3.8]` is for servers before 3.9, one with `[3.9]` for the others; `zk-mini-server`
 * answers as 3.9.3 does.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { newerTarget, realTarget, versionAtLeast } from '../support/targets.js';
import { startMiniServerProcess } from './mini-server-process.js';
import type { Printed } from './programs.js';
import type { Tool } from './tools.js';

/** A server that clients of others talk to. */
export interface PeerServer {
  readonly connectString: string;
  /** Release that it is, or answers as. */
  readonly version: string;
}

/** A guard; none of the scripts takes a tenth of it. */
const LIMIT_MS = 300_000;
const MINI_RELEASE = '3.9.3';

/**
 * Registers the test of one tool on one server after the other.
 * @param expected name of the file below `expected`
 * @param findings what the tool found, one line each: default all that it printed to stdout
 */
export function onEveryServer(
  tool: Tool,
  expected: string,
  findings: (printed: Printed, root: string) => readonly string[] = (printed) => printed.lines,
): void {
  afterAll(() => tool.clean?.());
  onMiniServer(tool.name, (server) => script(tool, server, expected, findings));
  for (const real of [realTarget(), newerTarget()]) {
    if ('missing' in real) {
      if (real.unwanted !== true) skipped(`${tool.name} on real ZooKeeper: ${real.missing}`);
      continue;
    }
    describe(`${tool.name} on real ZooKeeper ${real.version}`, () =>
      script(tool, () => real, expected, findings));
  }
}

function onMiniServer(tool: string, body: (server: () => PeerServer) => void): void {
  describe(`${tool} on zk-mini-server`, () => {
    let server: Awaited<ReturnType<typeof startMiniServerProcess>>;
    beforeAll(async () => {
      server = await startMiniServerProcess();
    });
    afterAll(async () => {
      expect(await server.stop()).toBe(0);
    });
    body(() => ({ connectString: server.connectString, version: MINI_RELEASE }));
  });
}

function script(
  tool: Tool,
  server: () => PeerServer,
  expected: string,
  findings: (printed: Printed, root: string) => readonly string[],
): void {
  const { missing } = tool;
  if (missing !== null && process.env['ZK_REQUIRED'] !== '1') {
    skipped(`${tool.name}: ${missing}`);
    return;
  }
  it(
    `finds what expected/${expected} says`,
    async () => {
      if (missing !== null) throw new Error(`ZK_REQUIRED=1, but ${missing}`);
      const { connectString, version } = server();
      const conn = await connect(connectString);
      const root = await conn.create(`/interop-${randomBytes(6).toString('hex')}`);
      try {
        const { watch } = await conn.existsW(`${root}/e`);
        const printed = await tool.run(connectString, root);
        const found = findings(printed, root).map((line) => line.replaceAll(root, 'ROOT').trimEnd());
        const wanted = expectedLines(expected, version);
        expect(found, printed.all).toEqual(wanted);
        expect(printed.exitCode).toBe(0);
        await conn.sync('/');
        if (tool.owns) {
          // the ephemeral node was there, and went with the session of the tool
          expect((await watch.event).type).toBe('NodeCreated');
          expect(await conn.exists(`${root}/e`)).toBeNull();
        }
        process.stdout.write(`${tool.name} on ${connectString} (${version}): ${wanted.length} findings\n`);
      } finally {
        // some nodes are for their creator alone
        await conn.addAuth('digest', 'super:test');
        await conn.deleteRecursive(root);
        await conn.close();
      }
    },
    LIMIT_MS,
  );
}

function expectedLines(name: string, version: string): readonly string[] {
  const text = fs.readFileSync(path.join(import.meta.dirname, 'expected', name), 'utf8');
  const other = versionAtLeast(version, '3.9.0') ? '[3.8] ' : '[3.9] ';
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(other))
    .map((line) => line.replace(/^\[3\.[89]\] /, ''));
}

function skipped(why: string): void {
  process.stdout.write(`skipped: ${why}\n`);
  it.skip(why, () => undefined);
}
