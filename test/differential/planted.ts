/** Mini-servers with a bug: their sources are bundled anew, with another text in one of them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Bug } from './bugs.js';
import type { Starts } from './targets.js';

const SOURCES = path.resolve(import.meta.dirname, '../../src/testing');

/** The mini-server with the bug in it. @param folder for its code; whoever made it removes it */
export async function planted({ bug, file, find, plant }: Bug, folder: string): Promise<Starts> {
  const source = path.join(SOURCES, file);
  const text = fs.readFileSync(source, 'utf8');
  const found = text.split(find).length - 1;
  if (found !== 1) throw new Error(`"${bug}": its place in ${file} is there ${found} times`);
  const plugin: Plugin = {
    name: 'plant',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, (args) =>
        args.path === source ? { contents: text.replace(find, () => plant), loader: 'ts' } : undefined,
      );
    },
  };
  const outfile = path.join(folder, `${bug.replaceAll(/\W+/g, '-')}.mjs`);
  await build({
    entryPoints: [path.join(SOURCES, 'mini-server.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
    plugins: [plugin],
  });
  const module = (await import(pathToFileURL(outfile).href)) as {
    readonly MiniServer: { readonly start: Starts };
  };
  return (options) => module.MiniServer.start(options);
}
