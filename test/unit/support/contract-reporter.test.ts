import { describe, expect, it } from 'vitest';
import { contractSummary } from '../../support/contract-reporter.js';
import { versionAtLeast } from '../../support/targets.js';

const real = { connectString: '127.0.0.1:2181', version: '3.8.0', source: 'debian' } as const;

describe('contractSummary', () => {
  it('names both counts, the version and where it came from', () => {
    expect(contractSummary(7, 7, real)).toEqual({
      line: 'contract cases: 7 on the mini-server, 7 on real ZooKeeper (3.8.0, debian)',
      problem: null,
    });
  });

  it.each([
    [7, 6],
    [6, 7],
    [0, 7],
    [7, 0],
    [0, 0],
  ])('finds fault with %i and %i', (mini, onReal) => {
    expect(contractSummary(mini, onReal, real).problem).not.toBeNull();
  });

  it('says why there is no real server', () => {
    expect(contractSummary(7, 0, { missing: 'ZK_REAL=0' })).toEqual({
      line: 'contract cases: 7 on the mini-server, real ZooKeeper skipped: ZK_REAL=0',
      problem: null,
    });
    expect(contractSummary(0, 0, { missing: 'ZK_REAL=0' }).problem).not.toBeNull();
  });
});

describe('versionAtLeast', () => {
  it.each([
    ['3.8.0', '3.8.0', true],
    ['3.8.0', '3.4', true],
    ['3.10.0', '3.9.3', true],
    ['3.8.0', '3.9', false],
    ['3.5.0', '3.5.1', false],
    ['3.9.3-1+deb13u1', '3.9.3', true],
  ])('%s and %s: %s', (version, wanted, answer) => {
    expect(versionAtLeast(version, wanted)).toBe(answer);
  });
});
