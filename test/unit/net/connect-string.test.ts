import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatServer, parseConnectString } from '../../../src/net/connect-string.js';
import { InvalidConnectStringError, UsageError } from '../../../src/protocol/errors.js';
import { check } from '../../support/property.js';

/** `a:1 b:2/chroot` */
function shown(text: string): string {
  const { servers, chroot } = parseConnectString(text);
  return servers.map(({ host, port }) => `${host} ${port}`).join(', ') + (chroot === '' ? '' : ` ${chroot}`);
}

describe('a connect string', () => {
  it.each([
    ['localhost', 'localhost 2181'],
    ['localhost:2182', 'localhost 2182'],
    ['a:1,b:65535', 'a 1, b 65535'],
    ['a,b,c', 'a 2181, b 2181, c 2181'],
    ['127.0.0.1:02181', '127.0.0.1 2181'],
    [' a:1 , b:2 ', 'a 1, b 2'],
    ['\ta:1\n', 'a 1'],
    ['a:1/app', 'a 1 /app'],
    ['a:1,b:2/app/one', 'a 1, b 2 /app/one'],
    ['a:1 /app ', 'a 1 /app'],
    ['a:1/', 'a 1'],
    ['[::1]:2182', '::1 2182'],
    ['[::1]', '::1 2181'],
    ['[fe80::1%eth0]:1/x', 'fe80::1%eth0 1 /x'],
    ['[2001:db8::1]:1,[2001:db8::2]:2/x', '2001:db8::1 1, 2001:db8::2 2 /x'],
    ['::1', '::1 2181'],
    ['fe80::1,a', 'fe80::1 2181, a 2181'],
    ['host_with-odd.name', 'host_with-odd.name 2181'],
    ['bücher.example:1', 'bücher.example 1'],
    ['a:1/ä/ü', 'a 1 /ä/ü'],
  ])('%j', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  it.each([
    ['nothing', ''],
    ['spaces', '   '],
    ['a comma', ','],
    ['a comma at the end', 'a:1,'],
    ['a comma at the beginning', ',a:1'],
    ['two commas', 'a:1,,b:2'],
    ['no server before the chroot', '/app'],
    ['a comma before the chroot', 'a:1,/app'],
    ['a URL', 'zk://a:1/app'],
    ['another URL', 'a:1,http://b:2'],
    ['a chroot behind every server', 'a:1/app,b:2/app'],
    ['a chroot that ends with a slash', 'a:1/app/'],
    ['a chroot with an empty name', 'a:1/app//x'],
    ['a relative chroot', 'a:1/app/../x'],
    ['a chroot with a null', 'a:1/\0'],
    ['a chroot with half a character', 'a:1/\ud800'],
    ['no port behind the colon', 'a:'],
    ['port 0', 'a:0'],
    ['port 65536', 'a:65536'],
    ['a port of six digits', 'a:002181'],
    ['a negative port', 'a:-1'],
    ['a port in hex', 'a:0x1'],
    ['a port with a fraction', 'a:1.5'],
    ['a port with a sign', 'a:+1'],
    ['a port with a space before it', 'a: 1'],
    ['a port in other digits', 'a:١'],
    ['a port by name', 'a:zk'],
    ['no host before the colon', ':2181'],
    ['a space in a host', 'a b:1'],
    ['a user', 'me@a:1'],
    ['a bracket that does not close', '[::1'],
    ['a bracket that does not open', '::1]:1'],
    ['empty brackets', '[]:1'],
    ['something between bracket and colon', '[::1]x:1'],
    ['no port behind the bracket and colon', '[::1]:'],
    ['a bad port behind the bracket', '[::1]:70000'],
  ])('is refused for %s', (_, text) => {
    let error: unknown;
    try {
      parseConnectString(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(InvalidConnectStringError);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'ZK_INVALID_CONNECT_STRING', outcome: 'not-sent', retryable: false });
  });

  it.each([undefined, null, 42, {}, [], ['a:1'], new String('a:1'), Symbol('a')])(
    'must be text: %s',
    (value) => {
      expect(() => parseConnectString(value)).toThrow(InvalidConnectStringError);
    },
  );

  it.each(['[a b]:1', '[me@a]:1', '[[::1]:1', '[not an address]'])(
    'has an address between brackets: %j',
    (text) => {
      expect(() => parseConnectString(text)).toThrow(InvalidConnectStringError);
    },
  );

  it.each(['a:2888:3888', 'a:b:c', ':::', ':'.repeat(1 << 20)])(
    'has an IPv6 address where there is more than one colon without brackets: %#',
    (text) => {
      expect(() => parseConnectString(text)).toThrow(InvalidConnectStringError);
    },
  );

  const MIB = 1 << 20;
  it.each([
    ['commas', ','.repeat(MIB)],
    ['slashes', '/'.repeat(MIB)],
    ['digits', `a:${'1'.repeat(MIB)}`],
    ['open brackets', '['.repeat(MIB)],
    ['closed brackets', `[${']'.repeat(MIB)}`],
    ['spaces before a letter', `${' '.repeat(MIB)}a b`],
    ['spaces inside', `a${' '.repeat(MIB)}b`],
    ['a long chroot with a bad end', `a:1/${'x/'.repeat(MIB / 2)}`],
    ['servers, the last one bad', `${'a:1,'.repeat(MIB / 4)}!:x`],
  ])('of 1 MiB is refused at once: %s', { timeout: 300_000 }, (_, text) => {
    expect(() => parseConnectString(text)).toThrow(InvalidConnectStringError);
  });

  it('of 1 MiB is taken if it is good', () => {
    expect(parseConnectString('a:1,'.repeat(MIB / 4) + 'b:2').servers).toHaveLength(MIB / 4 + 1);
    expect(parseConnectString('x'.repeat(MIB)).servers).toEqual([{ host: 'x'.repeat(MIB), port: 2181 }]);
  });

  it('either parses or throws one error, whatever it is', () => {
    const pieces = fc.constantFrom('a', ':', '1', '[', ']', '/', ',', ' ', '.', '%', '@', '\0', '-');
    const text = fc.oneof(
      fc.array(pieces, { maxLength: 24 }).map((list) => list.join('')),
      fc.string(),
    );
    check(
      fc.property(text, (value) => {
        try {
          const { servers, chroot } = parseConnectString(value);
          expect(servers.length).toBeGreaterThan(0);
          for (const { host, port } of servers) {
            expect(host).not.toBe('');
            expect(Number.isInteger(port) && port >= 1 && port <= 65535).toBe(true);
          }
          expect(chroot === '' || /^\/.*[^/]$/s.test(chroot)).toBe(true);
        } catch (error) {
          if (!(error instanceof InvalidConnectStringError)) throw error;
        }
      }),
      2000,
    );
  });
});

describe('formatServer', () => {
  it.each([
    ['a', 1, 'a:1'],
    ['127.0.0.1', 2181, '127.0.0.1:2181'],
    ['::1', 2181, '[::1]:2181'],
  ])('%s %i is %s', (host, port, expected) => {
    expect(formatServer({ host, port })).toBe(expected);
  });

  it('is the inverse of parsing', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    check(
      fc.property(host, fc.integer({ min: 1, max: 65535 }), (name, port) => {
        const server = { host: name, port };
        expect(parseConnectString(formatServer(server)).servers).toEqual([server]);
      }),
    );
  });
});
