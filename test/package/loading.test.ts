/** What the build loads when it is loaded, and what when it is used. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, assertBuilt, runNode } from './support.js';

const SCRATCH = path.join(ROOT, '.tmp', `loading-${process.pid}`);

beforeAll(() => {
  assertBuilt();
  fs.mkdirSync(SCRATCH, { recursive: true });
});
afterAll(() => fs.rmSync(SCRATCH, { recursive: true, force: true }));

/** Modules of Node that are slow to load, and that a program without TLS, HTTP and SASL has no use for. */
const SLOW = /^(net|tls|dns|dns\/promises|http|https|zlib|crypto|stream|tty|os|fs\/promises|child_process)$/;

describe.each([
  ['import', 'mjs', (name: string) => `await import('${name}')`],
  ['require', 'cjs', (name: string) => `require('${name}')`],
] as const)('the build, by %s,', (_how, ending, load) => {
  const run = async (name: string, text: string): Promise<{ stdout: string; stderr: string }> => {
    const file = path.join(SCRATCH, `${name}.${ending}`);
    fs.writeFileSync(file, text);
    const { code, stdout, stderr } = await runNode([file]);
    expect(code, stderr).toBe(0);
    return { stdout, stderr };
  };

  it('loads neither a slow module of Node nor a package before it is used', async () => {
    const { stdout, stderr } = await run(
      'quiet',
      `const { createRequire } = process.getBuiltinModule('node:module');
       const { cache } = createRequire(process.cwd() + '/');
       const loaded = () => [
         ...process.moduleLoadList.filter((name) => /^NativeModule /.test(name)).map((name) => name.slice(13)),
         ...Object.keys(cache).map((file) => /node_modules.(?:zk-conn.node_modules.)?([\\w-]+)/.exec(file)?.[1]),
       ];
       const before = loaded();
       const { Conn, digestId } = ${load('zk-conn')};
       const atOnce = loaded();
       digestId('user:password');
       const hashed = loaded();
       void new Conn('127.0.0.1:1').close();
       const made = loaded();
       console.log(JSON.stringify([before, atOnce, hashed, made]));`,
    );
    expect(stderr).toBe('');
    const steps = JSON.parse(stdout) as (string | null)[][];
    const [before = [], atOnce = [], hashed = [], made = []] = steps.map((names) =>
      names.filter((name) => name !== null),
    );
    // nothing of them is there for another reason
    expect(before.filter((name) => SLOW.test(name))).toEqual([]);
    expect(atOnce.filter((name) => SLOW.test(name))).toEqual([]);
    expect(atOnce).not.toContain('debug');
    expect(atOnce).not.toContain('eventemitter3');
    expect(hashed).toContain('crypto');
    expect(made).toContain('debug');
    expect(made).toContain('eventemitter3');
  });

  it('has its classes and functions by their names', async () => {
    const { stdout } = await run(
      'names',
      `const modules = [${load('zk-conn')}, ${load('zk-conn/testing')}];
       const wrong = modules.flatMap((each) =>
         Object.entries(each).filter(([key, value]) => typeof value === 'function' && value.name !== key));
       const { MiniServer } = modules[1];
       void (async () => { const server = await MiniServer.start();
       const conn = await modules[0].connect(server.connectString);
       const { stat } = await conn.get('/');
       await conn.close();
       await server.close();
       console.log(JSON.stringify([wrong.map(([key]) => key), stat.constructor.name])); })();`,
    );
    expect(JSON.parse(stdout)).toEqual([[], 'Stat']);
  });

  it('heeds debug.enable() of a program that calls it after it has loaded us, and used us', async () => {
    const { stderr } = await run(
      'debug',
      `const { Conn } = ${load('zk-conn')};
       const loaded = ${load('debug')};
       const debug = loaded.default ?? loaded;
       void new Conn('127.0.0.1:1').close();
       debug.enable('zk-conn:session');
       void new Conn('127.0.0.1:2').close();
       debug.disable();
       void new Conn('127.0.0.1:3').close();`,
    );
    expect(stderr).toMatch(/zk-conn:session/);
    expect(stderr.split('\n').filter((line) => line.includes('Closed'))).toHaveLength(1);
  });
});
