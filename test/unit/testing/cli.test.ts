import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFrames } from '../../../src/testing/cli-log.js';
import { EXIT, runCli, type CliHost } from '../../../src/testing/cli-main.js';
import { connect, op } from '../../../src/index.js';
import { MiniServer } from '../../../src/testing/mini-server.js';
import type { Snapshot } from '../../../src/testing/snapshot.js';
import { makeCertificates } from '../../support/certificates.js';
import { firstFailure } from '../../support/first-failure.js';
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
    [['--log', 'everything'], '--log must be frames'],
    [['--emulate', '2.0'], 'emulate must be'],
    [['--tls-key', 'key.pem'], 'need --tls'],
    [['--secure-port', '0'], 'need --tls'],
    [['--secure-port', 'x'], '--secure-port must be a number'],
    [['--tls', '/does/not/exist.pem'], '/does/not/exist.pem'],
    [['--tls', 'package.json'], 'tls: '],
    [['--data', '/does/not/exist/data.json'], '/does/not/exist/data.json'],
    [['--data', ''], '--data must be the name of a file'],
    [['--data', 'README.md'], 'README.md is no JSON: '],
    [['--data', 'package.json'], 'package.json: the snapshot cannot be used: '],
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
    expect(code).toBe(EXIT.FAILED);
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

  it('says which properties have no effect', async () => {
    const properties = ['-D', 'enforceQuota=true', '-D', 'zookeeper.jute.maxbuffer=5000'];
    const without = await run(['--port', '0', ...properties, '-D', 'tickTime=500', '-D', 'snapCount=5']);
    expect(without.err.split('\n')).toEqual([
      'zk-mini-server: note: -D tickTime: it has no effect here, or not without --config',
      'zk-mini-server: note: -D snapCount: it has no effect here, or not without --config',
      '',
    ]);
    const file = await config('clientPort=0\nsnapCount=5\n');
    const beside = await run(['--config', file, '-D', 'tickTime=500', '-D', 'snapCount=5']);
    expect(beside.err).toBe('zk-mini-server: note: -D snapCount: it has no effect here\n');
    expect([without.code, beside.code]).toEqual([EXIT.OK, EXIT.OK]);
  });

  it('emulates a release', async () => {
    const { code } = await run(['--port', '0', '--emulate', '3.8'], async (port) => {
      expect(await fourLetterWord({ port }, 'srvr')).toContain('Zookeeper version: 3.8.0');
    });
    expect(code).toBe(EXIT.OK);
  });

  describe('--data', () => {
    it('is written at the end, whole or not at all, and loaded at the next start', async () => {
      const file = join(folder, 'data.json');
      const first = await run(['--port', '0', '--data', file], async (port) => {
        const conn = await connect(`127.0.0.1:${port}`);
        await conn.create('/kept', 'one');
        await conn.create('/gone', null, { mode: 'EPHEMERAL' });
      });
      expect(first).toMatchObject({ code: EXIT.OK, err: '' });
      const { nodes, sessions } = JSON.parse(await readFile(file, 'utf8')) as Snapshot;
      expect(nodes.find(({ path }) => path === '/kept')?.text).toBe('one');
      expect(nodes.map(({ path }) => path)).not.toContain('/gone');
      expect(sessions).toBeUndefined();

      const link = join(folder, 'link.json');
      await symlink(file, link);
      const second = await run(['--port', '0', '--data', link], async (port) => {
        await using conn = await connect(`127.0.0.1:${port}`);
        expect(String((await conn.get('/kept')).data)).toBe('one');
        await conn.set('/kept', 'two');
      });
      expect(second).toMatchObject({ code: EXIT.OK, err: '' });
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
      expect(await readFile(file, 'utf8')).toContain('"text": "two"');
      expect((await readdir(folder)).filter((name) => name.includes('tmp'))).toEqual([]);
    });

    it('keeps the mode of its file, and nobody else may read a new one', async () => {
      const mode = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;
      const file = join(folder, 'modes.json');
      expect((await run(['--port', '0', '--data', file])).code).toBe(EXIT.OK);
      expect(await mode(file)).toBe(0o600);
      // also none that the umask would take away
      for (const each of [0o640, 0o666, 0o400]) {
        await chmod(file, each);
        expect((await run(['--port', '0', '--data', file])).code).toBe(EXIT.OK);
        expect(await mode(file)).toBe(each);
      }
    });

    it('is written where a link leads to, also if nothing is there yet', async () => {
      const [far, near, back] = ['far', 'near', 'back'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await mkdir(far);
      await symlink('far/there.json', near);
      await symlink(near, back);
      expect((await run(['--port', '0', '--data', back])).code).toBe(EXIT.OK);
      for (const link of [near, back]) expect((await lstat(link)).isSymbolicLink()).toBe(true);
      expect(await readdir(far)).toEqual(['there.json']);

      const nowhere = join(folder, 'nowhere');
      await symlink('no/such/folder.json', nowhere);
      const { code, err } = await run(['--port', '0', '--data', nowhere]);
      expect([code, err]).toEqual([
        EXIT.USAGE,
        expect.stringMatching(/^zk-mini-server: cannot write to the folder of .*nowhere: ENOENT.*\n$/),
      ]);
      const round = join(folder, 'round');
      await symlink('round', round);
      expect((await run(['--port', '0', '--data', round])).code).toBe(EXIT.USAGE);
    });

    it('says in one line that it could not be written, and leaves no half of it', async () => {
      const place = join(folder, 'place');
      await mkdir(place);
      const file = join(place, 'data.json');
      const { code, err } = await run(['--port', '0', '--data', file], async () => {
        await rm(place, { recursive: true });
      });
      expect(code).toBe(EXIT.FAILED);
      expect(err).toMatch(/^zk-mini-server: cannot write .*data\.json: ENOENT.*\n$/);
    });
  });

  it('speaks TLS, and asks for certificates if it is told who signs them', async () => {
    using files = makeCertificates();
    const [both, key, ca] = ['both.pem', 'key.pem', 'ca.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(both, files.server.cert + files.server.key);
    await writeFile(key, files.server.key);
    await writeFile(ca, files.ca);
    const plain = await run(['--port', '0', '--tls', both], async (port) => {
      await using conn = await connect(`127.0.0.1:${port}`, { tls: { ca: files.ca } });
      await conn.create('/secure');
    });
    expect(plain).toMatchObject({ code: EXIT.OK, err: '' });
    const two = await run(['--port', '0', '--tls', both, '--secure-port', '0'], async (securePort) => {
      await using conn = await connect(`127.0.0.1:${securePort}`, { tls: { ca: files.ca } });
      await conn.create('/secure');
    });
    expect(two.out).toMatch(/^zk-mini-server listening on 127\.0\.0\.1:\d+, with TLS on 127\.0\.0\.1:\d+\n$/);
    expect(two).toMatchObject({ code: EXIT.OK, err: '' });
    const certificate = { ca: files.ca, cert: files.client.cert, key: files.client.key };
    const mutual = ['--port', '0', '--tls', files.server.certFile, '--tls-key', key, '--tls-ca', ca];
    const known = await run(mutual, async (port) => {
      await using conn = await connect(`127.0.0.1:${port}`, { tls: certificate });
      expect((await conn.whoAmI()).map(({ scheme }) => scheme)).toContain('x509');
      const refused = await firstFailure(`127.0.0.1:${port}`, { tls: { ca: files.ca } });
      // Node's server may hang up before it has said so
      expect(String(refused)).toMatch(/certificate (required|of ours)/);
    });
    expect(known).toMatchObject({ code: EXIT.OK, err: '' });
  });

  it('writes a line for each frame with --log frames, and no secret', async () => {
    const { code, out } = await run(['--port', '0', '--log', 'frames'], async (port) => {
      await using conn = await connect(`127.0.0.1:${port}`, {
        auth: [{ scheme: 'digest', auth: 'a:hunter2' }],
      });
      const { watch } = await conn.existsW('/a');
      await conn.create('/a', 'hunter2');
      await watch.event;
      await conn.get('/nobody').catch(() => undefined);
    });
    expect(code).toBe(EXIT.OK);
    expect(out).not.toContain('hunter2');
    const lines = out.split('\n').map((line) => line.replace(/^\d+\.\d{3} /, ''));
    const has = (pattern: RegExp): void =>
      expect(
        lines.some((line) => pattern.test(line)),
        out,
      ).toBe(true);
    has(/^#1 > handshake .*session 0x0 \d+ bytes$/);
    has(/^#1 > request auth xid -4 \d+ bytes$/);
    has(/^#1 > request create \/a xid \d+ \d+ bytes$/);
    has(/^#1 < reply create \/a xid \d+ zxid 0x[0-9a-f]+ \d+ bytes$/);
    has(/^#1 < notification NodeCreated \/a /);
    has(/^#1 < reply getData \/nobody xid \d+ zxid 0x[0-9a-f]+ NoNode \d+ bytes$/);
  });

  it('loses no line when more frames come at once than the log keeps', async () => {
    await using server = await MiniServer.start({ log: true, logCapacity: 2 });
    let out = '';
    writeFrames(server.log, (text) => (out += text));
    await using conn = await connect(server.connectString, { dialer: server.dialer });
    const paths = Array.from({ length: 50 }, (_, i) => `/n${i}`);
    const watches = await Promise.all(paths.map((path) => conn.existsW(path)));
    await conn.multi(paths.map((path) => op.create(path)));
    await Promise.all(watches.map(({ watch }) => watch.event));
    expect(out.match(/< notification NodeCreated/g)).toHaveLength(paths.length);
    expect(out.match(/< reply exists/g)).toHaveLength(paths.length);
  });
});
