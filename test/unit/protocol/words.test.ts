import { describe, expect, it } from 'vitest';
import { CommandRefusedError, DecodeError, NotServingError } from '../../../src/protocol/errors.js';
import {
  FOUR_LETTER_WORDS,
  isFourLetterWord,
  parseFourLetterWord,
  isSince,
  parseServerVersion,
} from '../../../src/protocol/words.js';
import { FOLLOWER_393, LEADER_393, READ_ONLY_393, STANDALONE_380 } from '../../support/word-texts.js';

const ID = 0x10000b5aee20000n;
const parsed: { readonly [W in keyof typeof STANDALONE_380]: unknown } = {
  ruok: true,
  isro: 'rw',
  srvr: {
    version: { major: 3, minor: 8, patch: 0, text: expect.stringContaining('built on 2024-12-29') },
    readOnly: false,
    latency: { min: 0, avg: 2.1429, max: 6 },
    received: 13,
    sent: 12,
    connections: 3,
    outstanding: 0,
    zxid: 3n,
    mode: 'standalone',
    nodeCount: 6,
  },
  stat: expect.objectContaining({
    received: 14,
    zxid: 3n,
    clients: [
      { host: '127.0.0.1', port: 50988, queued: 0, received: 5, sent: 5 },
      { host: '127.0.0.1', port: 50996, queued: 0, received: 2, sent: 2 },
      { host: '127.0.0.1', port: 51050, queued: 0, received: 1, sent: 0 },
    ],
  }),
  cons: [
    {
      host: '127.0.0.1',
      port: 50988,
      queued: 0,
      received: 5,
      sent: 5,
      sessionId: ID,
      lastOperation: 'GETC',
      establishedMs: 1795229912177,
      timeoutMs: 30000,
      lastCxid: 4n,
      lastZxid: 3n,
      latency: { last: 0, min: 0, avg: 2, max: 6 },
    },
    { host: '127.0.0.1', port: 51072, queued: 0, received: 1, sent: 0 },
  ],
  conf: {
    clientPort: 22100,
    secureClientPort: 22101,
    dataDir: '/var/lib/zookeeper/version-2',
    dataDirSize: 67109337,
    tickTime: 500,
    clientPortListenBacklog: -1,
    serverId: 0,
  },
  dirs: { dataDirSize: 67109337, logDirSize: 67109337 },
  dump: { sessionIds: [ID + 1n, ID], ephemerals: [{ sessionId: ID, paths: ['/e'] }] },
  envi: {
    'zookeeper.version': '3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC',
    'host.name': 'localhost',
    'java.version': '17.0.15',
    'java.class.path': '/usr/share/java/a=b.jar',
  },
  gtmk: 306n,
  stmk: 274n,
  hash: [],
  crst: true,
  srst: true,
  wchs: { connections: 2, paths: 2, watches: 3 },
  wchc: [
    { sessionId: ID, paths: ['/e', '/'] },
    { sessionId: ID + 1n, paths: ['/e'] },
  ],
  wchp: [
    { path: '/e', sessionIds: [ID, ID + 1n] },
    { path: '/', sessionIds: [ID] },
  ],
  mntr: {
    zk_version: '3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC',
    zk_server_state: 'standalone',
    zk_ephemerals_count: 1,
    zk_avg_latency: 2.1429,
    zk_last_client_response_size: -1,
    zk_connection_drop_probability: 0,
  },
};

describe('the answer of a standalone server to', () => {
  it('every word is among the texts', () => {
    expect(Object.keys(parsed).sort()).toEqual([...FOUR_LETTER_WORDS].sort());
  });

  it.each(FOUR_LETTER_WORDS)('%s', (word) => {
    expect(parseFourLetterWord(word, STANDALONE_380[word])).toEqual(parsed[word]);
  });
});

describe('a member of an ensemble', () => {
  it('that leads has sizes of proposals', () => {
    const status = parseFourLetterWord('srvr', LEADER_393.srvr);
    expect(status).toMatchObject({
      mode: 'leader',
      zxid: 0x100000002n,
      proposalSizes: { last: 87, min: 48 },
    });
  });

  it('has its fellows in conf', () => {
    const conf = parseFourLetterWord('conf', LEADER_393.conf);
    expect(conf).toMatchObject({
      serverId: 3,
      'server.2': '127.0.0.1:22162:22172:participant;127.0.0.1:22152',
    });
    expect(Object.keys(conf)).not.toContain('membership: ');
  });

  it.each([
    ['leader', LEADER_393.dump],
    ['follower', FOLLOWER_393.dump],
  ])('that is a %s dumps sessions, and no connections among them', (_role, text) => {
    expect(parseFourLetterWord('dump', text)).toEqual({
      sessionIds: [0x10000b99fdf0000n],
      ephemerals: [{ sessionId: 0x10000b99fdf0000n, paths: ['/e'] }],
    });
  });

  it('without watches answers wchc with a blank line', () => {
    expect(parseFourLetterWord('wchc', LEADER_393.wchc)).toEqual([]);
  });

  it('that lost the others is read-only', () => {
    expect(parseFourLetterWord('isro', READ_ONLY_393.isro)).toBe('ro');
    expect(parseFourLetterWord('srvr', READ_ONLY_393.srvr)).toMatchObject({
      readOnly: true,
      mode: 'read-only',
    });
    expect(parseFourLetterWord('dump', READ_ONLY_393.dump)).toEqual({ sessionIds: [], ephemerals: [] });
  });

  it('that serves nobody says null to isro', () => {
    expect(parseFourLetterWord('isro', 'null')).toBeNull();
  });
});

