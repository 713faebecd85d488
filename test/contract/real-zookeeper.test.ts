/** `ZK_SERVERS` must have been set up as `support/real-zookeeper.ts` does it: super digest, extended types. */
import { describe, test } from 'vitest';
import { CONTRACT_ON_REAL } from '../support/contract-reporter.js';
import { realTarget } from '../support/targets.js';
import { registerAll } from './all.js';
import { ContractTarget } from './target.js';

describe(CONTRACT_ON_REAL, () => {
  const real = realTarget();
  if ('missing' in real) {
    process.stdout.write(`skipped: ${CONTRACT_ON_REAL}: ${real.missing}\n`);
    test.skip(`no real ZooKeeper: ${real.missing}`, () => undefined);
    return;
  }
  const { connectString, version } = real;
  registerAll(
    new ContractTarget({ version, start: async () => ({ connectString, stop: async () => undefined }) }),
  );
});
