/** What the contract suite runs against besides the mini-server. */
import { inject } from 'vitest';
import type { ZkReal } from './global-setup.js';

/**
 * The real ZooKeeper of this run, or the reason why there is none.
 * @throws with `ZK_REQUIRED=1` if there is none
 */
export function realTarget(): ZkReal {
  const real = inject('zkReal');
  if ('missing' in real && process.env['ZK_REQUIRED'] === '1') {
    throw new Error(`ZK_REQUIRED=1, but no real ZooKeeper: ${real.missing}`);
  }
  return real;
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
