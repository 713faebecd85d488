/**
 * A bug in the client for a whole run of vitest (`npm run test:planted`): `ZK_PLANT` is its name in `bugs.ts`, and
 * `ZK_PLANT_ORDER` the files to run, the likeliest to catch it first.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { BUGS } from './bugs.js';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Of a plugin of Vite, as much as this is. */
interface Plant {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): string | undefined;
}

/** @returns what plants the bug while the sources are loaded; null if none is asked for */
export function plant(name: string | undefined): Plant | null {
  if (name === undefined || name === '') return null;
  const bug = BUGS.find((each) => each.bug === name);
  if (bug === undefined) throw new Error(`there is no bug "${name}"`);
  const changed = new Map<string, string>();
  for (const { file, find, plant: text } of bug.edits) {
    const where = path.join(ROOT, 'src', file);
    const before = changed.get(where) ?? fs.readFileSync(where, 'utf8');
    if (before.split(find).length !== 2) throw new Error(`"${name}": its place in ${file} is not there once`);
    changed.set(
      where,
      before.replace(find, () => text),
    );
  }
  return {
    name: 'plant',
    enforce: 'pre',
    transform: (_code, id) => changed.get(id.split('?')[0]!),
  };
}

/** Files in the order of `ZK_PLANT_ORDER`, not in that of their sizes. */
export class InThatOrder extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = (process.env['ZK_PLANT_ORDER'] ?? '').split(',');
    const place = ({ moduleId }: TestSpecification): number => {
      const name = path.relative(ROOT, moduleId);
      const at = order.findIndex((start) => name.startsWith(start));
      return at < 0 ? order.length : at;
    };
    return Promise.resolve([...files].sort((a, b) => place(a) - place(b)));
  }
}
