/** The package as users get it: packed, installed into a project of its own, loaded and type-checked from there. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSPHRASE } from '../support/certificates.js';
import {
  ROOT,
  assertBuilt,
  readManifest,
  run,
  runNode,
  sharingHost,
  type Finished,
  type RunOptions,
} from './support.js';

const manifest = readManifest();

/** What `npm pack --json` tells. */
interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly size: number; readonly mode: number }[];
}

let folder = '';
/** A project that depends on the tarball and on nothing else. */
let consumer = '';
let packed: Packed;

/** Runs the npm that came with this Node; the one of the PATH if it has none. */
function npm(args: readonly string[], options: RunOptions): Promise<Finished> {
  const prefix = path.dirname(process.execPath);
  const cli = [path.join(prefix, 'node_modules'), path.join(prefix, '../lib/node_modules')]
    .map((modules) => path.join(modules, 'npm/bin/npm-cli.js'))
    .find((file) => fs.existsSync(file));
  return cli === undefined ? run('npm', args, options) : runNode([cli, ...args], options);
}

function write(name: string, text: string): string {
  const file = path.join(consumer, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

beforeAll(async () => {
  assertBuilt();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-tarball-'));
  consumer = path.join(folder, 'consumer');
  // not `prepack`: it would build again, under the feet of the other test files
  const pack = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    timeoutMs: 120_000,
  });
  expect(pack.code, pack.stderr).toBe(0);
  packed = (JSON.parse(pack.stdout) as Packed[])[0]!;

  write('package.json', JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
  const install = (how: string): Promise<Finished> =>
    npm(['install', how, '--ignore-scripts', '--no-audit', '--no-fund', path.join(folder, packed.filename)], {
      cwd: consumer,
      timeoutMs: 120_000,
    });
  // the dependencies are in npm's cache, unless that was cleared
  let installed = await install('--offline');
  if (installed.code !== 0) installed = await install('--prefer-offline');
  expect(installed.code, installed.stderr).toBe(0);
}, 400_000);

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the build, the papers, and nothing else [F1] [F2] [F3]', () => {
    const files = packed.files.map((file) => file.path).sort();
    const inDist = files.filter((file) => file.startsWith('dist/'));
    const others = files.filter((file) => !file.startsWith('dist/'));
    expect(others).toEqual(['LICENSE', 'README.md', 'package.json']);
    // what the types of both entries share has a hash in its name
    const named = inDist.filter((file) => !/^dist\/[a-z-]+-[\w-]{8}\.d\.cts$/.test(file));
    const code = ['client', 'mini-server', 'protocol'].map((name) => `dist/${name}.cjs`);
    const entry = (name: string): string[] =>
      ['cjs', 'd.cts', 'd.ts', 'js'].map((ending) => `dist/${name}.${ending}`);
    expect(named).toEqual(['dist/cli.js', ...entry('index'), ...entry('testing'), ...code].sort());
    expect(files.filter((file) => /test\.|spec\.|\.pem$|\.key$|\.env|\.tgz$|tsconfig/.test(file))).toEqual(
      [],
    );
  });

  it('has a size that can be seen', () => {
    const bytes = (match: RegExp): number =>
      packed.files.filter((file) => match.test(file.path)).reduce((sum, file) => sum + file.size, 0);
    const kB = (size: number): string => `${Math.round(size / 1000)} kB`;
    process.stdout.write(
      `tarball ${kB(packed.size)}, unpacked ${kB(packed.unpackedSize)}: code ${kB(bytes(/^dist\/.*\.c?js$/))}, ` +
        `types ${kB(bytes(/^dist\/.*\.d\.c?ts$/))}\n`,
    );
    expect(packed.size).toBeLessThan(220_000);
  });

  it('holds no key, certificate or password of our tests, no token, and no path of this machine', () => {
    const root = path.join(consumer, 'node_modules/zk-conn');
    const secrets: readonly RegExp[] = [
      /-----BEGIN [A-Z ]*(PRIVATE KEY|CERTIFICATE)-----\s*[\w+/]{20}/,
      new RegExp(PASSPHRASE),
      /canary/,
      /_authToken|\bnpm_\w{36}|\bgh[pousr]_\w{36}|\bAKIA[A-Z0-9]{16}\b/,
      new RegExp(ROOT.replaceAll(/[^\w/]/g, '.')),
    ];
    const found = packed.files.flatMap(({ path: file }) => {
      const text = fs.readFileSync(path.join(root, file), 'latin1');
      return secrets.filter((secret) => secret.test(text)).map((secret) => `${file}: ${String(secret)}`);
    });
    expect(found).toEqual([]);
    // the search would find one
    expect(secrets[0]!.test(`-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}`)).toBe(true);
  });

  it('runs nothing when it is installed [F1]', () => {
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'preuninstall', 'postuninstall']) {
      expect(manifest.scripts).not.toHaveProperty(name);
    }
  });

  it('brings its dependencies and nothing else [F1]', () => {
    const installed = fs
      .readdirSync(path.join(consumer, 'node_modules'))
      .filter((name) => !name.startsWith('.'));
    // ms is of debug, p-timeout of p-queue
    expect(installed).toEqual(['debug', 'eventemitter3', 'ms', 'p-queue', 'p-timeout', 'zk-conn']);
    expect(Object.keys(manifest.dependencies)).toEqual(['debug', 'eventemitter3', 'p-queue']);
  });
});

