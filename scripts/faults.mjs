/**
 * `npm run test:faults -- --seed S`: everything under `test/faults`, once, with one table at the end.
 * `npm run soak -- --minutes N --seed S --scale K`: the same again and again, with new seeds and larger counts, until the
 * time is up; the last round is finished. Both fail if a test fails, or if what must be zero is not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { table, total } from './tally.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '0' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 0x7fffffff)) },
  },
});
const minutes = wanted('minutes', (n) => n >= 0);
const scale = wanted('scale', (n) => n > 0);
const seed = wanted('seed', Number.isInteger);

function wanted(name, isGood) {
  const n = Number(values[name]);
  if (!Number.isFinite(n) || !isGood(n)) throw new Error(`--${name} ${values[name]} is no good number`);
  return n;
}

const folder = mkdtempSync(join(tmpdir(), 'zk-conn-faults-'));
const started = Date.now();
let rounds = 0;
let failed = 0;
do {
  const env = {
    ...process.env,
    ZK_FAULTS: '1',
    ZK_TALLY: folder,
    ZK_SCALE: String(scale),
    ZK_SEED: String(seed + rounds),
  };
  console.log(`round ${rounds + 1}, seed ${seed + rounds}, scale ${scale}`);
  const child = spawn(
    'npx',
    ['vitest', 'run', ...(positionals.length === 0 ? ['test/faults'] : positionals)],
    { stdio: 'inherit', env },
  );
  const [code] = await once(child, 'exit');
  rounds++;
  if (code !== 0) failed++;
} while (Date.now() - started < minutes * 60_000);

const { text, problems } = table(total(folder));
rmSync(folder, { recursive: true });
const took = Math.round((Date.now() - started) / 1000);
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, Node ${process.version}, seed ${seed}, ${rounds} rounds, ${took} s\n\n${text}\n`,
);
for (const problem of problems) console.log(`NOT PROVED: ${problem}`);
if (failed > 0) console.log(`${failed} of ${rounds} rounds failed`);
// a run of chosen files does not look for everything
if (failed > 0 || (positionals.length === 0 && problems.length > 0)) process.exitCode = 1;
