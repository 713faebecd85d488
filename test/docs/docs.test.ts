/** The documentation is true: its tables are the source's, its links lead somewhere, its examples run. */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as prettier from 'prettier';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MiniServer } from '../../src/testing.js';
import {
  allPages,
  brokenLinks,
  docsPath,
  examplesOf,
  headings,
  markedTable,
  pathOf,
  read,
  withTable,
  type Example,
} from './pages.js';
import { compilerOptions, surfaceOf } from './public-surface.js';
import { SOURCE_TABLES, errorClassNames } from './source-tables.js';

const UPDATE = process.env['UPDATE_DOCS'] === '1';
const PAGES = allPages();
const EXAMPLES = PAGES.flatMap(examplesOf);

/** Examples are written and run here, beside a copy of the package that is made from the source as it is now. */
const FOLDER = pathOf(path.join('.tmp', 'docs'));

describe.each(Object.keys(SOURCE_TABLES))('%s', (page) => {
  test('has the table of the source', async () => {
    const made = await formatted(SOURCE_TABLES[page]!(), page);
    if (UPDATE) writeFileSync(pathOf(page), withTable(read(page), made));
    expect(markedTable(read(page)), 'UPDATE_DOCS=1 npx vitest run test/docs writes it anew').toBe(made);
  });
});

test('every error class is in the table of errors', () => {
  const table = markedTable(read(docsPath('errors.md')));
  expect(errorClassNames().filter((name) => !table.includes(`| \`${name}\``))).toEqual([]);
});

describe('the public surface', () => {
  const { exportedNames, connMembers } = surfaceOf('src/index.ts');
  const docs = PAGES.filter((page) => page.startsWith('docs/'))
    .map(read)
    .join('\n');

  test('every public member of Conn has a section in docs/conn.md', () => {
    const sections = headings(read(docsPath('conn.md')));
    const hasSection = (member: string): boolean =>
      sections.some((heading) => {
        const name = /^`([^`(]+)(?:\(.*)?`$/.exec(heading)?.[1];
        return name === member;
      });
    expect(connMembers.length).toBeGreaterThan(20);
    expect(connMembers.filter((member) => !hasSection(member))).toEqual([]);
  });

  test.each([
    ['zk-conn', exportedNames],
    ['zk-conn/testing', surfaceOf('src/testing.ts').exportedNames],
  ])('every name that %s exports is mentioned in docs/', (_entry, names) => {
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(docs))).toEqual([]);
  });
});

test('docs/architecture.md has a line for every source file', () => {
  const text = read(docsPath('architecture.md'));
  const missing = sourceFiles().filter((file) => {
    const folder = path.posix.dirname(file);
    const section = text.split(/^### /m).find((part) => part.startsWith(`\`${folder}/\``)) ?? '';
    return !section.includes(`| \`${path.posix.basename(file)}\``);
  });
  expect(missing).toEqual([]);
});

test.each(PAGES)('relative links of %s lead somewhere', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test('README.md has at most 250 lines', () => {
  expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(250);
});

test('every page has as many examples as comments that say so', () => {
  for (const page of PAGES) {
    const marks = read(page).match(/^<!-- runs -->$/gm) ?? [];
    expect(examplesOf(page), page).toHaveLength(marks.length);
  }
  expect(EXAMPLES.length).toBeGreaterThan(15);
});

describe('examples', () => {
  beforeAll(() => {
    rmSync(FOLDER, { recursive: true, force: true });
    installPackage(path.join(FOLDER, 'node_modules', 'zk-conn'));
    // a package of its own: otherwise `zk-conn` would be the name of the one around it
    writeFileSync(path.join(FOLDER, 'package.json'), '{}');
    // what a reader is told to copy beside his program
    for (const name of ['keep-registered.mjs', 'workers.mjs']) {
      copyFileSync(pathOf(`examples/${name}`), path.join(FOLDER, name));
    }
  });

  afterAll(() => {
    rmSync(FOLDER, { recursive: true, force: true });
  });

  test('docs/testing.md shows the service that its tests are about', () => {
    const file = read('examples/workers.mjs');
    const source = file.slice(file.indexOf('\n') + 1);
    expect(source).toContain('joinWorkers');
    expect(read(docsPath('testing.md'))).toContain(source);
  });

  test('those in TypeScript have no type errors', { timeout: 300_000 }, () => {
    const files = EXAMPLES.filter(({ language }) => language === 'ts').map((example) => {
      const file = path.join(FOLDER, `${nameOf(example)}.mts`);
      writeFileSync(file, example.source);
      return file;
    });
    const program = ts.createProgram(files, {
      ...compilerOptions(),
      noUnusedLocals: false,
      paths: { 'zk-conn': [pathOf('src/index.ts')], 'zk-conn/testing': [pathOf('src/testing.ts')] },
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map(
        ({ file, messageText }) =>
          `${path.basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    expect(problems).toEqual([]);
  });

  test.each(EXAMPLES.map((example) => [`${example.page}:${example.line}`, example] as const))(
    '%s runs',
    async (_where, example) => {
      const server = await MiniServer.start();
      try {
        const file = path.join(FOLDER, `${nameOf(example)}.mjs`);
        writeFileSync(file, javaScriptOf(example).replaceAll('localhost:2181', server.connectString));
        expect(await run(file)).toEqual({ exitCode: 0, stderr: '' });
        // an example that left something behind would surprise whoever runs the next one
        expect(server.sessions).toEqual([]);
        expect(server.tree.get('/')?.children).toEqual(['zookeeper']);
      } finally {
        await server.close();
      }
    },
  );
});

// ---------------------------------------------------------------- helpers

/** Markdown as prettier writes it, so that the table fits a page that is formatted. */
async function formatted(markdown: string, page: string): Promise<string> {
  const config = await prettier.resolveConfig(pathOf(page));
  return (await prettier.format(markdown, { ...config, parser: 'markdown' })).trim();
}

function sourceFiles(): readonly string[] {
  return readdirSync(pathOf('src'), { recursive: true, encoding: 'utf8' })
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((name) => name.endsWith('.ts'));
}

const nameOf = ({ page, line }: Example): string => `${page.replaceAll(/\W/g, '-')}-${line}`;

/** Not the build: that may be an old one, or be made anew by another test right now. */
function installPackage(folder: string): void {
  for (const file of sourceFiles()) {
    const target = path.join(folder, path.relative('src', file).replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, withoutTypes(readFileSync(pathOf(file), 'utf8')));
  }
  const manifest = { type: 'module', exports: { '.': './index.js', './testing': './testing.js' } };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
}

function javaScriptOf({ language, source }: Example): string {
  return language === 'js' ? source : withoutTypes(source);
}

function withoutTypes(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  }).outputText;
}

/** Runs a program to its end. One that does not end by itself has left something open, and the test times out. */
function run(file: string): Promise<{ readonly exitCode: number | null; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 150_000 });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stderr }));
  });
}
