import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/protocol/ensemble-config.js';
import { InvalidArgumentError } from '../../../src/protocol/errors.js';

const quorum = (host: string, quorumPort = 2888, electionPort = 3888) => ({ host, quorumPort, electionPort });

describe('parseConfig', () => {
  it('reads what an ensemble writes', () => {
    const text = [
      'server.1=127.0.0.1:2888:3888:participant;127.0.0.1:2181',
      'server.2=zk2.example:2888:3888:observer;0.0.0.0:2182',
      'version=100000003',
    ].join('\n');
    expect(parseConfig(text)).toEqual({
      version: 0x100000003n,
      servers: [
        {
          id: 1,
          addresses: [quorum('127.0.0.1')],
          role: 'participant',
          clientAddress: { host: '127.0.0.1', port: 2181 },
        },
        {
          id: 2,
          addresses: [quorum('zk2.example')],
          role: 'observer',
          clientAddress: { host: '0.0.0.0', port: 2182 },
        },
      ],
    });
  });

  it.each(['', '\n', '\r\n\r\n'])('of a server by itself (%j) is empty', (text) => {
    expect(parseConfig(text)).toEqual({ version: 0n, servers: [] });
  });

  it.each([
    ['server.7=h:1:2', { addresses: [quorum('h', 1, 2)], role: 'participant', clientAddress: null }],
    ['server.7=h:1:2:OBSERVER', { role: 'observer', clientAddress: null }],
    ['server.7=h:1:2;2181', { clientAddress: { host: '0.0.0.0', port: 2181 } }],
    ['server.7=participant:1:2', { addresses: [quorum('participant', 1, 2)], role: 'participant' }],
    [
      'server.7=[2001:db8::1]:1:2:participant;[::1]:2181',
      { addresses: [quorum('2001:db8::1', 1, 2)], clientAddress: { host: '::1', port: 2181 } },
    ],
    [
      'server.7=a:1:2|b:3:4:observer;2181',
      { addresses: [quorum('a', 1, 2), quorum('b', 3, 4)], role: 'observer' },
    ],
    ['  server.7=h:1:2  \r', { id: 7 }],
  ])('understands %j', (line, wanted) => {
    expect(parseConfig(`${line}\nversion=0`).servers).toMatchObject([{ id: 7, ...wanted }]);
  });

  it('passes over what it does not know', () => {
    expect(parseConfig('group.1=1:2\nweight.1=3\n# x\nserver.x=?\nversion=ff')).toEqual({
      version: 255n,
      servers: [],
    });
  });

  it.each([
    'server.1=',
    'server.1=h',
    'server.1=h:1',
    'server.1=h:1:2:leader',
    'server.1=h:1:2;',
    'server.1=h:1:2;x:y',
    'server.1=h:1:99999',
    'server.1=h:1:2|',
    'server.1=::1:1:2',
    'version=',
    'version=0x1',
    'version=12345678901234567',
  ])('refuses %j', (line) => {
    expect(() => parseConfig(line)).toThrow(InvalidArgumentError);
    expect(() => parseConfig(line)).toThrow(JSON.stringify(line).slice(1, -1));
  });

  it.each([null, undefined, 5, Buffer.from('version=1')])('refuses %j, which is no text', (text) => {
    expect(() => parseConfig(text as unknown as string)).toThrow(InvalidArgumentError);
  });
});
