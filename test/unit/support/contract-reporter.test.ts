import { describe, expect, it } from 'vitest';
import { contractSummary } from '../../support/contract-reporter.js';
import { versionAtLeast } from '../../support/targets.js';

const older = { connectString: '127.0.0.1:2181', version: '3.8.0', source: 'debian' } as const;
const newer = { connectString: '127.0.0.1:2182', version: '3.9.3', source: 'fetched' } as const;

function summary(mini: number, onOlder: number, onNewer: number): ReturnType<typeof contractSummary> {
  return contractSummary(mini, [
    { real: older, passed: onOlder },
    { real: newer, passed: onNewer },
  ]);
}

describe('contractSummary', () => {
  it('names all counts, the versions and where they came from', () => {
    expect(summary(7, 7, 7)).toEqual({
      line: 'contract cases: 7 on the mini-server, 7 on real ZooKeeper (3.8.0, debian), 7 on real ZooKeeper (3.9.3, fetched)',
      problem: null,
    });
  });

  it.each([
    [7, 6, 7],
    [7, 7, 6],
    [6, 7, 7],
    [0, 7, 7],
    [7, 0, 7],
    [7, 7, 0],
    [0, 0, 0],
  ])('finds fault with %i, %i and %i', (mini, onOlder, onNewer) => {
    expect(summary(mini, onOlder, onNewer).problem).not.toBeNull();
  });

  it('says why there is no real server', () => {
    const none = { real: { missing: 'ZK_REAL=0' }, passed: 0 };
    expect(contractSummary(7, [none, none])).toEqual({
      line: 'contract cases: 7 on the mini-server, real ZooKeeper skipped: ZK_REAL=0',
      problem: null,
    });
    expect(contractSummary(0, [none, none]).problem).not.toBeNull();
    const one = contractSummary(7, [
      { real: older, passed: 7 },
      { real: { missing: 'not here' }, passed: 0 },
    ]);
    expect(one.problem).toBeNull();
    expect(one.line).toContain('real ZooKeeper skipped: not here');
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
