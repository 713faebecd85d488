/**
 * Property tests with one seed per file: `ZK_SEED=<seed>` replays a run, `ZK_RUNS=<n>` sets how many values each
 * property is tried with. The seed is printed when a file starts, and by fast-check with every counterexample.
 */
import * as fc from 'fast-check';

const DEFAULT_RUNS = 200;

/** Seed of every property in this file. */
export const SEED = fromEnv('ZK_SEED') ?? Math.floor(Math.random() * 0x7fffffff);

const RUNS = fromEnv('ZK_RUNS');

process.stdout.write(`ZK_SEED=${SEED}${RUNS === undefined ? '' : ` ZK_RUNS=${RUNS}`}\n`);

/** Checks a property. `runs` is how often, unless `ZK_RUNS` says otherwise. */
export function check<T extends [unknown, ...unknown[]]>(
  property: fc.IPropertyWithHooks<T> | fc.IProperty<T>,
  runs = DEFAULT_RUNS,
): void {
  fc.assert(property, { seed: SEED, numRuns: RUNS ?? runs });
}

/** {@link check} for a property with an asynchronous predicate. */
export async function checkAsync<T extends [unknown, ...unknown[]]>(
  property: fc.IAsyncProperty<T>,
  runs = DEFAULT_RUNS,
): Promise<void> {
  await fc.assert(property, { seed: SEED, numRuns: RUNS ?? runs });
}

function fromEnv(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (!Number.isInteger(value)) throw new Error(`${name}=${text} is not a whole number`);
  return value;
}
