/** Where the server lets us wait, what the first replies of many set off goes out before the others are read. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Conn } from '../../../src/index.js';
import { dataBody, replyFrame } from '../../support/core-world.js';
import { ScriptedServer, settle } from '../../support/scripted-server.js';

const DEPTH = 100;

let server: ScriptedServer;
let conn: Conn;

beforeEach(async () => {
  server = new ScriptedServer();
  conn = await server.connected();
});

afterEach(() => server.close(conn));

/** All calls are made and answered at once; each asks for one more, with this many continuations in between. */
async function burst(workMs: number, waitMs: number, hops = 0): Promise<string[]> {
  const told: string[] = [];
  const ask = async (i: number): Promise<void> => {
    await conn.get(`/${String(i)}`);
    told.push('answer');
    for (let hop = 0; hop < hops; hop++) await Promise.resolve();
    conn.get(`/next/${String(i)}`).catch(() => undefined);
  };
  await server.clock.advance(workMs);
  const all = Array.from({ length: DEPTH }, (_, i) => ask(i));
  await settle();
  const { link } = server;
  const { write } = link;
  link.write = (bytes) => {
    told.push('write');
    return write.call(link, bytes);
  };
  const asked = link.take();
  expect(asked).toHaveLength(DEPTH);
  await server.clock.advance(waitMs);
  await link.send(Buffer.concat(asked.map(({ xid }) => replyFrame(xid, { body: dataBody }))));
  await Promise.all(all);
  await settle();
  expect(link.take().map(({ request }) => request['path'])).toEqual(all.map((_, i) => `/next/${String(i)}`));
  return told;
}

const places = (told: readonly string[]): number[] =>
  told.flatMap((what, i) => (what === 'write' ? [i] : [])).map((at, i) => at - i);

it.each([0, 1, 10])('as soon as the continuations have run, %i in a row', async (hops) => {
  expect(places(await burst(1, 5, hops))).toEqual([32, 64, 100]);
});

it('but in one write if it was the server that waited', async () => {
  expect(places(await burst(5, 1))).toEqual([100]);
});
