/**
 * The contract on a real server of the run. `ZK_SERVERS` must have been set up as `support/zookeeper-process.ts` does it:
 * super digest, extended types.
 */
import { describe, test } from 'vitest';
import type { ZkReal } from '../support/global-setup.js';
import { registerAll } from './all.js';
import { ContractTarget } from './target.js';

export function describeOnReal(suite: string, real: ZkReal): void {
  describe(suite, () => {
    if ('missing' in real) {
      process.stdout.write(`skipped: ${suite}: ${real.missing}\n`);
      test.skip(`no real ZooKeeper: ${real.missing}`, () => undefined);
      return;
    }
    const { connectString, version } = real;
    registerAll(
      new ContractTarget({ version, start: async () => ({ connectString, stop: async () => undefined }) }),
    );
  });
}
