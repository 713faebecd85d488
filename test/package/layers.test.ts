/**
 * The architecture, checked on the syntax trees of all sources: which layer may import which, who may import a package,
 * no cycles, nothing impure below `net/`, and the habits of this code base.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT, filesBelow } from './support.js';

/** What each layer may import: layers by name, Node's modules by pattern. A layer may always import itself. */
const LAYERS: Readonly<Record<string, { readonly layers: readonly string[]; readonly node: RegExp }>> = {
  protocol: { layers: [], node: /^node:(buffer|crypto)$/ },
  session: { layers: ['protocol'], node: /^node:buffer$/ },
  net: {
    layers: ['protocol', 'session'],
    node: /^node:(net|tls|dns|fs|http|https|buffer|diagnostics_channel|crypto)$/,
  },
  client: { layers: ['protocol', 'session', 'net'], node: /^node:(buffer|crypto|zlib)$/ },
  // not on the client's layers: a bug of theirs must not hide behind a shared one
  testing: { layers: ['protocol'], node: /^node:/ },
  'index.ts': { layers: ['protocol', 'session', 'net', 'client'], node: /^$/ },
  'testing.ts': { layers: ['testing'], node: /^$/ },
  'cli.ts': { layers: ['testing'], node: /^node:/ },
};

/** The one file that may import a package, or this module of Node. */
const PACKAGES: Readonly<Record<string, string>> = {
  'node:diagnostics_channel': 'net/diagnostics.ts',
  debug: 'net/diagnostics.ts',
  eventemitter3: 'client/events.ts',
  'p-queue': 'client/bounded.ts',
};

/** The order within `protocol/`: a file imports only from ranks before its own. */
const PROTOCOL_RANKS: readonly (readonly string[])[] = [
  ['constants', 'error-codes', 'error-base', 'readable'],
  ['errors'],
  ['error-names', 'paths', 'jute', 'frame', 'ensemble-config', 'digest-md5'],
  ['records'],
  ['acls', 'op', 'op-records', 'words'],
  ['multi'],
  ['operations'],
];

/** Layers below `net/`: no clock, no timer, no process, no chance. */
const PURE = ['protocol', 'session'];
const IMPURE: ReadonlySet<string> = new Set([
  'Date',
  'performance',
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'console',
  'globalThis',
  'fetch',
]);

const MAX_LINES = 500;
/** A table with one row per operation, better in one piece than in two. */
const LONG: Readonly<Record<string, number>> = { 'protocol/operations.ts': 700 };

interface Import {
  readonly line: number;
  /** Path below `src` for our own files, else as it is written. */
  readonly target: string;
  readonly own: boolean;
}

class SourceFile {
  readonly imports: readonly Import[];
  readonly layer: string;
  private readonly tree: ts.SourceFile;

  constructor(
    readonly name: string,
    readonly text: string,
  ) {
    this.layer = name.includes('/') ? name.slice(0, name.indexOf('/')) : name;
    this.tree = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true);
    this.imports = this.nodes().flatMap((node) => this.importOf(node));
  }

  nodes(): ts.Node[] {
    const all: ts.Node[] = [];
    const visit = (node: ts.Node): void => {
      all.push(node);
      ts.forEachChild(node, visit);
    };
    visit(this.tree);
    return all;
  }

  lineOf(node: ts.Node): number {
    return this.tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  }

  /** Static and dynamic imports, re-exports, `import('…')` types, require. */
  private importOf(node: ts.Node): Import[] {
    let from: ts.Node | undefined;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) from = node.moduleSpecifier;
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) from = node.argument.literal;
    else if (ts.isExternalModuleReference(node)) from = node.expression;
    else if (ts.isCallExpression(node)) {
      const { kind } = node.expression;
      const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
      if (kind === ts.SyntaxKind.ImportKeyword || isRequire) from = node.arguments[0];
    }
    if (from === undefined) return [];
    if (!ts.isStringLiteral(from)) return [{ line: this.lineOf(node), target: '(computed)', own: false }];
    const own = from.text.startsWith('.');
    const target = own
      ? path.posix.join(path.posix.dirname(this.name), from.text).replace(/\.js$/, '.ts')
      : from.text;
    return [{ line: this.lineOf(node), target, own }];
  }
}

/** Everything that is wrong with a set of sources, each with its place. */
function problemsOf(sources: ReadonlyMap<string, string>): string[] {
  const files = [...sources].map(([name, text]) => new SourceFile(name, text));
  return [
    ...files.flatMap((file) => file.imports.flatMap((entry) => wrongImport(file, entry, sources))),
    ...files.flatMap(wrongSyntax),
    ...files.flatMap(tooLong),
    ...cycles(files),
  ];
}

