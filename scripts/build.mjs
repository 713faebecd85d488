/** `npm run build`: makes dist from nothing. With `--silent` it says only what went wrong. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { build } from 'tsup';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root);
fs.rmSync('dist', { recursive: true, force: true });
await build({ silent: process.argv.includes('--silent') });
for (const entry of ['index', 'testing']) markTypes(entry);

/**
 * The bundler of the declarations forgets `export type` where it stands before a class: `Watch` would look like a value,
 * and a program that asks `instanceof Watch` would compile, and not start. So what the entry exports as a type is marked
 * as one again.
 */
function markTypes(entry) {
  const source = fs.readFileSync(`src/${entry}.ts`, 'utf8');
  const types = new Set(exportLists(source, /export type \{([^}]*)\}/g).map(exportedName));
  for (const ending of ['d.ts', 'd.cts']) {
    const file = `dist/${entry}.${ending}`;
    const text = fs.readFileSync(file, 'utf8').replace(/export \{([^}]*)\}/g, (_, list) => {
      const mark = (item) =>
        types.has(exportedName(item)) && !item.startsWith('type ') ? `type ${item}` : item;
      return `export { ${items(list).map(mark).join(', ')} }`;
    });
    fs.writeFileSync(file, text);
  }
}

function exportLists(text, pattern) {
  return [...text.matchAll(pattern)].flatMap(([, list]) => items(list));
}

function items(list) {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `B` of `A as B`, and of `B`. */
function exportedName(item) {
  return item.split(/\s+/).at(-1);
}
