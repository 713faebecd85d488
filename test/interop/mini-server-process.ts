/** The command `zk-mini-server` in a process of its own, as those use it who do not write JavaScript. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'tsup';

const PROJECT = path.resolve(import.meta.dirname, '../..');

/** The super user that the real servers of the tests have: `super:test`. */
const SUPER = 'DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=';

/** A server on a free port. */
export interface MiniServerProcess {
  readonly connectString: string;
  /** Asks it to end. @returns its exit code */
  stop(): Promise<number | null>;
}

export async function startMiniServerProcess(): Promise<MiniServerProcess> {
  const cli = await builtCli();
  const child = spawn(process.execPath, [cli.file, '--port', '0', '--property', SUPER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
  const address = /^zk-mini-server listening on (\S+:\d+)$/.exec(String(line[0]))?.[1];
  if (address === undefined) throw new Error(`zk-mini-server said: ${String(line[0])}`);
  return {
    connectString: address,
    stop: async () => {
      process.off('exit', kill);
      child.kill('SIGTERM');
      const [code] = await exited;
      if (cli.temporary) fs.rmSync(cli.file, { force: true });
      return code;
    },
  };
}

/** `dist/cli.js`, or one that is built now, if that is missing or older than the source. */
async function builtCli(): Promise<{ readonly file: string; readonly temporary: boolean }> {
  const dist = path.join(PROJECT, 'dist/cli.js');
  if (fs.existsSync(dist) && fs.statSync(dist).mtimeMs >= newest(path.join(PROJECT, 'src'))) {
    return { file: dist, temporary: false };
  }
  // one level below package.json, which the command reads
  const outDir = path.join(PROJECT, '.tmp');
  await build({
    config: false,
    silent: true,
    // test files run beside each other: each has its own
    entry: { [`interop-cli-${process.pid}`]: path.join(PROJECT, 'src/cli.ts') },
    format: ['esm'],
    target: 'node20',
    outDir,
  });
  return { file: path.join(outDir, `interop-cli-${process.pid}.js`), temporary: true };
}

function newest(folder: string): number {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...files.map((file) => fs.statSync(path.join(folder, file)).mtimeMs));
}