function wrongImport(file: SourceFile, entry: Import, sources: ReadonlyMap<string, string>): string[] {
  const { name, layer } = file;
  const { target, line, own } = entry;
  const no = (why: string): string[] => [`${name}:${line} imports ${target}: ${why}`];
  const rule = LAYERS[layer];
  if (rule === undefined) return no(`the layer ${layer} is unknown`);
  if (own) {
    if (!sources.has(target)) return no('there is no such file');
    const from = target.includes('/') ? target.slice(0, target.indexOf('/')) : target;
    if (from !== layer) return rule.layers.includes(from) ? [] : no(`${layer} must not import ${from}`);
    if (layer === 'protocol' && rankOf(target) >= rankOf(name)) return no('it does not come before');
    return [];
  }
  if (target in PACKAGES && PACKAGES[target] !== name) return no(`only ${PACKAGES[target] ?? ''} may`);
  if (target.startsWith('node:')) return rule.node.test(target) ? [] : no(`not in ${layer}`);
  if (target in PACKAGES) return [];
  return no('neither ours, nor of Node with "node:", nor one of the dependencies');
}

function rankOf(name: string): number {
  const base = path.posix.basename(name, '.ts');
  const rank = PROTOCOL_RANKS.findIndex((names) => names.includes(base));
  // a file that nobody has given a rank comes before and behind nothing
  return rank === -1 ? Number.NaN : rank;
}

function wrongSyntax(file: SourceFile): string[] {
  const pure = PURE.includes(file.layer);
  return file.nodes().flatMap((node) => {
    const at = (what: string): string[] => [`${file.name}:${file.lineOf(node)} ${what}`];
    if (ts.isEnumDeclaration(node)) return at('enum');
    if (ts.isExportAssignment(node)) return at('default export');
    if (node.kind === ts.SyntaxKind.DefaultKeyword && ts.isStatement(node.parent))
      return at('default export');
    if (ts.isExportSpecifier(node) && node.name.text === 'default') return at('default export');
    if (ts.isExportDeclaration(node)) {
      const everything = node.exportClause === undefined || ts.isNamespaceExport(node.exportClause);
      return everything ? at('export *') : [];
    }
    if (pure && ts.isIdentifier(node) && IMPURE.has(node.text) && isReference(node)) return at(node.text);
    if (pure && ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random')
      return at('Math.random');
    return [];
  });
}

/** Does an identifier stand for the variable of that name, and not for a property of something? */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent)) {
    return parent.getChildAt(0) === node;
  }
  return !(
    (ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)) &&
    parent.name === node
  );
}

function tooLong({ name, text }: Pick<SourceFile, 'name' | 'text'>): string[] {
  const lines = text.split('\n').length - 1;
  const limit = LONG[name] ?? MAX_LINES;
  return lines > limit ? [`${name} has ${lines} lines, more than ${limit}`] : [];
}

/** Each cycle of imports once, types included. */
function cycles(files: readonly SourceFile[]): string[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start !== -1) {
      found.push(`cycle: ${[...trail.slice(start), name].join(' → ')}`);
      return;
    }
    if (done.has(name)) return;
    for (const { target, own } of byName.get(name)?.imports ?? []) if (own) visit(target, [...trail, name]);
    done.add(name);
  };
  for (const { name } of files) visit(name, []);
  return found;
}

describe('the sources', () => {
  const folder = path.join(ROOT, 'src');
  const sources = new Map(
    filesBelow(folder).map((name) => [name, fs.readFileSync(path.join(folder, name), 'utf8')]),
  );

  it('keep the rules', () => {
    expect(problemsOf(sources)).toEqual([]);
  });

  it('have a rank for each file of protocol/, and no rank without a file', () => {
    const names = [...sources.keys()].filter((name) => name.startsWith('protocol/'));
    expect(names).toEqual(
      PROTOCOL_RANKS.flat()
        .map((name) => `protocol/${name}.ts`)
        .sort(),
    );
  });

  it('have a file for each exception', () => {
    for (const name of [...Object.values(PACKAGES), ...Object.keys(LONG)])
      expect(sources.has(name), name).toBe(true);
    for (const [name, file] of Object.entries(PACKAGES))
      expect(sources.get(file)).toMatch(new RegExp(`(from |import\\()'${name}'`));
  });

  it('are TypeScript and nothing else', () => {
    expect([...sources.keys()].filter((name) => !name.endsWith('.ts'))).toEqual([]);
  });

  it('and their tests have no file that is too long', () => {
    const tests = path.join(ROOT, 'test');
    const names = filesBelow(tests).filter((name) => name.endsWith('.ts'));
    expect(names.length).toBeGreaterThan(sources.size);
    expect(
      names.flatMap((name) => tooLong({ name, text: fs.readFileSync(path.join(tests, name), 'utf8') })),
    ).toEqual([]);
  });
});

