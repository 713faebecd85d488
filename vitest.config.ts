import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { InThatOrder, plant } from './test/faults/planted/plant.js';
import { ContractReporter } from './test/support/contract-reporter.js';

const planted = plant(process.env['ZK_PLANT']);

export default defineConfig({
  // `npm run test:planted`
  plugins: planted === null ? [] : [planted],
  test: {
    include: ['test/**/*.test.ts'],
    // a lane of its own: `npm run test:faults`
    exclude: process.env['ZK_FAULTS'] === '1' ? [] : ['test/faults/**'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new ContractReporter()],
    // against what hangs: on a busy machine a JVM takes twenty seconds to start, and a test starts several
    testTimeout: 180_000,
    hookTimeout: 300_000,
    retry: 0,
    sequence: planted === null ? {} : { sequencer: InThatOrder },
    pool: 'forks',
    // by itself vitest leaves one core alone, which of two is half of them
    maxWorkers: Math.max(2, availableParallelism() - 1),
  },
});
