/** What the built package prints: nothing at all, unless it is asked to. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, assertBuilt, runNode } from './support.js';

const SCRATCH = path.join(ROOT, '.tmp', `silence-${process.pid}`);
const FILE = path.join(SCRATCH, 'story.mjs');

/** A life with everything that could tempt a library to print. */
const STORY = `
  import { Conn, connect } from 'zk-conn';
  import { MiniServer } from 'zk-conn/testing';

  const SECRET = 's3cret';
  const server = await MiniServer.start();
  const options = { backoff: { baseMs: 1, maxMs: 1 }, auth: [{ scheme: 'digest', auth: 'user:' + SECRET }] };
  const next = (conn, state) =>
    new Promise((resolve) => conn.on('connection', (event) => event === state && resolve()));

  const conn = await connect(server.connectString, options);
  await conn.create('/a', SECRET);
  await conn.set('/a', SECRET);
  await conn.get('/nobody').catch(() => {});
  await conn.get('no-slash').catch(() => {});
  const { watch } = await conn.getW('/a');
  await conn.set('/a', SECRET);
  await watch.event;

  // a listener that is too slow, with nobody who wants to know
  conn.once('watch', () => {
    const until = performance.now() + 120;
    while (performance.now() < until);
  });
  await conn.getW('/a');
  await conn.delete('/a');

  const again = next(conn, 'RECONNECTED');
  server.dropConnections();
  await again;
  const anew = next(conn, 'CONNECTED');
  server.expireSession(conn.sessionId);
  await anew;

  const { connectString } = server;
  await conn.close();
  await server.close();
  await new Conn(connectString).close();

  // nobody listens there, which is noticed before anybody gives up
  const lost = new Conn('127.0.0.1:1', options);
  const refused = new Promise((resolve) => lost.once('connectError', resolve));
  await Promise.all([refused, lost.connect({ timeoutMs: 200 }).catch(() => {})]);
  await lost.close();
  await connect('127.0.0.1:1', { ...options, sessionTimeoutMs: 200 }).catch(() => {});
`;

beforeAll(() => {
  assertBuilt();
  fs.mkdirSync(SCRATCH, { recursive: true });
  fs.writeFileSync(FILE, STORY);
});
afterAll(() => fs.rmSync(SCRATCH, { recursive: true, force: true }));

describe('[M1] the package', () => {
  it('prints nothing by default, whatever happens', async () => {
    const { code, stdout, stderr } = await runNode([FILE], { env: { DEBUG: undefined } });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('tells all of it on stderr when it is asked to, and no secret', async () => {
    const { code, stdout, stderr } = await runNode([FILE], { env: { DEBUG: 'zk-conn:*' } });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    for (const line of [
      /zk-conn:connection 127\.0\.0\.1:\d+ connected \(attempt 1, [\d.]+ ms\)/,
      /zk-conn:connection 127\.0\.0\.1:\d+ lost /,
      /zk-conn:connection 127\.0\.0\.1:\d+ failed .*ECONNREFUSED/,
      /zk-conn:session 0x[0-9a-f]+ new /,
      /zk-conn:session 0x[0-9a-f]+ resumed /,
      /zk-conn:session 0x[0-9a-f]+ expired /,
      /zk-conn:request getData \/nobody \(127\.0\.0\.1:\d+, xid \d+\) rejected after [\d.]+ ms, \d+ bytes out, 16 bytes in: /,
      /zk-conn:request setData \/a \(127\.0\.0\.1:\d+, xid \d+\) ok after /,
      /zk-conn:watch NodeDataChanged \/a/,
      /zk-conn:warning slow-handler of [\d.]+ ms, more than 100\.0 ms watch/,
    ]) {
      expect(stderr).toMatch(line);
    }
    expect(stderr).not.toMatch(/s3cret|73 33 63/);
  });

  it('tells only what it is asked for', async () => {
    const { stderr } = await runNode([FILE], { env: { DEBUG: 'zk-conn:watch' } });
    expect(
      stderr
        .trim()
        .split('\n')
        .every((line) => line.includes('zk-conn:watch')),
    ).toBe(true);
  });
});
