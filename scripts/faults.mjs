/**
 * `npm run test:faults -- --seed S`: everything under `test/faults`, once, with one table at the end.
 * `npm run soak -- --minutes N --seed S --scale K`: the same again and again, with new seeds and larger counts, until the
 * time is up; the last round is finished. Both fail if a test fails, or if what must be zero is not.
 * `--write-docs` puts the table into `docs/reliability.md`, if nothing failed; a long run goes on until it has what it must.
 * Words behind the options choose files; such a run says that it did not look for everything.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { table, total } from './tally.mjs';

const USAGE = `npm run test:faults -- [options] [words]
npm run soak -- [options] [words]

  words          only the files under test/faults with one of them in their path
  --seed S       whole number; drawn if it is left out
  --scale K      how much more than usual is done by chance: 1, or 5 of npm run soak
  --minutes N    again and again, with new seeds, until so many are over: 0, which is once, or 30 of npm run soak
  --write-docs   puts the table into docs/reliability.md, if nothing failed and no files were chosen
  --help         prints this`;

const { values, positionals } = given({
  allowPositionals: true,
  options: {
    help: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '0' },
    scale: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 0x7fffffff)) },
    'write-docs': { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const minutes = wanted('minutes', (n) => n >= 0);
const scale = wanted('scale', (n) => n > 0);
const seed = wanted('seed', Number.isInteger);

const isWhole = positionals.length === 0;
const files = isWhole ? ['test/faults'] : filesWith(positionals);

/** By name: vitest itself would look for the words in the paths of all tests. */
function filesWith(words) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const all = readdirSync(join(root, 'test/faults'), { recursive: true })
    .map((name) => `test/faults/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.test.ts'));
  for (const word of words) {
    if (!all.some((name) => name.includes(word))) refuse(`no file under test/faults has ${word} in its path`);
  }
  return all.filter((name) => words.some((word) => name.includes(word)));
}

function given(expected) {
  try {
    return parseArgs(expected);
  } catch (error) {
    return refuse(error.message);
  }
}

function wanted(name, isGood) {
  const n = Number(values[name]);
  if (values[name].trim() === '' || !Number.isFinite(n) || !isGood(n)) {
    refuse(`--${name} ${values[name]} is no good number`);
  }
  return n;
}

function refuse(why) {
  console.error(`${why}\n\n${USAGE}`);
  process.exit(2);
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
  const child = spawn('npx', ['vitest', 'run', ...files], { stdio: 'inherit', env });
  const [code] = await once(child, 'exit');
  rounds++;
  if (code !== 0) failed++;
} while (Date.now() - started < minutes * 60_000 || mustGoOn());

const { text, problems, unseen, short } = table(total(folder));
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
for (const problem of problems) console.log(`BROKEN: ${problem}`);
if (isWhole) for (const what of unseen) console.log(`NOT PROVED: ${what}: nobody looked`);
else if (unseen.length > 0) {
  console.log(`chosen files do not look for everything. Nobody looked for: ${unseen.join(', ')}`);
}
if (minutes > 0) for (const least of short) console.log(`less than a long run has: ${least}`);
if (failed > 0) console.log(`${failed} of ${rounds} rounds failed`);
const good = failed === 0 && problems.length === 0 && (!isWhole || unseen.length === 0);
if (!good) process.exitCode = 1;
if (values['write-docs']) await writeDocs();

/** A slow machine gets through less in the same time. */
function mustGoOn() {
  return (
    values['write-docs'] && minutes > 0 && isWhole && failed === 0 && table(total(folder)).short.length > 0
  );
}

async function writeDocs() {
  if (!good || !isWhole) {
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
