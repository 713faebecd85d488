/**
 * `npm run build`: makes dist from nothing. With `--silent` it says only what went wrong.
 *
 * There is one copy of the code, as CommonJS, and one of the types: what ES modules import hands them on. So a class is the
 * same for all who load us, in either way. CommonJS is also what can load a module of Node, or a package, at its first use.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as esbuild from 'esbuild';
import * as tsup from 'tsup';
import ts from 'typescript';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);

/** What users import. */
const ENTRIES = { index: 'src/index.ts', testing: 'src/testing.ts' };
/** The files that hold the code; what they share is in a third one. */
const CODE = { index: 'client', testing: 'mini-server' };
const SHARED = 'protocol';
/** Modules that are used as soon as we are loaded, and that cost next to nothing. */
const AT_ONCE = ['node:buffer', 'node:diagnostics_channel', 'node:timers'];

const target = 'node20';
fs.rmSync('dist', { recursive: true, force: true });
await Promise.all([buildCode(), buildTypes()]);

async function buildCode() {
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: { [CODE.index]: ENTRIES.index, [CODE.testing]: 'mini-server-and-command' },
    plugins: [{ name: 'mini-server-and-command', setup: withCommand }],
    bundle: true,
    splitting: true,
    chunkNames: SHARED,
    format: 'esm',
    platform: 'node',
    target,
    packages: 'external',
    // `sideEffects` of the package is for its users' bundlers: names of errors are one
    ignoreAnnotations: true,
    outdir: 'dist',
    write: false,
    metafile: true,
  });
  const made = outputFiles.map((file) => path.basename(file.path, '.js')).sort();
  must(made.join() === [...Object.values(CODE), SHARED].sort().join(), `made ${made.join(', ')}`);
  fs.mkdirSync('dist', { recursive: true });
  for (const file of outputFiles) {
    fs.writeFileSync(`dist/${path.basename(file.path, '.js')}.cjs`, await asCommonJs(file.text));
  }
  for (const [entry, code] of Object.entries(CODE)) {
    const names = metafile.outputs[`dist/${code}.js`].exports.filter((name) => name !== 'runCli').sort();
    writeEntry(entry, code, names);
  }
  const cli = fs
    .readFileSync('src/cli.ts', 'utf8')
    .replace("import { runCli } from './testing/cli-main.js'", "import code from './mini-server.cjs'");
  must(cli.includes('import code'), 'cli.ts imports something else');
  const { code } = await esbuild.transform(cli.replace('await runCli(', 'await code.runCli('), {
    loader: 'ts',
    target,
    format: 'esm',
  });
  fs.writeFileSync('dist/cli.js', code, { mode: 0o755 });
}

/** The command is not for users to import, but it is made of the same code as the mini-server. */
function withCommand({ onResolve, onLoad }) {
  const filter = /^mini-server-and-command$/;
  onResolve({ filter }, ({ path: name }) => ({ path: name, namespace: 'entry' }));
  onLoad({ filter, namespace: 'entry' }, () => ({
    contents: "export * from './testing.js'; export { runCli } from './testing/cli-main.js';",
    loader: 'ts',
    resolveDir: path.join(root, 'src'),
  }));
}

