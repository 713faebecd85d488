import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clientProof,
  readChallenge,
  readResponse,
  readServerProof,
  serverProof,
  writeChallenge,
  writeResponse,
  writeServerProof,
  type DigestInput,
} from '../../../src/protocol/digest-md5.js';
import { DecodeError } from '../../../src/protocol/errors.js';
import { isWellFormed } from '../../../src/protocol/jute.js';
import { check } from '../../support/property.js';

const token = (text: string, encoding: BufferEncoding = 'utf8'): Buffer => Buffer.from(text, encoding);

/** The example of RFC 2831, section 4. */
const RFC: DigestInput = {
  username: 'chris',
  password: 'secret',
  realm: 'elwood.innosoft.com',
  nonce: 'OA6MG9tEQGm2hh',
  cnonce: 'OA6MHXh6VqTrRk',
  nc: '00000001',
  digestUri: 'imap/elwood.innosoft.com',
  qop: 'auth',
  utf8: true,
};

const REAL = {
  realm: 'zk-sasl-md5',
  cnonce: 'abc',
  nc: '00000001',
  digestUri: 'zookeeper/zk-sasl-md5',
  qop: 'auth',
  utf8: true,
};

/** Names in ASCII, in ISO 8859-1, beyond it, and one of each: answers that ZooKeeper 3.9.3 took, and its own proofs. */
const ANSWERED: [string, string, string, string, string][] = [
  [
    'bob',
    'secret',
    'msonqgRBHvrl3YvQ8Ebi7dvojPYqk7wJfssKrfw6',
    'aab51b5221bac87822c4f1e8e0a2668d',
    '015211589631fbbe229b3454baf4bc03',
  ],
  [
    'jürg',
    'pässword',
    'lp6cvpdvDoPlTp6iLyuYVOke/qHJ3269ZdHQnBjj',
    '4c4e3d1d0610a092605cdc523e09c7e0',
    '78ae673eb6fab0596c2503802e7be7f9',
  ],
  [
    'e€',
    'p€',
    '8T9oAgKTFRZQhxNrh2G7gI+InbpvNMgrhkFJ64LL',
    'd1c660b11fb6351825c872263e875c83',
    '946debecbc4d377386789b0af9ceace3',
  ],
  [
    'jürg2',
    'p€',
    'zAHXbvPflau9HscdZW1gcZdjIrgsSqfcno4tcgxx',
    '499ce3470ca79677b7282a77f647ed62',
    '116f351c92d9738b847572ca08a20c3d',
  ],
];

describe('the proofs', () => {
  it('are those of the example of RFC 2831', () => {
    expect(clientProof(RFC)).toBe('d388dad90d4bbd760a152321f2143af7');
    expect(serverProof(RFC)).toBe('ea40f60335c427b5527b84dbabcdfffd');
  });

  it.each(ANSWERED)(
    'are those of a real server for %s:%s',
    (username, password, nonce, response, rspauth) => {
      const input = { ...REAL, username, password, nonce };
      expect(clientProof(input)).toBe(response);
      expect(serverProof(input)).toBe(rspauth);
    },
  );
});

describe('a challenge', () => {
  it('is read as a real server sends it', () => {
    const bytes = token('realm="zk-sasl-md5",nonce="kQPd5hTI",charset=utf-8,algorithm=md5-sess');
    expect(readChallenge(bytes)).toEqual({
      realms: ['zk-sasl-md5'],
      nonce: 'kQPd5hTI',
      utf8: true,
      qop: ['auth'],
    });
    expect(writeChallenge('zk-sasl-md5', 'kQPd5hTI')).toEqual(bytes);
  });

  it('may have several realms or none, blanks, empty elements, escapes, a list of qop', () => {
    const bytes = token(' realm = "a\\"b\\\\c" ,, realm="d", nonce=xyz ,qop="auth-conf, auth-int,auth",');
    expect(readChallenge(bytes)).toEqual({
      realms: ['a"b\\c', 'd'],
      nonce: 'xyz',
      utf8: false,
      qop: ['auth-conf', 'auth-int', 'auth'],
    });
    expect(readChallenge(token('nonce="n"')).realms).toEqual([]);
  });

  it('is in UTF-8 only if it says so', () => {
    expect(readChallenge(token('realm="ü",nonce="n",charset=utf-8')).realms).toEqual(['ü']);
    expect(readChallenge(token('realm="ü",nonce="n"', 'latin1')).realms).toEqual(['ü']);
  });

  it.each([
    ['', 'no nonce'],
    ['realm="r"', 'no nonce'],
    ['nonce=""', 'no nonce'],
    ['nonce="a",nonce="b"', 'more than once'],
    ['nonce="a",algorithm=md5', 'algorithm'],
    ['nonce="a', 'makes no sense at byte 0'],
    ['nonce="a" x', 'makes no sense at byte 0'],
    ['nonce=a,b', 'makes no sense at byte 8'],
    ['\0\x01', 'makes no sense at byte 0'],
  ])('%j is refused', (text, why) => {
    const read = (): unknown => readChallenge(token(text));
    expect(read).toThrow(DecodeError);
    expect(read).toThrow(why);
    // a refusal leaves nothing behind for the next message
    expect(readChallenge(token('nonce="a"')).nonce).toBe('a');
  });
});

describe('an answer', () => {
  it('has what Java servers want, in their order of names', () => {
    const text = writeResponse({ ...RFC, response: clientProof(RFC) }).toString();
    expect(text).toBe(
      'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,' +
        'cnonce="OA6MHXh6VqTrRk",digest-uri="imap/elwood.innosoft.com",' +
        'response=d388dad90d4bbd760a152321f2143af7,qop=auth',
    );
    expect(text).not.toContain('secret');
  });

  it('is read back, whatever the names', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 }).filter(isWellFormed);
    check(
      fc.property(name, name, name, (username, realm, nonce) => {
        const response = { ...RFC, username, realm, nonce, response: 'x'.repeat(32) };
        const { password: _, ...rest } = response;
        expect(readResponse(writeResponse(response))).toEqual(rest);
      }),
    );
  });

  it('in ISO 8859-1 is sent and hashed in it', () => {
    const input = { ...RFC, utf8: false, username: 'jürg' };
    const bytes = writeResponse({ ...input, response: clientProof(input) });
    expect(bytes.toString('latin1')).toContain('username="jürg"');
    expect(bytes.toString('latin1')).not.toContain('charset');
    expect(readResponse(bytes)).toMatchObject({ username: 'jürg', utf8: false });
  });

  it.each(['', 'junk', 'username="u"', 'username="u",nonce="n",cnonce="c",nc=1,digest-uri="d"'])(
    '%j is refused',
    (text) => expect(() => readResponse(token(text))).toThrow(DecodeError),
  );
});

describe("the server's last word", () => {
  it('is read', () => {
    expect(readServerProof(writeServerProof('abc'))).toBe('abc');
  });

  it.each(['', 'rspauth=', 'rspauth', 'x=y'])('%j is refused', (text) => {
    expect(() => readServerProof(token(text))).toThrow(DecodeError);
  });
});
