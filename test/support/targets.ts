/** What the tests run against besides the mini-server. */
import { describe, inject, test } from 'vitest';
import type { ZkReal } from './global-setup.js';
import { findZooKeeper, RELEASES, type Release } from './zookeeper-jars.js';

/**
 * The real ZooKeeper of this run, or the reason why there is none.
 * @throws with `ZK_REQUIRED=1` if there is none
 */
export function realTarget(): ZkReal {
  return insisted(inject('zkReal'));
}

/** The {@link realTarget} of the newest release that the tests know. */
export function newerTarget(): ZkReal {
  return insisted(inject('zkNewer'));
}

function insisted(real: ZkReal): ZkReal {
  if ('missing' in real && real.unwanted === undefined && process.env['ZK_REQUIRED'] === '1') {
    throw new Error(`ZK_REQUIRED=1, but no real ZooKeeper: ${real.missing}`);
  }
  return real;
}

/**
 * Registers a suite of tests that start servers of their own, for each release that the tests know. Where one is not here
 * there is a skipped test instead, and a line that says why.
 * @throws with `ZK_REQUIRED=1` if one is not here
 */
export function onEveryRelease(name: string, body: (version: Release) => void): void {
  for (const version of RELEASES) {
    const title = `${name}, ZooKeeper ${version}`;
    const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper(version);
    if (!('missing' in found)) {
      describe(title, () => body(version));
      continue;
    }
    if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but ${found.missing}`);
    process.stdout.write(`skipped: ${title}: ${found.missing}\n`);
    test.skip(`${title}: ${found.missing}`, () => undefined);
  }
}

/** Is a version such as `3.8.0` at least `wanted`? */
export function versionAtLeast(version: string, wanted: string): boolean {
  const [a, b] = [version, wanted].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
