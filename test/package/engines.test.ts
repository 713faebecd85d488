/** `engines.node` says what CI tests, and nothing that it does not. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT, compilerOptions, readManifest } from './support.js';

const manifest = readManifest();
const floor = Number(/^>=(\d+)$/.exec(manifest.engines.node)?.[1]);

/** Node versions of every `node:` or `node-version:` list in a workflow: `[20, 22]`, or one per line with a dash. */
function nodeVersions(workflow: string): number[] {
  const versions: string[] = [];
  const lines = workflow.split('\n');
  lines.forEach((line, i) => {
    const match = /^(\s*)node(?:-version)?:\s*(.*?)\s*(?:#.*)?$/.exec(line);
    if (match === null) return;
    const [, indent = '', value = ''] = match;
    if (value !== '') versions.push(...value.replace(/[[\]'"\s]/g, '').split(','));
    for (let j = i + 1; value === '' && j < lines.length; j++) {
      const item = /^(\s*)-\s*['"]?([\d.x]+)['"]?/.exec(lines[j]!);
      if (item === null || item[1]!.length < indent.length) break;
      versions.push(item[2]!);
    }
  });
  return versions.filter((version) => /^\d/.test(version)).map((version) => Number.parseInt(version, 10));
}

describe('engines', () => {
  it('names a floor and no ceiling', () => {
    expect(manifest.engines.node).toMatch(/^>=\d+$/);
  });

  it('has the lowest Node of the CI matrix as its floor', () => {
    const workflow = fs.readFileSync(path.join(ROOT, '.github/workflows/ci.yml'), 'utf8');
    const versions = nodeVersions(workflow);
    expect(versions, 'versions in ci.yml').not.toEqual([]);
    expect(Math.min(...versions)).toBe(floor);
  });

  it('is what the dependencies can do too', () => {
    for (const name of Object.keys(manifest.dependencies)) {
      const theirs = JSON.parse(
        fs.readFileSync(path.join(ROOT, 'node_modules', name, 'package.json'), 'utf8'),
      ) as { engines?: { node?: string } };
      const least = Number(/>=\s*(\d+)/.exec(theirs.engines?.node ?? '>=0')?.[1]);
      expect(least, name).toBeLessThanOrEqual(floor);
    }
  });

  it('is what the code is compiled for', () => {
    const config = fs.readFileSync(path.join(ROOT, 'tsup.config.ts'), 'utf8');
    expect(config).toContain(`target: 'node${floor}'`);
    expect(compilerOptions('tsconfig.json').target).toBe(ts.ScriptTarget.ES2022);
  });

  it('is not above the Node that runs this test', () => {
    expect(Number.parseInt(process.versions.node, 10)).toBeGreaterThanOrEqual(floor);
  });
});

describe('the reader of the workflow', () => {
  it.each([
    ['node: [20, 22, 24]', [20, 22, 24]],
    ['node-version: [\'20.x\', "22"]', [20, 22]],
    ['node:\n  - 20\n  - 22.1.0\nother:\n  - 5', [20, 22]],
    ['node-version: ${{ matrix.node }}', []],
    ['with:\n  node-version: 18 # old', [18]],
  ])('%j', (text, versions) => {
    expect(nodeVersions(text)).toEqual(versions);
  });
});
