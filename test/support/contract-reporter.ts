/**
 * Says at the end of a run how many contract cases passed on each target, and fails the run if they did not pass the same
 * number: a suite that quietly skips a real server proves nothing about the mini-server.
 */
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import type { ZkReal } from './global-setup.js';

/** Outer suite of the contract tests on each target. */
export const CONTRACT_ON_MINI = 'contract on mini-server';
export const CONTRACT_ON_REAL = 'contract on real ZooKeeper';
export const CONTRACT_ON_NEWER = 'contract on newer ZooKeeper';

const CONTRACT_FOLDER = '/test/contract/';

export interface ContractSummary {
  readonly line: string;
  /** What is wrong with the counts, or null. */
  readonly problem: string | null;
}

/** How many cases passed on a real ZooKeeper. */
export interface OnReal {
  readonly real: ZkReal;
  readonly passed: number;
}

/** The line to print and the verdict, from the number of cases that passed on each target. */
export function contractSummary(mini: number, reals: readonly OnReal[]): ContractSummary {
  const counts = reals.map(({ real, passed }) =>
    'missing' in real
      ? `real ZooKeeper skipped: ${real.missing}`
      : `${passed} on real ZooKeeper (${real.version}, ${real.source})`,
  );
  const line = [`contract cases: ${mini} on the mini-server`, ...new Set(counts)].join(', ');
  const there = reals.filter(({ real }) => !('missing' in real)).map(({ passed }) => passed);
  if (mini === 0 || there.includes(0)) return { line, problem: 'a target ran no contract case' };
  const same = there.every((passed) => passed === mini);
  return { line, problem: same ? null : 'the targets did not pass the same number of cases' };
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
    const { zkReal, zkNewer } = this.vitest.getRootProject().getProvidedContext();
    const { line, problem } = contractSummary(passed(contract, CONTRACT_ON_MINI), [
      { real: zkReal, passed: passed(contract, CONTRACT_ON_REAL) },
      { real: zkNewer, passed: passed(contract, CONTRACT_ON_NEWER) },
    ]);
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
