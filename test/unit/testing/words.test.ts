/** Four-letter words that no real server is needed for; `test/real/words.test.ts` compares all of them with real ones. */
import { afterEach, describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE } from '../../../src/protocol/acls.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../../src/testing/options.js';
import { javaDate, javaDouble, javaHex } from '../../../src/testing/words/java-text.js';
import { packetsOf } from '../../../src/testing/words/four-letter-words.js';
import { ConnectionStats, Distribution, ServerStats } from '../../../src/testing/words/server-stats.js';
import { makeCertificates } from '../../support/certificates.js';
import { fourLetterWord, RawClient } from '../../support/raw-client.js';
import { tlsWord } from '../../support/tls-word.js';

const servers: MiniServer[] = [];

async function start(options?: MiniServerOptions): Promise<MiniServer> {
  const server = await MiniServer.start(options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe('numbers and times as Java writes them', () => {
  it.each([
    [0, '0.0'],
    [1, '1.0'],
    [0.5, '0.5'],
    [2.0556, '2.0556'],
    [0.001, '0.001'],
    [0.0001, '1.0E-4'],
    [0.00012, '1.2E-4'],
    [9_999_999, '9999999.0'],
    [10_000_000, '1.0E7'],
    [12_345_678.5, '1.23456785E7'],
  ])('%d is %s', (n, text) => {
    expect(javaDouble(n)).toBe(text);
  });

  it('dates, and 64-bit numbers', () => {
    expect(javaDate(Date.UTC(2026, 10, 1, 9, 8, 7))).toBe('Sun Nov 01 09:08:07 UTC 2026');
    expect(javaHex(-1n)).toBe('0xffffffffffffffff');
  });
});

describe('counters', () => {
  it('a distribution', () => {
    const values = new Distribution();
    expect([values.min, values.max, values.avg, values.percentile(0.5)]).toEqual([0, 0, 0, 0]);
    for (const value of [3, 1, 2]) values.add(value);
    expect([values.min, values.max, values.avg, values.sum, values.count]).toEqual([1, 3, 2, 6, 3]);
    expect([0.5, 0.95, 1].map((part) => values.percentile(part))).toEqual([2, 3, 3]);
    values.add(1);
    expect(values.avg).toBe(1.75);
    values.reset();
    values.add(7);
    expect([values.min, values.max, values.percentile(0.5)]).toEqual([7, 7, 7]);
  });

  it('latencies of requests and of connections', () => {
    const server = new ServerStats(0);
    server.processed(4, true);
    server.processed(2, false);
    expect([server.latency.min, server.latency.avg, server.latency.max]).toEqual([2, 3, 4]);
    expect([server.measured.updatelatency.sum, server.measured.readlatency.sum]).toEqual([4, 2]);
    const connection = new ConnectionStats();
    connection.processed({ operation: 'GETD', xid: 7, zxid: 9n, startedAt: 10, endedAt: 15 });
    connection.processed({ operation: 'PING', xid: -2, zxid: 9n, startedAt: 20, endedAt: 20 });
    expect(connection).toMatchObject({
      lastOperation: 'PING',
      lastXid: 7,
      lastLatency: 0,
      lastResponseAt: 20,
    });
    expect(connection.latency.max).toBe(5);
  });

  it('begin anew with the server, of which nobody knows names any more', async () => {
    const server = await start();
    const client = await RawClient.open(server);
    await client.call('create', { path: '/a', data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    expect(await fourLetterWord(server, 'mntr')).toContain('zk_cnt_a_write_per_namespace\t1\n');
    await server.restart();
    expect(await fourLetterWord(server, 'srvr')).toMatch(/^Received: 1\nSent: 0$/m);
    const mntr = await fourLetterWord(server, 'mntr');
    expect(mntr).not.toContain('a_write_per_namespace');
    expect(mntr).toContain('zk_znode_count\t6\n');
  });

  it('an answer is as many packets as a real server makes of it', () => {
    expect([0, 1, 8192, 8193].map((length) => packetsOf('x'.repeat(length)))).toEqual([0, 1, 1, 2]);
  });
});

describe('a server like 3.4', () => {
  it('answers as servers did then', async () => {
    const server = await start({ emulate: '3.4' });
    const ask = (word: string): Promise<string> => fourLetterWord(server, word);
    expect(await ask('srvr')).toMatch(/^Zookeeper version: 3\.4\.14-.*\nLatency min\/avg\/max: 0\/0\/0\n/);
    const names = (text: string, mark: string): string[] =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(mark)[0] ?? '');
    expect(names(await ask('conf'), '=')).toEqual([
      'clientPort',
      'dataDir',
      'dataLogDir',
      'tickTime',
      'maxClientCnxns',
      'minSessionTimeout',
      'maxSessionTimeout',
      'serverId',
    ]);
    expect(names(await ask('mntr'), '\t')).toEqual([
      'zk_version',
      'zk_avg_latency',
      'zk_max_latency',
      'zk_min_latency',
      'zk_packets_received',
      'zk_packets_sent',
      'zk_num_alive_connections',
      'zk_outstanding_requests',
      'zk_server_state',
      'zk_znode_count',
      'zk_watch_count',
      'zk_ephemerals_count',
      'zk_approximate_data_size',
      'zk_open_file_descriptor_count',
      'zk_max_file_descriptor_count',
    ]);
    expect(await ask('dump')).toBe(
      'SessionTracker dump:\nSession Sets (0):\nephemeral nodes dump:\nSessions with Ephemerals (0):\n',
    );
    expect(await ask('envi')).not.toContain('os.memory');
    // lengths of frames, to such a server
    expect([await ask('dirs'), await ask('hash')]).toEqual(['', '']);
  });
});

describe('a secure port', () => {
  it('is one in `conf`, and words are answered on it', async () => {
    using made = makeCertificates();
    const { key, cert } = made.server;
    const server = await start({ tls: { key, cert } });
    const ask = (word: string): Promise<string> => tlsWord(server, word, made.ca);
    expect(await ask('conf')).toMatch(new RegExp(`^clientPort=-1\nsecureClientPort=${server.port}\n`));
    expect(await ask('cons')).toMatch(/^ \/127\.0\.0\.1:\d+\[1\]\(queued=0,recved=1,sent=0\)\n\n$/);
    expect(await ask('dump')).toMatch(/Connections dump:\n$/);
  });
});
