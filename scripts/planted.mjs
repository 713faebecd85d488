/**
 * `npm run test:planted`: each bug of `test/faults/planted/bugs.ts` is planted in the client, and the suite is run until a
 * test fails: files of the same layer first, then the rest of the unit tests, the contract on a mini-server, and the fault
 * lane. The checks that were written for these bugs (`planted-bugs.test.ts`) are left out: what is shown is that the tests
 * of every day catch them. That they pass without a
 * bug is for `npm test` and `npm run test:faults` to show. One table at the end; exit code 1 if a bug is not caught.
 * Words behind it choose bugs by their names; `--write-docs` puts the table into `docs/reliability.md`; `--lock FILE` takes
 * turns with others on the same machine, for each bug anew; `--resume FILE` takes what a run that was cut short has printed
 * for what it is, and runs the rest, and again what was not caught.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'write-docs': { type: 'boolean', default: false },
    lock: { type: 'string' },
    resume: { type: 'string' },
    seed: { type: 'string', default: '20261121' },
  },
});
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Folders and files of the suite, by layer of the bug: the likeliest first. */
const FIRST = {
  protocol: ['test/unit/protocol', 'test/unit/session', 'test/unit/client', 'test/unit/net'],
  session: ['test/unit/session', 'test/unit/net', 'test/unit/client'],
  net: ['test/unit/net', 'test/unit/client', 'test/unit/session'],
  client: ['test/unit/client', 'test/unit/session', 'test/unit/net'],
};
const THEN = [
  'test/faults/security/canaries',
  'test/contract',
  'test/faults/golden-conversation',
  'test/faults/streams/readers',
  'test/faults/histories-ensemble',
  'test/faults/resets',
  'test/faults/cut-everywhere',
  'test/faults/cut-to-client',
  'test/faults/cut-to-server',
  'test/faults/hostile-',
  'test/faults/histories-sockets',
];

/** What a run says: the first failure in the order of the files, and whether tests ran at all. */
async function suite(name, files) {
  const folder = mkdtempSync(join(tmpdir(), 'zk-conn-planted-'));
  const report = join(folder, 'report.json');
  const args = ['vitest', 'run', '--bail=1', '--reporter=json', `--outputFile=${report}`, ...files];
  const env = { ...process.env, ZK_FAULTS: '1', ZK_REAL: '0', ZK_SEED: values.seed, ZK_SCALE: '1' };
  env.ZK_PLANT = name;
  env.ZK_PLANT_ORDER = files.join();
  const [command, ...rest] =
    values.lock === undefined ? ['npx', ...args] : ['flock', values.lock, 'npx', ...args];
  const started = { at: 0 };
  const child = spawn(command, rest, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      // behind the lock
      if (started.at === 0) started.at = Date.now();
      output += chunk;
    });
  const [code] = await once(child, 'close');
  const seconds = Math.round((Date.now() - started.at) / 1000);
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const place = (file) => files.findIndex((start) => file.startsWith(start));
    const failures = testResults
      .flatMap(({ name: file, assertionResults }) =>
        assertionResults
          .filter(({ status }) => status === 'failed')
          .map((each) => ({ file: relative(ROOT, file), title: each.fullName, at: each.startTime })),
      )
      .sort((a, b) => place(a.file) - place(b.file));
    return { code, seconds, failure: failures[0] ?? null, output };
  } catch {
    return { code, seconds, failure: null, output };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bugs() {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'test/faults/planted/bugs.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const { BUGS } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
  return BUGS;
}

const all = await bugs();
const chosen = all.filter(({ bug }) => positionals.every((word) => bug.includes(word)));
const printed = values.resume === undefined ? [] : readFileSync(values.resume, 'utf8').split('\n');
const rows = [];
let uncaught = 0;
for (const { bug, edits } of chosen) {
  const before = printed.find((line) => line.startsWith(`${bug}: test/`) && / \(\d+ s\)$/.test(line));
  if (before !== undefined) {
    console.log(before);
    const [, caughtBy, seconds] = /^(.*) \((\d+) s\)$/.exec(before.slice(bug.length + 2));
    rows.push([bug, caughtBy, seconds]);
    continue;
  }
  const [layer, source] = edits[0].file.replace(/\.ts$/, '').split('/');
  // tests of the very file, then of watches where users have them, then of the layer
  const own = [`test/unit/${layer}/${source}`, `test/unit/${layer}/core-`, 'test/unit/client/watch'];
  const { code, seconds, failure, output } = await suite(bug, [...own, ...FIRST[layer], ...THEN]);
  if (failure === null) {
    uncaught++;
    console.log(
      code === 0 ? `NOT CAUGHT: ${bug}` : `NO TEST FAILED, but the run did: ${bug}\n${output.slice(-2000)}`,
    );
  } else console.log(`${bug}: ${failure.file}: ${failure.title} (${seconds} s)`);
  rows.push([bug, failure === null ? '**not caught**' : `${failure.file}: ${failure.title}`, `${seconds}`]);
}

const text = [
  '| bug | caught by | s |',
  '| --- | --- | ---: |',
  ...rows.map(
    (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('`', "'")).join(' | ')} |`,
  ),
].join('\n');
const sum = `${new Date().toISOString().slice(0, 10)}, Node ${process.version}: ${chosen.length - uncaught} of ${chosen.length} planted bugs were caught by the suite.`;
console.log(`\n${sum}\n\n${text}`);
if (uncaught > 0) process.exitCode = 1;
if (values['write-docs']) await writeDocs();

async function writeDocs() {
  if (uncaught > 0 || chosen.length < all.length) {
    console.log('docs/reliability.md stays as it is: only a whole run in which each is caught belongs there');
    return;
  }
  const file = join(ROOT, 'docs/reliability.md');
  const [begin, end] = ['<!-- planted:begin -->', '<!-- planted:end -->'];
  const old = readFileSync(file, 'utf8');
  const [from, to] = [old.indexOf(begin) + begin.length, old.indexOf(end)];
  if (from < begin.length || to < from) throw new Error(`docs/reliability.md has no ${begin} … ${end}`);
  const config = await resolveConfig(file);
  const page = `${old.slice(0, from)}\n\n${sum}\n\n${text}\n\n${old.slice(to)}`;
  writeFileSync(file, await format(page, { ...config, filepath: file }));
  console.log('docs/reliability.md has the table');
}
