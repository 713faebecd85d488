/** Titles of tests, as the pages that name tests write them. */
import { existsSync } from 'node:fs';
import { pathOf, read } from './pages.js';
import { titlesIn } from './users-pain.js';

/** Numbers of pains and the like, which come and go in titles, and do not stand on these pages. */
const NUMBERS = / ?\[[A-M]\d+(?:\.\d+)?\]/g;

const known = new Map<string, readonly string[]>();

/** Titles of a file of `test/`, as a page writes them. None if there is no such file. */
export function titlesOf(file: string): readonly string[] {
  const name = `test/${file}`;
  let titles = known.get(file);
  if (titles === undefined) {
    const all = existsSync(pathOf(name)) ? titlesIn(read(name)) : [];
    titles = all.map((title) => title.replaceAll('`', "'").replaceAll(NUMBERS, '').trim());
    known.set(file, titles);
  }
  return titles;
}