/** The rules would be worth nothing if they did not bite. */
describe('a source that breaks a rule is found:', () => {
  const problems = (tree: Readonly<Record<string, string>>): string[] =>
    problemsOf(new Map(Object.entries(tree)));

  it.each<[string, Record<string, string>, string]>([
    [
      'an import upwards',
      { 'session/a.ts': "import { x } from '../net/b.js';", 'net/b.ts': 'export const x = 1;' },
      'session/a.ts:1 imports net/b.ts: session must not import net',
    ],
    [
      'a type import upwards',
      {
        'protocol/jute.ts': "import type { X } from '../session/b.js';",
        'session/b.ts': 'export type X = 1;',
      },
      'protocol/jute.ts:1 imports session/b.ts: protocol must not import session',
    ],
    [
      'an import type upwards',
      { 'session/a.ts': "let x: import('../client/b.js').X;", 'client/b.ts': 'export type X = 1;' },
      'session/a.ts:1 imports client/b.ts: session must not import client',
    ],
    [
      'a dynamic import upwards',
      { 'session/a.ts': "void import('../client/b.js');", 'client/b.ts': 'export {};' },
      'session/a.ts:1 imports client/b.ts: session must not import client',
    ],
    [
      'a re-export upwards',
      { 'net/a.ts': "export { x } from '../client/b.js';", 'client/b.ts': 'export const x = 1;' },
      'net/a.ts:1 imports client/b.ts: net must not import client',
    ],
    [
      'the mini-server on the client',
      { 'testing/a.ts': "\nimport '../session/b.js';", 'session/b.ts': '' },
      'testing/a.ts:2 imports session/b.ts: testing must not import session',
    ],
    [
      'a file of protocol/ on one that comes behind it',
      { 'protocol/jute.ts': "import './records.js';", 'protocol/records.ts': '' },
      'protocol/jute.ts:1 imports protocol/records.ts: it does not come before',
    ],
    [
      'a file that is missing',
      { 'net/a.ts': "import './b.js';" },
      'net/a.ts:1 imports net/b.ts: there is no such file',
    ],
    [
      'a new layer',
      { 'recipes/a.ts': "import 'debug';" },
      'recipes/a.ts:1 imports debug: the layer recipes is unknown',
    ],
    [
      'a socket below net/',
      { 'session/a.ts': "import 'node:net';" },
      'session/a.ts:1 imports node:net: not in session',
    ],
    [
      'a timer module',
      { 'net/a.ts': "import 'node:timers/promises';" },
      'net/a.ts:1 imports node:timers/promises: not in net',
    ],
    [
      'a package elsewhere',
      { 'session/a.ts': "import debug from 'debug';" },
      'session/a.ts:1 imports debug: only net/diagnostics.ts may',
    ],
    [
      'the channels elsewhere',
      { 'net/a.ts': "import 'node:diagnostics_channel';" },
      'net/a.ts:1 imports node:diagnostics_channel: only net/diagnostics.ts may',
    ],
    [
      'a module of Node without its prefix',
      { 'net/a.ts': "import 'net';" },
      'net/a.ts:1 imports net: neither ours, nor of Node with "node:", nor one of the dependencies',
    ],
    [
      'a computed import',
      { 'net/a.ts': "void import('./' + 'b.js');" },
      'net/a.ts:1 imports (computed): neither ours, nor of Node with "node:", nor one of the dependencies',
    ],
    ['the time', { 'protocol/jute.ts': 'const now = () => Date.now();' }, 'protocol/jute.ts:1 Date'],
    ['a timer', { 'session/a.ts': 'setTimeout(() => undefined, 1);' }, 'session/a.ts:1 setTimeout'],
    ['the process', { 'session/a.ts': 'const { process } = globalThis;' }, 'session/a.ts:1 globalThis'],
    ['chance', { 'session/a.ts': 'const dice = Math.random;' }, 'session/a.ts:1 Math.random'],
    ['an enum', { 'net/a.ts': 'export enum E { A }' }, 'net/a.ts:1 enum'],
    ['a default export', { 'net/a.ts': 'const x = 1;\nexport default x;' }, 'net/a.ts:2 default export'],
    ['a default function', { 'net/a.ts': 'export default function f() {}' }, 'net/a.ts:1 default export'],
    [
      'a default by name',
      { 'net/a.ts': 'const x = 1;\nexport { x as default };' },
      'net/a.ts:2 default export',
    ],
    ['export *', { 'index.ts': "export * from './net/a.js';", 'net/a.ts': '' }, 'index.ts:1 export *'],
    ['a long file', { 'net/a.ts': '\n'.repeat(501) }, 'net/a.ts has 501 lines, more than 500'],
    [
      'a cycle',
      {
        'net/a.ts': "import './b.js';",
        'net/b.ts': "import './c.js';",
        'net/c.ts': "import type {} from './a.js';",
      },
      'cycle: net/a.ts → net/b.ts → net/c.ts → net/a.ts',
    ],
  ])('%s', (_what, tree, problem) => {
    expect(problems(tree)).toContain(problem);
  });

  it('and one that only looks as if it did is not', () => {
    const tree = {
      'session/a.ts': 'export const x = { process: 1, Date: 2 }; x.process; Math.floor(x.Date);',
      'net/a.ts': "import '../session/a.js';\nimport 'node:net';\nsetTimeout(() => Date.now(), 1);",
    };
    expect(problems(tree)).toEqual([]);
  });
});
