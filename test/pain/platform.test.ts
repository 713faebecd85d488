/** Where the package runs: installed, bundled, in worker threads, with Node's strictest flags. What is tested is the build. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isBuiltin } from 'node:module';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing.js';
import { ROOT, assertBuilt, filesBelow, readManifest, runNode } from '../package/support.js';

/** In the repository, so that `zk-conn` is the package around it. */
const FOLDER = path.join(ROOT, '.tmp', 'pain-platform');

beforeAll(() => {
  assertBuilt();
  fs.rmSync(FOLDER, { recursive: true, force: true });
  fs.mkdirSync(FOLDER, { recursive: true });
});

afterAll(() => fs.rmSync(FOLDER, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = path.join(FOLDER, name);
  fs.writeFileSync(file, text);
  return file;
}

/** A life of a Conn: every kind of call, a watch, an expiry, an end. Takes its server from the environment. */
const STORY = `
  const conn = await connect(process.env.ZK);
  const root = await conn.create('/story-', null, { mode: 'PERSISTENT_SEQUENTIAL' });
  await conn.ensurePath(root + '/a/b');
  const { watch } = await conn.getW(root + '/a');
  await conn.set(root + '/a', 'x');
  const event = await watch.event;
  const { data } = await conn.get(root + '/a');
  await conn.multi([op.create(root + '/m', 'm'), op.delete(root + '/m')]);
  await conn.addAuth('digest', 'a:b');
  const missing = await conn.get(root + '/none').catch((error) => error);
  await conn.deleteRecursive(root);
  const { confirmed } = await conn.close();
  const said = [event.type, String(data), missing instanceof NoNodeError, confirmed].join(' ');
`;
const SAID = 'NodeDataChanged x true true';
const IMPORT = "import { NoNodeError, connect, op } from 'zk-conn';\n";

let server: MiniServer;

beforeAll(async () => {
  server = await MiniServer.start();
});

afterAll(() => server.close());

const FLAGS = ['--throw-deprecation', '--pending-deprecation', '--trace-warnings'];

describe('what Node has deprecated', () => {
  it.each([
    ['mjs', `${IMPORT}${STORY}console.log(said);`],
    [
      'cjs',
      `const { NoNodeError, connect, op } = require('zk-conn');\n(async () => {${STORY}console.log(said);})();`,
    ],
  ])('is not used: the strictest flags change nothing (%s) [F5]', async (ending, text) => {
    const env = { ZK: server.connectString };
    const { code, stdout, stderr } = await runNode([...FLAGS, write(`story.${ending}`, text)], { env });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${SAID}\n`, stderr: '' });
  });

  it('is not used by the mini-server either [F5]', async () => {
    const text = `${IMPORT}import { MiniServer } from 'zk-conn/testing';
      const server = await MiniServer.start();
      process.env.ZK = server.connectString;
      ${STORY}
      await server.close();
      console.log(said);`;
    const { code, stdout, stderr } = await runNode([...FLAGS, write('server.mjs', text)]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${SAID}\n`, stderr: '' });
  });
});