/** A program that uses both entries and prints one line. */
const PROGRAM = `
  const server = await MiniServer.start();
  const conn = await connect(server.connectString);
  await conn.ensurePath('/a/b');
  await conn.deleteRecursive('/a');
  const refused = await conn.get('/a').catch((error) => error);
  const { confirmed } = await conn.close();
  await server.close();
  console.log(refused instanceof NoNodeError, refused instanceof ZkError, confirmed);
`;
const NAMES = '{ NoNodeError, ZkError, connect }';

describe('installed, it runs [E3]', () => {
  it.each([
    [
      'by import',
      'run.mjs',
      `import ${NAMES} from 'zk-conn';\nimport { MiniServer } from 'zk-conn/testing';\n${PROGRAM}`,
    ],
    [
      'by require',
      'run.cjs',
      `const ${NAMES} = require('zk-conn');\nconst { MiniServer } = require('zk-conn/testing');\n(async () => {${PROGRAM}})();`,
    ],
    [
      'by import() from CommonJS',
      'dynamic.cjs',
      `(async () => {\nconst ${NAMES} = await import('zk-conn');\nconst { MiniServer } = await import('zk-conn/testing');\n${PROGRAM}})();`,
    ],
  ])('%s', async (_how, name, text) => {
    const { code, stdout, stderr } = await runNode([write(name, text)], { cwd: consumer });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'true true true\n', stderr: '' });
  });

  it('as a command, from node_modules/.bin', async () => {
    const bin = path.join(consumer, 'node_modules/.bin/zk-mini-server');
    const windows = process.platform === 'win32';
    const { code, stdout, stderr } = windows
      ? await run('cmd.exe', ['/c', `${bin}.cmd`, '--version'])
      : await run(bin, ['--version']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    if (!windows) expect(packed.files.find((file) => file.path === 'dist/cli.js')!.mode & 0o111).toBe(0o111);
  });

  it('and shows no file that it does not export', async () => {
    const { code, stderr } = await runNode(['--eval', "require('zk-conn/dist/index.cjs')"], {
      cwd: consumer,
    });
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
    const own = await runNode(['--print', "require('zk-conn/package.json').version"], { cwd: consumer });
    expect(own.stdout).toBe(`${manifest.version}\n`);
  });
});

/** Compiles as long as the types are there and are not \`any\`. */
const TYPED = `
type IsAny<T> = 0 extends 1 & T ? true : false;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(_proof?: T): void => undefined;
const no = <T extends false>(_proof?: T): void => undefined;

export async function main(): Promise<void> {
  const server = await MiniServer.start({ tickTimeMs: 200, host: undefined });
  const options: ConnOptions = { sessionTimeoutMs: 5000, chroot: undefined, auth: [] };
  const conn: Conn = await connect(server.connectString, options);
  no<IsAny<typeof conn>>();
  const stat = await conn.exists('/a');
  yes<Same<typeof stat, Stat | null>>();
  const path = await conn.create('/a', Buffer.from('x'), { mode: 'EPHEMERAL', acl: undefined });
  yes<Same<typeof path, string>>();
  const { data, watch } = await conn.getW('/a');
  yes<Same<typeof data, Buffer | null>>();
  for await (const event of watch) yes<Same<typeof event, WatchEvent>>();
  const results = await conn.multi([op.create('/b'), op.set('/a', 'y'), op.delete('/b')]);
  yes<Same<typeof results, [string, Stat, undefined]>>();
  const reply = await conn.call('getData', { path: '/a', watch: false });
  no<IsAny<typeof reply>>();
  yes<Same<typeof reply.stat, Stat>>();
  conn.on('connection', (state) => {
    yes<Same<typeof state, 'CONNECTED' | 'SUSPENDED' | 'RECONNECTED' | 'LOST'>>();
  });
  try {
    await conn.get('/nobody');
  } catch (error) {
    if (error instanceof NoNodeError) yes<Same<typeof error.outcome, 'rejected' | 'not-sent' | 'unknown'>>();
  }
  server.expireSession(conn.sessionId);
  await conn[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
}
`;
const TYPED_NAMES = 'NoNodeError, connect, op, type Conn, type ConnOptions, type Stat, type WatchEvent';
const TYPED_IMPORTS = `import { ${TYPED_NAMES} } from 'zk-conn';\nimport { MiniServer } from 'zk-conn/testing';\n`;
const TYPED_REQUIRES =
  "import zk = require('zk-conn');\nimport testing = require('zk-conn/testing');\n" +
  'const { NoNodeError, connect, op } = zk;\nconst { MiniServer } = testing;\n' +
  'type Conn = zk.Conn;\ntype ConnOptions = zk.ConnOptions;\ntype Stat = zk.Stat;\ntype WatchEvent = zk.WatchEvent;\n';

