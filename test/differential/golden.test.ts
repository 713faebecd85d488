/**
 * The bytes of real servers, kept in `golden/`, against those of the mini-server. `ZK_RECORD=1` records them anew from the
 * servers that are here.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing/mini-server.js';
import { startRealServer } from '../support/real-zookeeper.js';
import { RELEASES, type Release } from '../support/zookeeper-jars.js';
import { CONVERSATIONS } from './conversations.js';
import { hold, type Exchange } from './golden.js';
import { EMULATED, REAL_PROPERTIES } from './targets.js';

type Golden = Readonly<Record<string, readonly Exchange[]>>;

const fileOf = (release: Release): string => path.join(import.meta.dirname, 'golden', `${release}.json`);

/** On a server of its own: a new one begins with the zxid 0. */
async function record(release: Release): Promise<void> {
  const server = await startRealServer({ version: release, properties: REAL_PROPERTIES });
  try {
    const golden: Record<string, readonly Exchange[]> = {};
    for (const conversation of CONVERSATIONS) golden[conversation.name] = await hold(server, conversation);
    fs.mkdirSync(path.dirname(fileOf(release)), { recursive: true });
    fs.writeFileSync(fileOf(release), `${JSON.stringify(golden, null, 1)}\n`);
  } finally {
    await server.stop();
  }
}

describe.each(RELEASES)('bytes of ZooKeeper %s', (release) => {
  let golden: Golden = {};
  let server: MiniServer;

  beforeAll(async () => {
    if (process.env['ZK_RECORD'] === '1') await record(release);
    golden = JSON.parse(fs.readFileSync(fileOf(release), 'utf8')) as Golden;
    server = await MiniServer.start({ emulate: EMULATED[release] });
  });
  afterAll(() => server.close());

  it('are there for each conversation', () => {
    expect(Object.keys(golden)).toEqual(CONVERSATIONS.map(({ name }) => name));
  });

  // one after the other on one server, as they were recorded
  it.each(CONVERSATIONS.map((conversation) => [conversation.name, conversation] as const))(
    '%s',
    async (name, conversation) => {
      expect(await hold(server, conversation)).toEqual(golden[name]);
    },
  );
});
