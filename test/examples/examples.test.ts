/** Every example and the demo run as a reader would run them, and say what they are meant to show. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing.js';
import {
  ROOT,
  assertBuilt,
  compile,
  compilerOptions,
  filesBelow,
  runNode,
  type Finished,
} from '../package/support.js';
import { realTarget } from '../support/targets.js';
import { PRINTS } from './prints.js';

const FOLDER = path.join(ROOT, 'examples');
const MAX_LINES = 60;
const MAX_DEMO_LINES = 120;
/** No example; read by those that are. */
const HELPERS = [
  'README.md',
  'demo-actors.mjs',
  'keep-registered.mjs',
  'support.mjs',
  'tsconfig.json',
  'workers.mjs',
];

/** Lines of which some are noise: the wanted ones must come in order, others may come between them. */
const WITH_NOISE: ReadonlySet<string> = new Set(['10-testing-your-app.mjs', '23-testing-with-node-test.mjs']);

/** Those that bring their own servers along. */
const OWN_SERVER = /^(10|19|22|23|24|25)-/;

const EXAMPLES = Object.keys(PRINTS);
const SCRATCH = path.join(ROOT, '.tmp', `examples-${process.pid}`);

beforeAll(assertBuilt);
afterAll(() => fs.rmSync(SCRATCH, { recursive: true, force: true }));