const { ModuleKind, ModuleResolutionKind } = ts;

/** A project of a user's. Its types come from the tarball; only \`@types/node\` is lent to it. */
const PROJECTS: readonly [string, string, string, ts.CompilerOptions][] = [
  ['ESM under node16', 'node16.mts', TYPED_IMPORTS, { module: ModuleKind.Node16 }],
  ['ESM under nodenext', 'nodenext.mts', TYPED_IMPORTS, { module: ModuleKind.NodeNext }],
  ['CommonJS under node16, import', 'node16.cts', TYPED_IMPORTS, { module: ModuleKind.Node16 }],
  ['CommonJS under node16, import = require', 'require.cts', TYPED_REQUIRES, { module: ModuleKind.Node16 }],
  [
    'a bundler',
    'bundler.ts',
    TYPED_IMPORTS,
    { module: ModuleKind.ESNext, moduleResolution: ModuleResolutionKind.Bundler },
  ],
  [
    'the strictest options there are',
    'strictest.mts',
    TYPED_IMPORTS,
    {
      module: ModuleKind.NodeNext,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      noPropertyAccessFromIndexSignature: true,
      isolatedModules: true,
      verbatimModuleSyntax: true,
    },
  ],
  [
    'ES2022 with the DOM',
    'dom.mts',
    TYPED_IMPORTS,
    { module: ModuleKind.NodeNext, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] },
  ],
];

describe('installed, it has types for [E2] [E3]', () => {
  it.each(PROJECTS)('%s', (_what, name, imports, options) => {
    const file = write(name, imports + TYPED);
    const settings: ts.CompilerOptions = {
      strict: true,
      target: ts.ScriptTarget.ES2022,
      // without the DOM, unless it is asked for: nothing of a browser's may be needed
      lib: ['lib.es2022.d.ts'],
      types: ['node'],
      typeRoots: [path.join(ROOT, 'node_modules/@types')],
      noEmit: true,
      ...options,
    };
    const program = ts.createProgram([file], settings, sharingHost(settings));
    // our own declarations are checked too, not only used (`skipLibCheck: false`); TypeScript's and Node's are theirs
    const diagnostics = [
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...program
        .getSourceFiles()
        .filter(({ fileName }) => fileName === file || fileName.includes('/zk-conn/dist/'))
        .flatMap((own) => [...program.getSyntacticDiagnostics(own), ...program.getSemanticDiagnostics(own)]),
    ];
    expect(
      diagnostics.map(
        ({ file: at, messageText }) =>
          `${at?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      ),
    ).toEqual([]);
    // they are those of the tarball, and those of the format that would run
    const ours = program
      .getSourceFiles()
      .flatMap(({ fileName }) => /zk-conn\/(dist\/index\.d\.c?ts)$/.exec(fileName)?.[1] ?? []);
    // those for ES modules hand on those for CommonJS
    const forms = ['dist/index.d.cts', 'dist/index.d.ts'];
    expect(ours.sort()).toEqual(name.endsWith('.cts') ? forms.slice(0, 1) : forms);
    expect(program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(`${ROOT}/src`))).toEqual([]);
  });

  it('and shows no class of the inside in them', () => {
    // what is marked @internal is left out; `protected` alone is not enough, for its type is shown
    const inside = ['Caller', 'Driver', 'PendingRequest', 'SessionCore', 'WatchCell', 'WatchRegistry'];
    const types = packed.files.map((file) => file.path).filter((file) => /\.d\.c?ts$/.test(file));
    for (const file of types) {
      const text = fs.readFileSync(path.join(consumer, 'node_modules/zk-conn', file), 'utf8');
      expect(
        inside.filter((name) => new RegExp(`declare (abstract )?class ${name}\\b`).test(text)),
        file,
      ).toEqual([]);
    }
  });

  it('CommonJS that is compiled from TypeScript, and runs', async () => {
    const options = { module: ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    const { outputText } = ts.transpileModule(
      `import ${NAMES} from 'zk-conn';\nimport { MiniServer } from 'zk-conn/testing';\nvoid (async () => {${PROGRAM}})();`,
      { compilerOptions: options },
    );
    const { code, stdout, stderr } = await runNode([write('compiled.cjs', outputText)], { cwd: consumer });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'true true true\n', stderr: '' });
  });
});