/** @param text an ES module as esbuild writes it */
async function asCommonJs(text) {
  let exported = '';
  const own = text
    // variables, and not properties of a module object that is looked at with each use
    .replace(/^import \{([^}]*)\} from "([^"]+)";$/gm, (statement, list, from) => {
      if (!from.startsWith('.') && !AT_ONCE.includes(from)) return statement;
      const names = pairs(list).map(([name, as]) => (as === undefined ? name : `${name}: ${as}`));
      return `const { ${names.join(', ')} } = require("${from.replace(/\.js$/, '.cjs')}");`;
    })
    .replace(/^export \{([^}]*)\};$/gm, (_, list) => {
      const names = pairs(list).map(([name, as]) => (as === undefined ? name : `${as}: ${name}`));
      exported = `\nmodule.exports = { ${names.join(', ')} };`;
      return '';
    });
  const { code } = await esbuild.transform(withClassNames(own), { format: 'cjs', platform: 'node', target });
  // whatever is left is loaded at its first use: `var import_x = require("x")`, and `import_x.name`
  const lazy = code
    .replace(/^var (import_\w+) = (.*\brequire\(.*);$/gm, 'var $1, load_$1 = () => $1 ??= $2;')
    .replace(/(?<!\w)(import_\w+)(?=\.)/g, '(load_$1())');
  const early = [...lazy.matchAll(/^(?:var|const) [^=]+ = (?:\w+\()?require\("([^"]+)"/gm)].map(
    ([, from]) => from,
  );
  must(
    early.every((from) => from.startsWith('./') || AT_ONCE.includes(from)),
    `it loads ${early.join(', ')} at once`,
  );
  return smaller(`'use strict';\n${lazy}${exported}`);
}

/** A class that speaks of itself has a second name in a bundle, which would be cut short and be what stacks and consoles show. */
function withClassNames(text) {
  const second = new Map(
    [...text.matchAll(/^var (\w+) = class (_\w+)\b/gm)].map(([, name, own]) => [own, name]),
  );
  return text
    .replace(/^var (\w+) = class _\w+\b/gm, 'class $1')
    .replace(/^(var \w+ = class (?!extends\b)(\w+) )\{/gm, '$1{\nstatic name = "$2";')
    .replace(/(?<![\w.])_\w+\b/g, (own) => second.get(own) ?? own);
}

/**
 * Without comments and indentation, and with short names for what lives within one function. All other names stay, as do
 * the lines: for stack traces, and because Node prints the line behind an uncaught error.
 */
async function smaller(text) {
  const bare = await esbuild.transform(text, { minifyWhitespace: true, minifyIdentifiers: true, target });
  const { code } = await esbuild.transform(bare.code, { target });
  const flat = withoutIndentation(code);
  const [before, after] = await Promise.all(
    [code, flat].map((each) => esbuild.transform(each, { minifyWhitespace: true, target })),
  );
  must(before.code === after.code, 'a text of several lines is another one now');
  must(/^(["'])use strict\1/.test(flat), 'the code is not strict');
  return flat;
}

function withoutIndentation(code) {
  const kept = [];
  const visit = (node) => {
    if (ts.isTemplateLiteralToken(node)) kept.push([node.getStart(), node.end]);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('code.js', code, ts.ScriptTarget.ES2022, true));
  let next = 0;
  return code.replace(/^ +/gm, (spaces, at) => {
    while (kept[next]?.[1] <= at) next++;
    return kept[next]?.[0] < at ? spaces : '';
  });
}

/**
 * How the code is loaded. When an ES module imports CommonJS, Node reads all of that for the names in it, which takes
 * longer than to run it; it does not follow a `require` whose result is a variable first.
 */
function writeEntry(entry, code, names) {
  const all = names.join(', ');
  const own = entry === 'index';
  const cjs = own
    ? `const code = require('./${code}.cjs');\nmodule.exports = code;\n`
    : `const { ${all} } = require('./${code}.cjs');\nmodule.exports = { ${all} };\n`;
  fs.writeFileSync(`dist/${entry}.cjs`, `'use strict';\n${cjs}`);
  fs.writeFileSync(
    `dist/${entry}.js`,
    `import code from './${entry}.cjs';\nexport const { ${all} } = code;\n`,
  );
}

async function buildTypes() {
  await tsup.build({
    config: false,
    silent: process.argv.includes('--silent'),
    entry: ENTRIES,
    outDir: 'dist',
    format: ['cjs'],
    // what is marked @internal is for this package alone
    dts: { only: true, compilerOptions: { stripInternal: true } },
  });
  for (const file of fs.readdirSync('dist').filter((name) => name.endsWith('.d.cts'))) {
    const text = fs.readFileSync(`dist/${file}`, 'utf8');
    fs.writeFileSync(`dist/${file}`, withoutPrivateComments(text));
  }
  for (const entry of Object.keys(ENTRIES)) {
    markTypes(entry);
    fs.writeFileSync(`dist/${entry}.d.ts`, `export * from './${entry}.cjs';\n`);
  }
}

/** Without the comments on files, and those on private members: they tell users nothing. */
function withoutPrivateComments(text) {
  const comment = String.raw`^ *\/\*\*(?:[^*]|\*(?!\/))*\*\/\n`;
  return text
    .replace(new RegExp(`${comment}(?= +private )`, 'gm'), '')
    .replace(new RegExp(`${comment}\n`, 'gm'), '');
}

/**
 * The bundler of the declarations forgets `export type` where it stands before a class: `Watch` would look like a value,
 * and a program that asks `instanceof Watch` would compile, and not start. So what the entry exports as a type is marked
 * as one again.
 */
function markTypes(entry) {
  const source = fs.readFileSync(ENTRIES[entry], 'utf8');
  const types = new Set(
    [...source.matchAll(/export type \{([^}]*)\}/g)].flatMap(([, list]) => pairs(list)).map(exportedName),
  );
  const file = `dist/${entry}.d.cts`;
  const text = fs.readFileSync(file, 'utf8').replace(/export \{([^}]*)\}/g, (_, list) => {
    const mark = (item) =>
      types.has(exportedName(item)) && !item[0].startsWith('type ')
        ? `type ${item.join(' as ')}`
        : item.join(' as ');
    return `export { ${pairs(list).map(mark).join(', ')} }`;
  });
  fs.writeFileSync(file, text);
}

/** `[['A'], ['B', 'C']]` of `A, B as C`. */
function pairs(list) {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
    .map((item) => item.split(/\s+as\s+/));
}

function exportedName(item) {
  return item.at(-1);
}

function must(holds, why) {
  if (!holds) throw new Error(`the build is not as it should be: ${why}`);
}
