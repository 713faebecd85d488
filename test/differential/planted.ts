/** Mini-servers with a bug: their sources are bundled anew, with another text in one of them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Bug } from './bugs.js';
import type { Starts } from './targets.js';

const SOURCES = path.resolve(import.meta.dirname, '../../src/testing');

function sources(): readonly { readonly file: string; readonly text: string }[] {
  const names = fs.readdirSync(SOURCES).filter((name) => name.endsWith('.ts'));
  return names.map((name) => {
    const file = path.join(SOURCES, name);
    return { file, text: fs.readFileSync(file, 'utf8') };
  });
}

/** The mini-server with the bug in it. @param folder for its code; whoever made it removes it */
export async function planted({ bug, find, plant }: Bug, folder: string): Promise<Starts> {
  const places = sources().filter(({ text }) => text.includes(find));
  const [place] = places;
  if (place === undefined || places.length > 1 || place.text.split(find).length > 2) {
    throw new Error(`"${bug}": its place is there ${places.length} times: ${find}`);
  }
  const { file, text } = place;
  const plugin: Plugin = {
    name: 'plant',
    setup: ({ onLoad }) => {
      onLoad({ filter: /\.ts$/ }, (args) =>
        args.path === file ? { contents: text.replace(find, () => plant), loader: 'ts' } : undefined,
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
