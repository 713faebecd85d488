/** `engines.node` says what CI tests, and nothing that it does not. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ROOT, compilerOptions, readManifest } from './support.js';

const manifest = readManifest();
/** Major and minor; what is not said, as in `22` or `20.x`, is 0. */
function parts(version: string): [major: number, minor: number] {
  const [major = '', minor = '0'] = version.split('.');
  return [Number.parseInt(major, 10), Number.parseInt(minor, 10) || 0];
}

const floor = parts(/^>=([\d.]+)$/.exec(manifest.engines.node)?.[1] ?? '');

function compare(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]!;
}

/** Node versions of every `node:` or `node-version:` list in a workflow: `[20, 22]`, or one per line with a dash. */
function nodeVersions(workflow: string): [number, number][] {
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
  return versions.filter((version) => /^\d/.test(version)).map(parts);
}

describe('engines', () => {
  it('names a floor and no ceiling', () => {
    expect(manifest.engines.node).toMatch(/^>=[\d.]+$/);
  });

  it('has the lowest Node of the CI matrix as its floor [F2]', () => {
    const workflow = fs.readFileSync(path.join(ROOT, '.github/workflows/ci.yml'), 'utf8');
    const versions = nodeVersions(workflow);
    expect(versions, 'versions in ci.yml').not.toEqual([]);
    expect(versions.sort(compare)[0]).toEqual(floor);
  });

  it('is what the dependencies can do too', () => {
    for (const name of Object.keys(manifest.dependencies)) {
      const theirs = JSON.parse(
        fs.readFileSync(path.join(ROOT, 'node_modules', name, 'package.json'), 'utf8'),
      ) as { engines?: { node?: string } };
      const least = parts(/>=\s*([\d.]+)/.exec(theirs.engines?.node ?? '>=0')?.[1] ?? '');
      expect(compare(least, floor), name).toBeLessThanOrEqual(0);
    }
  });

  it('is what the code is compiled for', () => {
    const config = fs.readFileSync(path.join(ROOT, 'scripts/build.mjs'), 'utf8');
    expect(config).toContain(`const target = 'node${floor[0]}'`);
    expect(compilerOptions('tsconfig.json').target).toBe(ts.ScriptTarget.ES2022);
  });

  it('is not above the Node that runs this test', () => {
    expect(compare(parts(process.versions.node), floor)).toBeGreaterThanOrEqual(0);
  });
});

describe('the reader of the workflow', () => {
  it.each([
    ['node: [20, 22, 24]', '20.0 22.0 24.0'],
    ['node-version: [\'20.x\', "22"]', '20.0 22.0'],
    ['node:\n  - 20.19\n  - 22.1.0\nother:\n  - 5', '20.19 22.1'],
    ['node-version: ${{ matrix.node }}', ''],
    ['with:\n  node-version: 18 # old', '18.0'],
  ])('%j', (text, versions) => {
    expect(
      nodeVersions(text)
        .map((version) => version.join('.'))
        .join(' '),
    ).toBe(versions);
  });
});
