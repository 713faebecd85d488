import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, runCli, type CliHost } from '../../../src/testing/cli-main.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import { fourLetterWord, RawClient } from '../../support/raw-client.js';

/** Runs the command; while it serves, `during` is called with its port, then it is asked to end. */
async function run(argv: string[], during: (port: number) => Promise<void> = async () => undefined) {
  let out = '';
  let err = '';
  const host: CliHost = {
    version: '9.9.9',
    out: (text) => (out += text),
    err: (text) => (err += text),
    stopped: async () => {
      await Promise.resolve();
      await during(Number(/listening on .*:(\d+)\n$/.exec(out)?.[1]));
    },
  };
  return { code: await runCli(argv, host), out, err };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zk-mini-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function config(text: string): Promise<string> {
  const path = join(folder, `${String(Math.random())}.cfg`);
  await writeFile(path, text);
  return path;
}

describe('zk-mini-server', () => {
  it('serves until it is asked to end', async () => {
    const { code, out, err } = await run(['--port', '0'], async (port) => {
      const client = await RawClient.open({ port });
      expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
      client.destroy();
    });
    expect([code, err]).toEqual([EXIT.OK, '']);
    expect(out).toMatch(/^zk-mini-server listening on 127\.0\.0\.1:\d+\n$/);
  });

  it('prints help and version', async () => {
    expect((await run(['--help'])).out).toContain('--config');
    expect(await run(['--version'])).toEqual({ code: EXIT.OK, out: '9.9.9\n', err: '' });
  });

  it.each([
    [['--nope'], '--nope'],
    [['extra'], 'extra'],
    [['--port', 'x'], '--port'],
    [['--port', '65536'], '--port'],
    [['--config', '/does/not/exist'], '/does/not/exist'],
    [['--property', 'novalue'], 'key=value'],
    [['--property', 'jute.maxbuffer=x'], 'jute.maxbuffer'],
  ])('%j ends with one line and code 2', async (argv, word) => {
    const { code, out, err } = await run(argv);
    expect([code, out]).toEqual([EXIT.USAGE, '']);
    expect(err).toMatch(/^zk-mini-server: .*\n$/);
    expect(err).toContain(word);
  });

  it('says in one line that the port is in use', async () => {
    const other = await MiniServer.start();
    const { code, err } = await run(['--port', String(other.port)]);
    await other.close();
    expect(code).toBe(EXIT.CANNOT_LISTEN);
    expect(err).toMatch(/^zk-mini-server: .*in use\n$/);
  });

  it('takes a zoo.cfg, with the defaults of a real server', async () => {
    const path = await config('clientPort=0\nclientPortAddress=127.0.0.1\ntickTime=1500\nserver.1=h:1:2\n');
    const { code, err } = await run(['--config', path, '-D', 'extendedTypesEnabled=true'], async (port) => {
      expect(await fourLetterWord({ port }, 'ruok')).toBe(
        'ruok is not executed because it is not in the whitelist.\n',
      );
      expect(await fourLetterWord({ port }, 'srvr')).toContain('Mode: standalone');
      const client = await RawClient.connect({ port });
      expect((await client.handshake({ timeOut: 1 }))?.timeOut).toBe(3000);
      client.destroy();
    });
    expect(code).toBe(EXIT.OK);
    expect(err).toMatch(/^zk-mini-server: note: server\.1: .*standalone\n$/);
  });

  it('refuses a zoo.cfg with a bad value', async () => {
    const { code, err } = await run(['--config', await config('tickTime=soon\n')]);
    expect(code).toBe(EXIT.USAGE);
    expect(err).toContain('tickTime');
  });
});
