/** Every example and the demo run as a reader would run them, and say what they are meant to show. */
import * as fs from 'node:fs';
import * as path from 'node:path';
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

const FOLDER = path.join(ROOT, 'examples');
const MAX_LINES = 60;
const MAX_DEMO_LINES = 120;
/** No example; read by those that are. */
const HELPERS = ['README.md', 'demo-actors.mjs', 'support.mjs', 'tsconfig.json'];

/** What an example prints, line by line from the first to the last. */
const PRINTS: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  '01-connect.mjs': [
    /^state SyncConnected, server 127\.0\.0\.1:\d+$/,
    /^session 0x[0-9a-f]{10,16}, 10000 ms$/,
    /^the root holds .*\bzookeeper\b/,
    'connection LOST',
    'closed, confirmed by the server: true',
  ],
  '02-crud.mjs': [
    'created /motd',
    'read "hello", version 0',
    'updated to version 1',
    /^refused: setData \/motd: .*\(BadVersion\)$/,
    'exists /nobody: null',
    'children job-0000000000, job-0000000001',
    'left: 0',
  ],
  '03-watch-once.mjs': [
    'the light is red',
    'NodeDataChanged /light',
    'the light is green',
    'siren: null',
    'NodeCreated /siren',
    'the closed watch said nothing',
  ],
  '04-follow-a-value.mjs': [
    'log level is info (version 0)',
    '  the operator sets debug',
    'log level is debug (version 1)',
    '  the operator sets trace',
    'log level is trace (version 2)',
    '  the operator sets info',
    'log level is info (version 3)',
  ],
  '05-ephemeral-presence.mjs': [
    'present: nobody',
    '  NodeChildrenChanged /members',
    'present: ann',
    '  NodeChildrenChanged /members',
    'present: ann bob',
    '  NodeChildrenChanged /members',
    'present: bob',
    '  NodeChildrenChanged /members',
    'present: nobody',
  ],
  '06-transaction.mjs': [
    /^moved: from is at version 1, to at 1, \/receipt-\d{10}$/,
    'refused at operation 1: ZK_BAD_VERSION',
    '  setData /to: 0',
    '  check /from: -103',
    '  delete /from: -2',
    'nothing was changed: to holds 30',
  ],
  '07-acl-digest.mjs': [
    'guest reads /private: ZK_NO_AUTH',
    'owner reads /private: allowed',
    'operator reads /private: allowed',
    'operator writes /private: ZK_NO_AUTH',
    'ids: owner, operator',
  ],
  '08-error-handling.mjs': [
    'get: NoNodeError ZK_NO_NODE outcome=rejected retryable=false',
    'path: InvalidPathError ZK_INVALID_PATH outcome=not-sent retryable=false',
    'set: ConnectionLossError ZK_CONNECTION_LOSS outcome=unknown retryable=true',
    /^the first attempt had (been applied|not been applied, the second one was)$/,
    'counter 1',
  ],
  '09-graceful-shutdown.mjs': [
    'registered /web-1',
    'SIGTERM: closing',
    '/last-words was written; closed, confirmed by the server: true',
    'the others see NodeDeleted /web-1',
    'the Conn is Closed',
  ],
  '10-testing-your-app.mjs': [
    'TAP version 13',
    '# Subtest: registers again when its session has expired',
    'ok 1 - registers again when its session has expired',
    '# Subtest: keeps its session when only the connection is lost',
    'ok 2 - keeps its session when only the connection is lost',
    '# tests 2',
    '# pass 2',
    '# fail 0',
  ],
  '11-typescript.ts': [
    'version of /latest: 0, of /nobody: null',
    /^published \/news-\d{10}, \/latest is at version 1$/,
    'operation 0 failed: ZK_BAD_VERSION, rejected',
  ],
  '12-commonjs.cjs': [
    '/zk-conn-commonjs holds "required"',
    'again: ZK_NODE_EXISTS',
    'closed, confirmed by the server: true',
  ],
};

/** Lines of which some are noise: the wanted ones must come in order, others may come between them. */
const WITH_NOISE: ReadonlySet<string> = new Set(['10-testing-your-app.mjs']);

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
  // the same report on every Node, terminal or not
  return name.startsWith('10-') ? ['--test-reporter=tap', runnable(name)] : [runnable(name)];
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
  });

  it('imports nothing but the package, by its name, and Node', () => {
    for (const name of [...EXAMPLES, 'demo.mjs', 'demo-actors.mjs', 'support.mjs']) {
      const text = fs.readFileSync(path.join(FOLDER, name), 'utf8');
      for (const [, from] of text.matchAll(/(?:from |require\()'([^']+)'/g)) {
        expect(from, name).toMatch(/^(zk-conn|zk-conn\/testing|node:.+|\.\/(support|demo-actors)\.mjs)$/);
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
      if (!name.startsWith('10-')) expect(server.lastZxid).toBeGreaterThan(1n);
      expectClean(server);
    } finally {
      await server.close();
    }
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

function expectDemo({ code, stdout, stderr }: Finished, where: RegExp): void {
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(where);
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
    expectDemo(finished, /^Service discovery on a mini-server in this process, at 127\.0\.0\.1:\d+$/);
  });

  it('plays on the ensemble in ZK_SERVERS, and leaves it as it was', async () => {
    const server = await MiniServer.start();
    try {
      const finished = await runNode(demo, { env: { ZK_SERVERS: server.connectString } });
      expectDemo(finished, /^Service discovery on the ensemble at 127\.0\.0\.1:\d+$/);
      expectClean(server);
    } finally {
      await server.close();
    }
  });

  it('ends with an error when a client does not see what it must', async () => {
    // no session of this server expires within the patience of the clients
    const server = await MiniServer.start({ minSessionTimeoutMs: 60_000 });
    try {
      const env = { ZK_SERVERS: server.connectString, PATIENCE_MS: '2000' };
      const { code, stdout, stderr } = await runNode(demo, { env });
      expect(code, stdout).toBe(1);
      expect(stderr).toContain(
        'did not see "blue, red" within 2000 ms; the last it saw is "blue, green, red"',
      );
      expect(stdout).not.toContain('Done');
      expect(server.tree.paths().filter((node) => !node.startsWith('/zookeeper'))).toEqual(['/']);
    } finally {
      await server.close();
    }
  });

  const real = realTarget();
  const why = 'missing' in real ? `skipped: ${real.missing}` : `${real.version}, ${real.source}`;
  it.skipIf('missing' in real)(`plays on real ZooKeeper (${why})`, async () => {
    if ('missing' in real) return;
    expectDemo(await runNode(demo, { env: { ZK_SERVERS: real.connectString } }), /on the ensemble at /);
  });

  it.skipIf('missing' in real).each(EXAMPLES)(`%s runs on real ZooKeeper (${why})`, async (name) => {
    if ('missing' in real) return;
    const { code, stdout, stderr } = await runNode(args(name), { env: { ZK_SERVERS: real.connectString } });
    expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
    expectLines(name, stdout);
  });
});
