/**
 * Says at the end of a run how many contract cases passed on each target, and fails the run if the two targets did
 * not run the same ones: a suite that quietly skips the real server proves nothing about the mini-server.
 */
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import type { ZkReal } from './global-setup.js';

/** Outer suite of the contract tests on each target. */
export const CONTRACT_ON_MINI = 'contract on mini-server';
export const CONTRACT_ON_REAL = 'contract on real ZooKeeper';

const CONTRACT_FOLDER = '/test/contract/';

export interface ContractSummary {
  readonly line: string;
  /** What is wrong with the counts, or null. */
  readonly problem: string | null;
}

/** The line to print and the verdict, from the number of cases that passed on each target. */
export function contractSummary(mini: number, onReal: number, real: ZkReal): ContractSummary {
  const start = `contract cases: ${mini} on the mini-server, `;
  if ('missing' in real) {
    const problem = mini === 0 ? 'contract files ran, but no case passed on the mini-server' : null;
    return { line: `${start}real ZooKeeper skipped: ${real.missing}`, problem };
  }
  const line = `${start}${onReal} on real ZooKeeper (${real.version}, ${real.source})`;
  if (mini === 0 || onReal === 0) return { line, problem: 'a target ran no contract case' };
  return { line, problem: mini === onReal ? null : 'the two targets did not pass the same number of cases' };
}

/** Vitest reporter; stands beside the default one. */
export class ContractReporter implements Reporter {
  private vitest: Vitest | null = null;

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const contract = modules.filter((module) =>
      module.moduleId.replaceAll('\\', '/').includes(CONTRACT_FOLDER),
    );
    if (this.vitest === null || contract.length === 0) return;
    const real = this.vitest.getRootProject().getProvidedContext().zkReal;
    const { line, problem } = contractSummary(
      passed(contract, CONTRACT_ON_MINI),
      passed(contract, CONTRACT_ON_REAL),
      real,
    );
    process.stdout.write(`${line}\n`);
    // a run of chosen cases may well choose them on one target
    if (problem === null || this.vitest.config.testNamePattern !== undefined) return;
    process.stdout.write(`contract cases: ${problem}\n`);
    process.exitCode = 1;
  }
}

function passed(modules: readonly TestModule[], suite: string): number {
  let count = 0;
  for (const module of modules) {
    for (const test of module.children.allTests('passed')) if (test.fullName.startsWith(suite)) count++;
  }
  return count;
}
