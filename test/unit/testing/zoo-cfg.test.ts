import { describe, expect, it } from 'vitest';
import {
  configOptions,
  parseProperties,
  parseProperty,
  propertyOptions,
} from '../../../src/testing/zoo-cfg.js';

describe('parseProperties', () => {
  it('reads the ways in which Java writes them', () => {
    const text = '# c\n! c\n a = 1 \nb: 2\nc 3\nd\n\ne=x=y\r\nf=one \\\n   two\ng=C\\:\\\\tmp\na=9';
    expect([...parseProperties(text)]).toEqual([
      ['a', '9'],
      ['b', '2'],
      ['c', '3'],
      ['d', ''],
      ['e', 'x=y'],
      ['f', 'one two'],
      ['g', 'C:\\tmp'],
    ]);
  });

  it('splits a property at its first =', () => {
    expect(parseProperty('a=b=c')).toEqual(['a', 'b=c']);
    expect(() => parseProperty('a')).toThrow('key=value');
  });
});

describe('configOptions', () => {
  const options = (text: string) => configOptions(parseProperties(text)).options;

  it('has the defaults of a real server', () => {
    expect(options('')).toMatchObject({
      tickTimeMs: 3000,
      minSessionTimeoutMs: 6000,
      maxSessionTimeoutMs: 60_000,
      maxClientCnxns: 60,
      fourLetterWords: ['srvr'],
      extendedTypesEnabled: false,
      host: '*',
      port: undefined,
    });
  });

  it('honours the keys that it knows', () => {
    const text = `tickTime=2000\nclientPort=2199\nclientPortAddress=[::1]\nmaxClientCnxns=0\nminSessionTimeout=-1
maxSessionTimeout=9000\n4lw.commands.whitelist=ruok, srvr\nextendedTypesEnabled=TRUE\nenforceQuota=true\njute.maxbuffer=0xfffff
DigestAuthenticationProvider.superDigest=super:x=\nznode.container.checkIntervalMs=100\ndataDir=/x\nadmin.enableServer=false`;
    expect(configOptions(parseProperties(text))).toEqual({
      options: {
        tickTimeMs: 2000,
        port: 2199,
        host: '::1',
        maxClientCnxns: 0,
        minSessionTimeoutMs: 4000,
        maxSessionTimeoutMs: 9000,
        fourLetterWords: ['ruok', 'srvr'],
        extendedTypesEnabled: true,
        enforceQuota: true,
        juteMaxBufferBytes: 0xfffff,
        superDigest: 'super:x=',
        containerCheckIntervalMs: 100,
      },
      notes: [],
    });
  });

  it('takes system properties under their whole names, too', () => {
    const properties = parseProperties(
      'zookeeper.extendedTypesEnabled=true\nzookeeper.4lw.commands.whitelist=*\nzookeeper.jute.maxbuffer=5000',
    );
    const wanted = { extendedTypesEnabled: true, fourLetterWords: ['*'], juteMaxBufferBytes: 5000 };
    expect(propertyOptions(properties)).toEqual(wanted);
  });

  it('says what it cannot do', () => {
    const { notes } = configOptions(parseProperties('server.1=a:1:2\nserver.2=b:1:2\nsecureClientPort=2281'));
    expect(notes).toHaveLength(2);
    expect(notes[0]).toContain('server.1, server.2');
  });

  it.each(['tickTime=x', 'tickTime=0', 'clientPort=', 'maxClientCnxns=-1', 'extendedTypesEnabled=yes'])(
    'refuses %s',
    (text) => {
      expect(() => options(text)).toThrow(expect.objectContaining({ code: 'ZK_INVALID_OPTION' }));
    },
  );
});