/** The file to run: TypeScript as Node 20 can run it, in a place where `zk-conn` is still this package. */
function runnable(name: string): string {
  if (!name.endsWith('.ts')) return path.join(FOLDER, name);
  const source = fs.readFileSync(path.join(FOLDER, name), 'utf8');
  const options = { ...compilerOptions('tsconfig.json'), module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(source, { compilerOptions: options });
  const file = path.join(SCRATCH, name.replace(/\.ts$/, '.mjs'));
  fs.mkdirSync(SCRATCH, { recursive: true });
  fs.writeFileSync(file, outputText);
  return file;
}

function args(name: string): string[] {
  if (name.endsWith('.test.mjs')) {
    // as in a project without a configuration, and not with that of this one
    const config = path.join(SCRATCH, 'vitest.config.mjs');
    fs.mkdirSync(SCRATCH, { recursive: true });
    fs.writeFileSync(config, 'export default { test: { cache: false } };\n');
    const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
    return [vitest, 'run', '--root', FOLDER, '--config', config, '--reporter=tap-flat', name];
  }
  // the same report on every Node, terminal or not
  return WITH_NOISE.has(name) ? ['--test-reporter=tap', runnable(name)] : [runnable(name)];
}

function expectLines(name: string, stdout: string): void {
  const lines = stdout.replace(/\n$/, '').split('\n');
  const wanted = PRINTS[name] ?? [];
  const fits = (line: string, want: string | RegExp): boolean =>
    typeof want === 'string' ? line === want : want.test(line);
  if (WITH_NOISE.has(name)) {
    let at = 0;
    for (const line of lines) if (at < wanted.length && fits(line, wanted[at]!)) at++;
    expect(wanted[at], `not printed, or not in this order:\n${stdout}`).toBeUndefined();
    return;
  }
  lines.forEach((line, i) => {
    expect(wanted[i] !== undefined && fits(line, wanted[i]), `line ${i + 1}: ${line}\n\n${stdout}`).toBe(
      true,
    );
  });
  expect(lines).toHaveLength(wanted.length);
}

/** Nothing that an example made is left, and nobody of it is connected. */
function expectClean(server: MiniServer): void {
  expect(server.tree.paths().filter((node) => !node.startsWith('/zookeeper'))).toEqual(['/']);
  expect(server.sessions).toEqual([]);
  expect(server.connectionCount).toBe(0);
}

describe('the folder', () => {
  it('holds the demo, the examples that are run here, and their helpers', () => {
    expect(filesBelow(FOLDER)).toEqual([...EXAMPLES, ...HELPERS, 'demo.mjs'].sort());
  });

  it.each(EXAMPLES)(`%s is shorter than ${MAX_LINES} lines and is listed in README.md`, (name) => {
    const text = fs.readFileSync(path.join(FOLDER, name), 'utf8');
    expect(text.split('\n').length - 1).toBeLessThan(MAX_LINES);
    expect(text).toMatch(/^(#!.*\n|'use strict';\n)?\/\*\*/);
    expect(fs.readFileSync(path.join(FOLDER, 'README.md'), 'utf8')).toContain(`[${name}](${name})`);
  });

  it(`has a demo of ${MAX_DEMO_LINES} lines at most`, () => {
    const lines = fs.readFileSync(path.join(FOLDER, 'demo.mjs'), 'utf8').split('\n').length - 1;
    expect(lines).toBeLessThanOrEqual(MAX_DEMO_LINES);
  });

  it('has no type error in what is TypeScript', () => {
    const files = EXAMPLES.filter((name) => name.endsWith('.ts')).map((name) => `examples/${name}`);
    expect(files).not.toEqual([]);
    expect(compile(files, compilerOptions('examples/tsconfig.json'))).toEqual([]);
  }, 300_000);

  it('imports nothing but the package, by its name, and Node', () => {
    for (const name of filesBelow(FOLDER).filter((file) => /\.(mjs|cjs|ts)$/.test(file))) {
      const text = fs.readFileSync(path.join(FOLDER, name), 'utf8');
      for (const [, from] of text.matchAll(/(?:from |require\()'([^']+)'/g)) {
        expect(from, name).toMatch(
          /^(zk-conn|zk-conn\/testing|vitest|node:.+|\.\/(support|demo-actors|keep-registered|workers)\.mjs)$/,
        );
      }
    }
  });
});

describe.each(EXAMPLES)('%s', (name) => {
  it('runs on its own mini-server', async () => {
    const { code, stdout, stderr } = await runNode(args(name), { env: { ZK_SERVERS: undefined } });
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expectLines(name, stdout);
  });

  it('runs on the ensemble in ZK_SERVERS, and leaves it as it was', async () => {
    const server = await MiniServer.start();
    try {
      const env = { ZK_SERVERS: server.connectString };
      const { code, stdout, stderr } = await runNode(args(name), { env });
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      expectLines(name, stdout);
      // it was really there: the ensemble has seen changes
      if (!OWN_SERVER.test(name)) expect(server.lastZxid).toBeGreaterThan(1n);
      expectClean(server);
    } finally {
      await server.close();
    }
  });
});

describe('keepRegistered', () => {
  /** A play with a server and an application whose connection can be made to break after its next write number `n`. */
  const play = (lines: string): Promise<Finished> => {
    const file = path.join(SCRATCH, `keep-${randomUUID()}.mjs`);
    fs.mkdirSync(SCRATCH, { recursive: true });
    const imported = pathToFileURL(path.join(FOLDER, 'keep-registered.mjs')).href;
    const source = `
      import assert from 'node:assert/strict';
      import { EventEmitter, once } from 'node:events';
      import { connect, tcpDialer } from 'zk-conn';
      import { MiniServer } from 'zk-conn/testing';
      import { keepRegistered } from '${imported}';

      const server = await MiniServer.start();
      const events = new EventEmitter();
      let writesLeft = Infinity;
      const dialer = (address, listener) => {
        const transport = tcpDialer(address, listener);
        return {
          destroy: () => transport.destroy(),
          write: (bytes) => {
            const more = transport.write(bytes);
            if (--writesLeft === 0) setImmediate(() => transport.destroy());
            return more;
          },
        };
      };
      const options = { dialer, backoff: { baseMs: 1, maxMs: 1 } };
      const start = async (more) => {
        const registered = once(events, 'registered');
        const conn = await connect(server.connectString, { ...options, ...more });
        const over = keepRegistered(conn, '/app', 'x', () => events.emit('registered'));
        over.catch(() => {});
        return { conn, over, registered };
      };
      const isOurs = ({ conn }) => server.tree.get('/app')?.stat.ephemeralOwner === conn.sessionId;
      ${lines}
      await server.close();
    `;
    fs.writeFileSync(file, source);
    return runNode([file]);
  };

  const expectEnd = ({ code, stderr }: Finished): void =>
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

  it('survives the loss of its session and then of the new connection, whatever was under way', async () => {
    const finished = await play(`
      for (const more of [{}, { offlineQueue: false }]) {
        for (let n = 0; n < 7; n++) {
          const app = await start(more);
          await app.registered;
          const before = app.conn.sessionId;
          const again = once(events, 'registered');
          if (n > 0) writesLeft = n;
          server.expireSession(before);
          server.dropConnections();
          await again;
          assert.notEqual(app.conn.sessionId, before);
          // a cut that is still to come takes the connection, not the node
          assert.ok(isOurs(app));
          writesLeft = Infinity;
          await app.conn.close();
          await app.over;
          for (const { id } of server.sessions) server.expireSession(id);
        }
      }
    `);
    expectEnd(finished);
  });

  it('waits for the session of a predecessor, and ends with the Conn', async () => {
    const finished = await play(`
      const first = await start();
      await first.registered;
      const second = await start();
      const watched = async () => { while (server.watchCount('/app') < 2) await new Promise(setImmediate); };
      await watched();
      assert.ok(isOurs(first));
      server.expireSession(first.conn.sessionId);
      await first.conn.close();
      await first.over;
      await second.registered;
      assert.ok(isOurs(second));
      await second.conn.close();
      await second.over;
    `);
    expectEnd(finished);
  });

  it('lets one of many have the node, and then the next', async () => {
    const finished = await play(`
      const apps = await Promise.all(Array.from({ length: 5 }, () => start()));
      while (apps.length > 0) {
        if (!apps.some(isOurs)) await once(events, 'registered');
        const index = apps.findIndex(isOurs);
        assert.notEqual(index, -1);
        const [winner] = apps.splice(index, 1);
        await winner.conn.close();
        await winner.over;
      }
    `);
    expectEnd(finished);
  });

  it('rejects with what does not mend', async () => {
    const finished = await play(`
      const conn = await connect(server.connectString);
      await assert.rejects(keepRegistered(conn, '/no/parent', 'x'), { code: 'ZK_NO_NODE' });
      await conn.close();
    `);
    expectEnd(finished);
  });
});

/** What each client must have seen, in order. */
const LISTS = [
  'nobody',
  'red',
  'green, red',
  'blue, green, red',
  'blue, red',
  'blue, green, red',
  'blue, green',
  'blue',
  'nobody',
];

/** @param where a pattern for the words behind "Service discovery on" */
function expectDemo({ code, stdout, stderr }: Finished, where: string): void {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(new RegExp(`^Connecting to ${where}$`));
  expect(lines[1]).toMatch(new RegExp(`^Service discovery on ${where}$`));
  expect(lines.filter((line) => /^\d\. /.test(line)).map((line) => line[0])).toEqual([
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
  ]);
  for (const client of ['ann', 'bob', 'cat']) {
    const saw = (what: string): string[] =>
      lines.flatMap((line) => line.split(`${client} sees the ${what}: `)[1] ?? []);
    expect(saw('servers'), client).toEqual(LISTS);
    expect(saw('configuration'), client).toEqual(['timeout=5s', 'timeout=9s']);
  }
  expect(stdout).toMatch(/green crashes; \/servers\/green-0000000001 outlives it, \d+ ms or so/);
  expect(stdout).toContain('green closes, and /servers/green-0000000003 goes with its session');
  expect(lines.at(-1)).toMatch(/^Done: 3 clients saw all that happened, 33 sightings in \d+\.\d s\.$/);
}

describe('the demo', () => {
  const demo = [path.join(FOLDER, 'demo.mjs')];

  it('plays on its own mini-server', async () => {
    const finished = await runNode(demo, { env: { ZK_SERVERS: undefined } });
    expectDemo(finished, String.raw`a mini-server in this process, at 127\.0\.0\.1:\d+`);
  });

  it('plays on the ensemble in ZK_SERVERS, and leaves it as it was', async () => {
    const server = await MiniServer.start();
    try {
      const finished = await runNode(demo, { env: { ZK_SERVERS: server.connectString } });
      expectDemo(finished, String.raw`the ensemble at 127\.0\.0\.1:\d+`);
      expectClean(server);
    } finally {
      await server.close();
    }
  });

  it('ends with an error when a client does not see what it must', async () => {
    // no session of this server expires within the patience of the clients
    const server = await MiniServer.start({ minSessionTimeoutMs: 60_000 });
    try {
      const env = { ZK_SERVERS: server.connectString, PATIENCE_MS: '6000' };
      const { code, stdout, stderr } = await runNode(demo, { env });
      expect(code, stdout).toBe(1);
      expect(stderr).toContain(
        'did not see "blue, red" within 6000 ms; the last it saw is "blue, green, red"',
      );
      expect(stdout).not.toContain('Done');
      expect(server.tree.paths().filter((node) => !node.startsWith('/zookeeper'))).toEqual(['/']);
    } finally {
      await server.close();
    }
  });

  it('says in one line that there is no server', async () => {
    // not a port that was free a moment ago: another test may have it by now
    const nobody = '127.0.0.1:1';
    const { code, stdout, stderr } = await runNode(demo, { env: { ZK_SERVERS: nobody } });
    expect(code).toBe(1);
    expect(stdout).toBe(`Connecting to the ensemble at ${nobody}\n`);
    expect(stderr).toMatch(/^not connected within 10000 ms \(.*ECONNREFUSED.*\)\n$/);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('takes away what it made on an ensemble at %s', async (signal, exitCode) => {
    const server = await MiniServer.start();
    try {
      const env = { ...process.env, ZK_SERVERS: server.connectString };
      const child = spawn(process.execPath, demo, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const stderr = text(child.stderr);
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        if (chunk.includes('2. Three servers start')) child.kill(signal);
      });
      const [code] = (await once(child, 'close')) as [number | null];
      expect(code, await stderr).toBe(exitCode);
      expect(await stderr).toBe('');
      expect(server.tree.paths().filter((node) => !node.startsWith('/zookeeper'))).toEqual(['/']);
    } finally {
      await server.close();
    }
  });

  const real = realTarget();
  const why = 'missing' in real ? `skipped: ${real.missing}` : `${real.version}, ${real.source}`;
  it.skipIf('missing' in real)(`plays on real ZooKeeper (${why})`, async () => {
    if ('missing' in real) return;
    expectDemo(await runNode(demo, { env: { ZK_SERVERS: real.connectString } }), 'the ensemble at .+');
  });

  it.skipIf('missing' in real).each(EXAMPLES)(`%s runs on real ZooKeeper (${why})`, async (name) => {
    if ('missing' in real) return;
    const { code, stdout, stderr } = await runNode(args(name), { env: { ZK_SERVERS: real.connectString } });
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expectLines(name, stdout);
  });
});