/** What a bundle of ES modules needs for its CommonJS parts, us and \`debug\`; every user of esbuild knows it. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

describe('a bundle in one file', () => {
  it.each([
    ['cjs', 'cjs', ''],
    ['esm', 'mjs', REQUIRE],
  ] as const)(
    'of the format %s runs alone, and requires only what Node has [F5]',
    async (format, ending, banner) => {
      const entry = write('entry.mjs', `${IMPORT}void (async () => {${STORY}console.log(said);})();`);
      const outfile = path.join(FOLDER, 'bundle', `bundle.${ending}`);
      const { metafile } = await build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        platform: 'node',
        target: 'node20',
        format,
        banner: { js: banner },
        metafile: true,
        logLevel: 'silent',
      });
      // everything is in it but the modules of Node, and an optional module of debug's which it does without
      const outside = Object.values(metafile.outputs).flatMap(({ imports }) =>
        imports.map(({ path: name }) => name),
      );
      expect(outside.filter((name) => !isBuiltin(name) && name !== 'supports-color')).toEqual([]);
      // where no node_modules can be found
      const alone = fs.mkdtempSync(path.join(fs.realpathSync('/tmp'), 'zk-conn-bundle-'));
      try {
        const file = path.join(alone, `bundle.${ending}`);
        fs.copyFileSync(outfile, file);
        const { code, stdout, stderr } = await runNode([...FLAGS, file], {
          cwd: alone,
          env: { ZK: server.connectString },
        });
        expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${SAID}\n`, stderr: '' });
      } finally {
        fs.rmSync(alone, { recursive: true, force: true });
      }
    },
  );
});

describe('worker threads', () => {
  it('two of them and the main thread have a Conn each, and a terminated one leaves no hang [F4]', async () => {
    const story = write(
      'worker.mjs',
      `import { parentPort, workerData } from 'node:worker_threads';
      ${IMPORT}
      ${STORY}
      parentPort.postMessage(said);
      if (workerData === 'stays') {
        // in the middle of everything: a Conn with calls under way, and one that cannot connect
        const busy = await connect(process.env.ZK);
        setInterval(() => busy.get('/').catch(() => undefined), 1);
        connect('127.0.0.1:1', { sessionTimeoutMs: 60000 }).catch(() => undefined);
        await busy.get('/');
        parentPort.postMessage('busy');
      }`,
    );
    const main = write(
      'main.mjs',
      `import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      ${IMPORT}
      const leaves = new Worker(${JSON.stringify(story)}, { workerData: 'leaves' });
      const stays = new Worker(${JSON.stringify(story)}, { workerData: 'stays' });
      const heard = [once(leaves, 'message'), once(stays, 'message')];
      const gone = once(leaves, 'exit');
      ${STORY}
      const all = [said, ...(await Promise.all(heard)).map(([text]) => text)];
      const [code] = await gone;
      await once(stays, 'message');
      await stays.terminate();
      // the main thread is none the worse for it
      const again = await connect(process.env.ZK);
      await again.get('/');
      await again.close();
      console.log(JSON.stringify([all, code]));`,
    );
    const { code, stdout, stderr } = await runNode([...FLAGS, main], { env: { ZK: server.connectString } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual([[SAID, SAID, SAID], 0]);
  });
});

describe('native code', () => {
  it('is in none of the packages that come with it, nor is a script that would build any [F1] [F3]', () => {
    const seen = new Set<string>();
    const look = (name: string): void => {
      if (seen.has(name)) return;
      seen.add(name);
      const folder = path.join(ROOT, 'node_modules', name);
      const files = filesBelow(folder);
      expect(files.filter((file) => /\.(node|gyp|gypi|c|cc|cpp|wasm|so|dll|dylib)$/.test(file))).toEqual([]);
      const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
        gypfile?: boolean;
        scripts?: Record<string, string>;
        dependencies?: Record<string, string>;
        os?: unknown;
        cpu?: unknown;
      };
      expect(manifest.gypfile ?? false, name).toBe(false);
      expect([manifest.os, manifest.cpu]).toEqual([undefined, undefined]);
      for (const script of ['preinstall', 'install', 'postinstall'])
        expect(manifest.scripts ?? {}, name).not.toHaveProperty(script);
      Object.keys(manifest.dependencies ?? {}).forEach(look);
    };
    const own = readManifest();
    Object.keys(own.dependencies).forEach(look);
    expect([...seen].sort()).toEqual(['debug', 'eventemitter3', 'ms', 'p-queue', 'p-timeout']);
    expect(own).not.toHaveProperty('gypfile');
    expect(filesBelow(path.join(ROOT, 'src')).filter((file) => !file.endsWith('.ts'))).toEqual([]);
  });
});

describe('a program that has closed its Conn', () => {
  it('ends by itself, whatever it did before [E9]', async () => {
    const text = `${IMPORT}${STORY}
      const idle = await connect(process.env.ZK);
      await idle.getW('/');
      await idle.close();
      const lost = await connect('127.0.0.1:1,localhost:1', { sessionTimeoutMs: 50 }).catch((error) => error.code);
      console.log(said, lost);`;
    const { code, stdout, stderr } = await runNode([write('ends.mjs', text)], {
      env: { ZK: server.connectString },
    });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${SAID} ZK_NO_SERVER\n`, stderr: '' });
  });

  it('or has told it not to keep the process: then an answer that is under way is still waited for [E9]', async () => {
    const text = `${IMPORT}
      const conn = await connect(process.env.ZK);
      conn.unref();
      conn.get('/').then(() => console.log('answered'));
      process.on('exit', () => console.log('exit', conn.state));`;
    const { code, stdout, stderr } = await runNode([write('unref.mjs', text)], {
      env: { ZK: server.connectString },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'answered\nexit SyncConnected\n',
      stderr: '',
    });
  });
});
