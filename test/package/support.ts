/** What the tests of the package as a whole share: its folder, its build, processes, and the TypeScript compiler. */
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '../..');

/** `package.json` of this package, as far as the tests look at it. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly files: readonly string[];
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export function readManifest(): Manifest {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Manifest;
}

/** All files below a folder, as paths relative to it with `/`, sorted. */
export function filesBelow(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/**
 * What is tested is what is built, so it must be there and no older than the sources.
 * @throws with what to do
 */
export function assertBuilt(): void {
  const built = ['index.js', 'index.cjs', 'index.d.ts', 'index.d.cts'].map((file) =>
    path.join(ROOT, 'dist', file),
  );
  for (const file of built) if (!fs.existsSync(file)) throw new Error(`${file} is missing: npm run build`);
  const builtAt = Math.min(...built.map((file) => fs.statSync(file).mtimeMs));
  for (const file of filesBelow(path.join(ROOT, 'src'))) {
    if (fs.statSync(path.join(ROOT, 'src', file)).mtimeMs > builtAt) {
      throw new Error(`dist is older than src/${file}: npm run build`);
    }
  }
}

/** How a child process ended. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Set on top of this process's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Killed when it runs longer. Default 150 s: before the test is over, so that it can say what it was told. */
  readonly timeoutMs?: number;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const startedAt = performance.now();
  const env = { ...process.env, ...options.env };
  // vitest's own settings are none of the child's business
  for (const name of [
    'NODE_OPTIONS',
    'NODE_ENV',
    'VITEST',
    'DEBUG',
    'NODE_V8_COVERAGE',
    'NODE_TEST_CONTEXT',
  ]) {
    if (options.env?.[name] === undefined) env[name] = undefined;
  }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 150_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, ms: performance.now() - startedAt }),
    );
  });
}

/** Runs `node`, the one that runs the tests. */
export function runNode(args: readonly string[], options?: RunOptions): Promise<Finished> {
  return run(process.execPath, args, options);
}

/** A complaint of the compiler. */
export interface Complaint {
  /** Relative to {@link ROOT}, with `/`; empty for one that is about no file. */
  readonly file: string;
  readonly line: number;
  readonly code: number;
  readonly text: string;
}

/** The compiler options of a tsconfig.json. */
export function compilerOptions(tsconfig: string): ts.CompilerOptions {
  const read = ts.getParsedCommandLineOfConfigFile(path.join(ROOT, tsconfig), undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
    },
  });
  if (read === undefined) throw new Error(`${tsconfig} cannot be read`);
  return read.options;
}

/** Files of TypeScript and Node that were read for one program serve for the next: reading them is what takes long. */
const shared = new Map<string, ts.SourceFile | undefined>();

/** A compiler host that reads them once. */
export function sharingHost(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (fileName, ...rest) => {
    if (!/\/(@types\/node|typescript\/lib|undici-types)\//.test(fileName)) return read(fileName, ...rest);
    if (!shared.has(fileName)) shared.set(fileName, read(fileName, ...rest));
    return shared.get(fileName);
  };
  return host;
}

/** What `tsc` has to say about some files (relative to {@link ROOT}), in all files of their program. */
export function compile(files: readonly string[], options: ts.CompilerOptions): Complaint[] {
  const settings = { ...options, noEmit: true };
  const roots = files.map((file) => path.join(ROOT, file));
  const program = ts.createProgram(roots, settings, sharingHost(settings));
  return ts.getPreEmitDiagnostics(program).map(({ file, start, code, messageText }) => ({
    file: file === undefined ? '' : path.relative(ROOT, file.fileName).replaceAll('\\', '/'),
    line: file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1,
    code,
    text: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }));
}

/** `'zk-conn'` means the sources here. */
export const SOURCE_PATHS: ts.MapLike<string[]> = {
  'zk-conn': [path.join(ROOT, 'src/index.ts')],
  'zk-conn/testing': [path.join(ROOT, 'src/testing.ts')],
};
