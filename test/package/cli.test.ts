/** The command `zk-mini-server` as it is built, in a process of its own: signals, files, exit codes. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { ROOT, assertBuilt, readManifest, runNode } from './support.js';

const CLI = path.join(ROOT, 'dist/cli.js');
let folder = '';
beforeAll(() => {
  assertBuilt();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-mini-server-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const children: ChildProcessByStdio<null, Readable, Readable>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts it, and waits until it listens. */
async function start(...argv: string[]) {
  const child = spawn(process.execPath, [CLI, '--port', '0', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const port = await new Promise<number>((resolve, reject) => {
    child.on('close', () => reject(new Error(`it ended: ${stdout}${stderr}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const listening = /^zk-mini-server listening on 127\.0\.0\.1:(\d+)\n/.exec(stdout);
      if (listening !== null) resolve(Number(listening[1]));
    });
  });
  const end = async (signal: NodeJS.Signals) => {
    const ended = once(child, 'close');
    child.kill(signal);
    const [code, killedBy] = (await ended) as [number | null, NodeJS.Signals | null];
    return { code, killedBy, stdout, stderr };
  };
  return { port, servers: `127.0.0.1:${port}`, end };
}

describe('zk-mini-server', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends cleanly at %s, also with clients, and writes its data',
    async (signal) => {
      const data = path.join(folder, `${signal}.json`);
      const server = await start('--data', data);
      const conn = await connect(server.servers);
      await conn.create('/kept', signal);
      const lost = new Promise((resolve) => conn.on('connection', resolve));
      expect(await server.end(signal)).toMatchObject({ code: 0, killedBy: null, stderr: '' });
      expect(await lost).toBe('SUSPENDED');
      await conn.close();
      const next = await start('--data', data);
      await using other = await connect(next.servers);
      expect(String((await other.get('/kept')).data)).toBe(signal);
      expect((await next.end(signal)).code).toBe(0);
    },
  );

  it('says in one line what is wrong, and ends with a code for it', async () => {
    const server = await start();
    const bad = path.join(folder, 'bad.json');
    fs.writeFileSync(bad, '{"format":"zk-conn-snapshot","version":7}');
    const cases: [string[], number, RegExp][] = [
      [['--port', String(server.port)], 1, /^zk-mini-server: cannot listen on .*: the port is in use\n$/],
      [['--data', bad], 2, /^zk-mini-server: .*bad\.json: .*its version is 7, and only 1 is known\n$/],
      [['--prot', '1'], 2, /^zk-mini-server: Unknown option '--prot'; see --help\n$/],
      [['--port'], 2, /^zk-mini-server: .*argument missing; see --help\n$/],
    ];
    for (const [argv, code, stderr] of cases) {
      const finished = await runNode([CLI, ...argv]);
      expect([finished.code, finished.stdout], finished.stderr).toEqual([code, '']);
      expect(finished.stderr).toMatch(stderr);
    }
  });

  it('tells its version, and every flag that it has', async () => {
    expect((await runNode([CLI, '--version'])).stdout).toBe(`${readManifest().version}\n`);
    const { code, stdout } = await runNode([CLI, '--help']);
    expect(code).toBe(0);
    const source = fs.readFileSync(path.join(ROOT, 'src/testing/cli-flags.ts'), 'utf8');
    const flags = [...source.matchAll(/^ {8}'?([a-z-]+)'?: \{ type: /gm)].map(([, name]) => name);
    expect(flags).toContain('tls-key');
    expect(flags.filter((name) => !stdout.includes(`--${name}`))).toEqual([]);
    const docs = fs.readFileSync(path.join(ROOT, 'docs/testing.md'), 'utf8');
    expect(flags.filter((name) => !docs.includes(`--${name}`))).toEqual([]);
  });

  it('goes on when nobody reads what it says', async () => {
    const server = await start('--log', 'frames');
    children[0]?.stdout.destroy();
    await using conn = await connect(server.servers);
    for (let i = 0; i < 50; i++) await conn.create(`/n${i}`);
    expect((await server.end('SIGTERM')).code).toBe(0);
  });
});
