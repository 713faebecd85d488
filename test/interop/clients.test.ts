/**
 * Clients that nobody here wrote, against the command `zk-mini-server` and against a real server: the same scripts, the
 * same expectations.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../src/index.js';
import { realTarget } from '../support/targets.js';
import { startMiniServerProcess } from './mini-server-process.js';
import { kazoo, nodeZookeeperClient, zkCli, type Printed, type Tool } from './tools.js';

interface Server {
  readonly connectString: string;
  stop(): Promise<unknown>;
}

/** What kazoo and node-zookeeper-client print for their scripts, which are the same. */
const steps = (root: string): readonly string[] => [
  `created ${root}/a`,
  `created ${root}/e`,
  'data hello 0',
  'version 1',
  `event NodeDataChanged ${root}/a`,
  'data world',
  'children a,e',
  'refused create NodeExistsError',
  'refused set BadVersionError',
  'refused get NoNodeError',
  'multi 4 t',
  `event NodeChildrenChanged ${root}`,
  'children e',
  'owned by me True',
  'done',
];

const REQUIRED = process.env['ZK_REQUIRED'] === '1';

/** Registers a test that is skipped, aloud, where the tool is missing. */
function testWith(tool: Tool, server: () => Server, judge: (printed: Printed, root: string) => void): void {
  const { missing } = tool;
  if (missing !== null && !REQUIRED) {
    process.stdout.write(`skipped: ${tool.name}: ${missing}\n`);
    it.skip(`${tool.name}: ${missing}`, () => undefined);
    return;
  }
  it(`${tool.name} creates, reads, lists, watches, sets, deletes, and ends its session`, async () => {
    if (missing !== null) throw new Error(`ZK_REQUIRED=1, but ${missing}`);
    const conn: Conn = await connect(server().connectString);
    const root = await conn.create(`/interop-${randomBytes(6).toString('hex')}`);
    try {
      const { watch } = await conn.existsW(`${root}/e`);
      const printed = await tool.run(server().connectString, root);
      judge(printed, root);
      // the ephemeral node was there, and went with the session of the tool
      expect((await watch.event).type).toBe('NodeCreated');
      await conn.sync('/');
      expect(await conn.exists(`${root}/e`)).toBeNull();
    } finally {
      await conn.deleteRecursive(root);
      await conn.close();
    }
  });
}

function interop(name: string, start: () => Promise<Server>): void {
  describe(name, () => {
    let server: Server;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(async () => {
      await server.stop();
    });

    testWith(
      zkCli(),
      () => server,
      ({ lines, all, exitCode }, root) => {
        const shown = lines.filter((line) => /^(hello|world|\[.*\]|WatchedEvent.*type:Node.*)$/.test(line));
        // events are printed by a thread of their own
        expect(shown.filter((line) => !line.startsWith('WatchedEvent'))).toEqual([
          'hello',
          'world',
          '[a, e]',
          '[e]',
        ]);
        expect(shown.filter((line) => line.startsWith('WatchedEvent'))).toEqual([
          expect.stringContaining(`type:NodeDataChanged path:${root}/a`),
          expect.stringContaining(`type:NodeChildrenChanged path:${root}`),
        ]);
        expect(all).toContain(`Created ${root}/e`);
        expect(exitCode).toBe(0);
      },
    );

    for (const tool of [kazoo(), nodeZookeeperClient()]) {
      testWith(
        tool,
        () => server,
        ({ lines, all, exitCode }, root) => {
          expect(lines, all).toEqual(steps(root));
          expect(exitCode).toBe(0);
        },
      );
    }
  });
}

interop('clients of others on zk-mini-server', async () => {
  const server = await startMiniServerProcess();
  return {
    connectString: server.connectString,
    stop: async () => {
      expect(await server.stop()).toBe(0);
    },
  };
});

const real = realTarget();
if ('missing' in real) {
  process.stdout.write(`skipped: clients of others on real ZooKeeper: ${real.missing}\n`);
  it.skip(`clients of others on real ZooKeeper: ${real.missing}`, () => undefined);
} else {
  const { connectString } = real;
  interop('clients of others on real ZooKeeper', async () => ({
    connectString,
    stop: async () => undefined,
  }));
}
