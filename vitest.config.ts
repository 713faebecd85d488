import { defineConfig } from 'vitest/config';
import { ContractReporter } from './test/support/contract-reporter.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new ContractReporter()],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    retry: 0,
    pool: 'forks',
  },
});
