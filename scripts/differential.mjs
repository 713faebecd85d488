/**
 * `npm run test:differential -- --programs N --seed S --setting K --path P`: compares the mini-server with every real
 * ZooKeeper that is here. `--seed`, `--setting` and `--path`, as a failure prints them, replay it.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '2000' },
    seed: {
      type: 'string',
      default: process.env['ZK_SEED'] ?? String(Math.floor(Math.random() * 0x7fffffff)),
    },
    setting: { type: 'string', default: '' },
    path: { type: 'string', default: '' },
  },
});
const count = Number(values.programs);
if (!Number.isInteger(count) || count < 1)
  throw new Error(`--programs ${values.programs} is no whole number`);

console.log(`${count} programs, seed ${values.seed}`);
const env = {
  ...process.env,
  ZK_PROGRAMS: values.programs,
  ZK_SEED: values.seed,
  ZK_SETTING: values.setting,
  ZK_PATH: values.path,
};
// one release beside the other: much of the time is spent waiting for sessions to expire
const child = spawn('npx', ['vitest', 'run', 'test/differential/zookeeper', '--maxWorkers', '2'], {
  stdio: 'inherit',
  env,
});
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