describe('other forms:', () => {
  it.each([
    ['an IPv6 address in brackets', ' /[0:0:0:0:0:0:0:1]:5[1](queued=0,recved=1,sent=2)\n'],
    ['an IPv6 address without', ' /0:0:0:0:0:0:0:1:5[1](queued=0,recved=1,sent=2)\n'],
    ['a name before it', ' localhost/0:0:0:0:0:0:0:1:5[1](queued=0,recved=1,sent=2)\n'],
  ])('%s', (_what, line) => {
    expect(parseFourLetterWord('cons', line)).toEqual([
      { host: '0:0:0:0:0:0:0:1', port: 5, queued: 0, received: 1, sent: 2 },
    ]);
  });

  it('a session id whose highest bit is set is negative, as everywhere else', () => {
    expect(parseFourLetterWord('wchc', '0xffffffffffffffff\n\t/a\n\n')).toEqual([
      { sessionId: -1n, paths: ['/a'] },
    ]);
  });

  it('digests', () => {
    expect(parseFourLetterWord('hash', '10a: 5f2c\n10b: -7\n')).toEqual([
      { zxid: 0x10an, digest: '5f2c' },
      { zxid: 0x10bn, digest: '-7' },
    ]);
  });

  it('numbers as Java writes them', () => {
    expect(parseFourLetterWord('mntr', 'a\t1.5E-4\nb\tNaN\nc\t\nd\t1-2\n')).toEqual({
      a: 1.5e-4,
      b: NaN,
      c: '',
      d: '1-2',
    });
  });

  it('whole numbers as latency, of 3.4', () => {
    const text = STANDALONE_380.srvr.replace('2.1429', '2').replace(/-\$.*/, '.14--1, built on 2019');
    expect(parseFourLetterWord('srvr', text)).toMatchObject({ latency: { avg: 2 }, version: { minor: 8 } });
  });
});

describe('what is no answer', () => {
  it.each(FOUR_LETTER_WORDS)('%s may be refused', (word) => {
    const text = `${word} is not executed because it is not in the whitelist.\n`;
    const parse = (): unknown => parseFourLetterWord(word, text);
    expect(parse).toThrow(CommandRefusedError);
    expect(parse).toThrow(/^\w{4}: .*whitelist/);
  });

  it.each(FOUR_LETTER_WORDS)('%s may find the server busy with its quorum', (word) => {
    const parse = (): unknown =>
      parseFourLetterWord(word, 'This ZooKeeper instance is not currently serving requests\n');
    expect(parse).toThrow(NotServingError);
  });

  const MAY_BE_EMPTY = ['hash', 'cons', 'wchc', 'wchp'];
  it.each(FOUR_LETTER_WORDS.filter((word) => !MAY_BE_EMPTY.includes(word)))('%s and nothing', (word) => {
    expect(() => parseFourLetterWord(word, '')).toThrow(
      new DecodeError(`this is no answer to ${word}: the server closed the connection without a word`, {
        op: word,
      }),
    );
  });

  it.each([
    ['ruok', 'HTTP/1.1 400 Bad Request\r\n\r\n', /HTTP/],
    ['srvr', '\x15\x03\x03\x00\x02\x02\x28', /TLS/],
    ['cons', 'nonsense\n', /no answer to cons$/],
    ['wchc', '\t/a\n', /no answer to wchc$/],
    ['isro', 'rwx', /no answer/],
  ] as const)('%s and %j', (word, text, message) => {
    const parse = (): unknown => parseFourLetterWord(word, text);
    expect(parse).toThrow(DecodeError);
    expect(parse).toThrow(message);
  });
});

describe('a version', () => {
  it.each([
    ['3.9.3-abc, built on 2024', [3, 9, 3]],
    ['3.10.0', [3, 10, 0]],
    ['4.1-beta', [4, 1, 0]],
  ])('%s', (text, numbers) => {
    const { major, minor, patch } = parseServerVersion(text);
    expect([major, minor, patch]).toEqual(numbers);
  });

  it('without numbers', () => {
    expect(() => parseServerVersion('unknown')).toThrow(DecodeError);
  });
});

it.each(['toString', 'RUOK', 4, null, ''])('%j is no word', (word) => {
  expect(isFourLetterWord(word)).toBe(false);
});

it.each([
  ['3.5.0', '3.5', true],
  ['3.4.14', '3.5', false],
  ['3.5.2-alpha', '3.5.3', false],
  ['3.5.3', '3.5.3', true],
  ['3.10.0', '3.9', true],
  ['4.0.0', '3.9.3', true],
  ['2.9.9', '3.4', false],
])('%s is since %s: %s', (version, since, expected) => {
  expect(isSince(parseServerVersion(version), since)).toBe(expected);
});
