/** Clients with a bug: the sources are bundled anew, with another text in one or two places. */
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { build, type Plugin } from 'esbuild';
import type * as Client from '../../../src/index.js';
import type { Edit } from './bugs.js';

/** A client, and the `debug` that it logs with. */
export type BuiltClient = typeof Client & {
  readonly debug: { log: unknown; enable(names: string): void; disable(): void };
};

const SOURCES = path.resolve(import.meta.dirname, '../../../src');
const require = createRequire(import.meta.url);

/**
 * The client with these changes in it.
 * @param folder for its code; whoever made it removes it
 */
export async function buildClient(
  name: string,
  edits: readonly Edit[],
  folder: string,
): Promise<BuiltClient> {
  const changed = new Map<string, string>();
  for (const { file, find, plant } of edits) {
    const where = path.join(SOURCES, file);
    const text = changed.get(where) ?? fs.readFileSync(where, 'utf8');
    const times = text.split(find).length - 1;
    if (times !== 1) throw new Error(`"${name}": its place in ${file} is there ${times} times: ${find}`);
    changed.set(
      where,
      text.replace(find, () => plant),
    );
  }
  const used = new Set<string>();
  const plugin: Plugin = {
    name: 'plant',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const contents = changed.get(file);
        if (contents === undefined) return undefined;
        used.add(file);
        return { contents, loader: 'ts' };
      });
    },
  };
  const outfile = path.join(folder, `${name.replaceAll(/\W+/g, '-')}.cjs`);
  await build({
    stdin: {
      contents: "export * from './index.ts'; export { default as debug } from 'debug';",
      resolveDir: SOURCES,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    plugins: [plugin],
  });
  if (used.size !== changed.size) throw new Error(`"${name}" is not part of the client`);
  return require(outfile) as BuiltClient;
}
