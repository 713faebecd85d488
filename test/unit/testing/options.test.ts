import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../src/protocol/errors.js';
import { resolveOptions, type MiniServerOptions } from '../../../src/testing/options.js';

describe('resolveOptions', () => {
  it('has a default for everything', () => {
    expect(resolveOptions()).toMatchObject({
      port: 0,
      host: '127.0.0.1',
      tickTimeMs: 500,
      minSessionTimeoutMs: 1000,
      maxSessionTimeoutMs: 60_000,
      maxClientCnxns: 0,
      fourLetterWords: '*',
      extendedTypesEnabled: true,
      juteMaxBufferBytes: 1_048_575,
      enforceQuota: false,
      version: '3.9.3',
      unknownOperations: 'answer',
    });
    expect(resolveOptions({ port: undefined }).port).toBe(0);
    expect(resolveOptions({ tickTimeMs: 4000 })).toMatchObject({
      minSessionTimeoutMs: 8000,
      maxSessionTimeoutMs: 80_000,
    });
  });

  it.each<Record<string, unknown>>([
    { prot: 1 },
    { port: -1 },
    { port: 65_536 },
    { port: '2181' },
    { port: Number.NaN },
    { host: '' },
    { tickTimeMs: 0 },
    { tickTimeMs: 1.5 },
    { minSessionTimeoutMs: 2000, maxSessionTimeoutMs: 1000 },
    { maxClientCnxns: -1 },
    { fourLetterWords: 'srvr' },
    { extendedTypesEnabled: 'yes' },
    { superDigest: 5 },
    { sasl: null },
    { sasl: 'bob' },
    { sasl: {} },
    { sasl: { users: { bob: 1 } } },
    { sasl: { users: 'bob' } },
    { enforcedAuthSchemes: 'sasl' },
    { enforcedAuthSchemes: [''] },
    { enforceQuota: 1 },
    { containerCheckIntervalMs: 2 ** 31 },
    { juteMaxBufferBytes: 0 },
    { version: '3' },
    { version: 3.4 },
    { version: '3.9.3-beta' },
    { unknownOperations: 'ignore' },
  ])('refuses %o', (options) => {
    expect(() => resolveOptions(options as MiniServerOptions)).toThrow(InvalidOptionError);
  });
});
