/**
 * `npm run test:faults -- --seed S`: everything under `test/faults`, once, with one table at the end.
 * `npm run soak -- --minutes N --seed S --scale K`: the same again and again, with new seeds and larger counts, until the
 * time is up; the last round is finished. Both fail if a test fails, or if what must be zero is not.
 * `--write-docs` puts the table into `docs/reliability.md`, if nothing failed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { table, total } from './tally.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '0' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 0x7fffffff)) },
    'write-docs': { type: 'boolean', default: false },
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

const { text, problems, short } = table(total(folder));
rmSync(folder, { recursive: true });
const took = Math.round((Date.now() - started) / 1000);
const circumstances = [
  new Date().toISOString().slice(0, 10),
  `seed ${seed}`,
  `scale ${scale}`,
  `${rounds} ${rounds === 1 ? 'round' : 'rounds'}, ${took} s`,
  `Node ${process.version}`,
  `${type()} ${release()} ${process.arch}`,
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
  `${Math.round(totalmem() / 2 ** 30)} GiB`,
].join(', ');
console.log(`\n${circumstances}\n\n${text}\n`);
for (const problem of problems) console.log(`NOT PROVED: ${problem}`);
if (minutes > 0) for (const least of short) console.log(`less than a long run has: ${least}`);
if (failed > 0) console.log(`${failed} of ${rounds} rounds failed`);
// a run of chosen files does not look for everything
const good = failed === 0 && (positionals.length > 0 || problems.length === 0);
if (!good) process.exitCode = 1;
if (values['write-docs']) await writeDocs();

async function writeDocs() {
  if (!good || positionals.length > 0) {
    console.log('docs/reliability.md stays as it is: only a whole run without a failure belongs there');
    return;
  }
  const file = fileURLToPath(new URL('../docs/reliability.md', import.meta.url));
  const [begin, end] = ['<!-- measured:begin -->', '<!-- measured:end -->'];
  const old = readFileSync(file, 'utf8');
  const [from, to] = [old.indexOf(begin) + begin.length, old.indexOf(end)];
  if (from < begin.length || to < from) throw new Error(`docs/reliability.md has no ${begin} … ${end}`);
  const missing = short.length === 0 ? '' : `\n\nLess than a long run has: ${short.join('; ')}.`;
  const measured = `${circumstances}.${missing}\n\n${text}`;
  const config = await resolveConfig(file);
  writeFileSync(
    file,
    await format(`${old.slice(0, from)}\n\n${measured}\n\n${old.slice(to)}`, { ...config, filepath: file }),
  );
  console.log('docs/reliability.md has the table');
}
