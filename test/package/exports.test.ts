/** What the package exports, by name: nothing is added or taken away unseen. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as index from '../../src/index.js';
import * as testing from '../../src/testing.js';
import { ROOT, assertBuilt, compile, compilerOptions, runNode } from './support.js';

const names = (module: object): string[] => Object.keys(module).sort();

describe('the exports', () => {
  it.each([
    ['zk-conn', index],
    ['zk-conn/testing', testing],
  ])('of %s: an error has its name whatever a bundler calls its class', (_entry, module) => {
    const classes = Object.entries<unknown>({ ...module }).filter(
      (each): each is [string, typeof index.ZkError] =>
        /Error$/.test(each[0]) && typeof each[1] === 'function',
    );
    expect(classes.length).toBeGreaterThan(4);
    for (const [name, each] of classes) {
      const before = Object.getOwnPropertyDescriptor(each, 'name')!;
      Object.defineProperty(each, 'name', { ...before, value: '$' });
      try {
        const fields = { outcome: 'rejected' } as const;
        const error = Reflect.construct(index.ZkError, ['ZK_X', 'text', fields], each) as Error;
        expect(error.name).toBe(name);
      } finally {
        Object.defineProperty(each, 'name', before);
      }
    }
  });

  it("of 'zk-conn'", () => {
    expect(names(index)).toMatchInlineSnapshot(`
      [
        "ANY_VERSION",
        "AddWatchMode",
        "AuthFailedError",
        "BadArgumentsError",
        "BadVersionError",
        "CREATOR_ALL_ACL",
        "CommandError",
        "CommandRefusedError",
        "Conn",
        "ConnClosedError",
        "ConnectTimeoutError",
        "ConnectionError",
        "ConnectionLossError",
        "CreateMode",
        "DataInconsistencyError",
        "DecodeError",
        "DnsSrvHostProvider",
        "EphemeralOnLocalSessionError",
        "Errno",
        "FrameTooLargeError",
        "HandshakeError",
        "InvalidAclError",
        "InvalidArgumentError",
        "InvalidCallbackError",
        "InvalidConnectStringError",
        "InvalidOptionError",
        "InvalidPathError",
        "KeeperError",
        "LinkError",
        "MarshallingError",
        "MultiError",
        "NewConfigNoQuorumError",
        "NoAuthError",
        "NoChildrenForEphemeralsError",
        "NoNodeError",
        "NoServerError",
        "NoWatcherError",
        "NodeExistsError",
        "NotEmptyError",
        "NotReadOnlyError",
        "NotServingError",
        "OPEN_ACL_UNSAFE",
        "OperationTimeoutError",
        "Perms",
        "ProtocolError",
        "QueueFullError",
        "QuotaExceededError",
        "READ_ACL_UNSAFE",
        "ReadTimeoutError",
        "ReconfigDisabledError",
        "ReconfigInProgressError",
        "RequestTimeoutError",
        "RequestTooLargeError",
        "ResponseTooLargeError",
        "RoundRobinHostProvider",
        "RuntimeInconsistencyError",
        "SaslError",
        "SessionClosedRequireSaslAuthError",
        "SessionError",
        "SessionExpiredError",
        "SessionMovedError",
        "SystemError",
        "ThrottledOpError",
        "TlsError",
        "UnimplementedError",
        "UnknownSessionError",
        "UnsupportedError",
        "UsageError",
        "WatchClosedError",
        "WatcherType",
        "XidMismatchError",
        "ZkError",
        "adminCommand",
        "askServer",
        "baseName",
        "compress",
        "connect",
        "decompress",
        "digestAcl",
        "digestId",
        "digestMd5",
        "exponentialBackoff",
        "fourLetterWord",
        "gssapi",
        "isRetryable",
        "joinPath",
        "noRetry",
        "op",
        "parentPath",
        "parseConfig",
        "retry",
        "sequenceOf",
        "serverVersion",
        "tcpDialer",
        "tlsDialer",
        "untilElapsed",
      ]
    `);
  });

  it("of 'zk-conn/testing'", () => {
    expect(names(testing)).toMatchInlineSnapshot(`
      [
        "FaultProxy",
        "ImportError",
        "ListenError",
        "MiniEnsemble",
        "MiniServer",
        "MiniServerError",
        "SnapshotError",
        "VirtualClock",
        "VirtualTimeError",
        "WaitTimeoutError",
        "importTree",
      ]
    `);
  });

  it('are no defaults', () => {
    expect([...names(index), ...names(testing)]).not.toContain('default');
  });

  it('are errors whose name is that of their class', () => {
    for (const [name, value] of Object.entries(index)) {
      if (typeof value !== 'function' || !(value.prototype instanceof Error)) continue;
      expect((value as { name: string }).name).toBe(name);
      expect(value.prototype instanceof index.ZkError || value === index.ZkError, name).toBe(true);
    }
    expect(testing.ListenError.prototype).toBeInstanceOf(index.ZkError);
  });
});

describe('the build', () => {
  beforeAll(assertBuilt);

  const forms: [string, string[], string][] = [
    ['ESM', ['--input-type=module'], 'await import'],
    ['CommonJS', ['--input-type=commonjs'], 'require'],
  ];

  describe.each(forms)('as %s', (_form, flags, load) => {
    const evaluate = (code: string): Promise<string> =>
      runNode([...flags, '--eval', code]).then(({ code: exit, stdout, stderr }) => {
        expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
        return stdout;
      });

    it('exports the same names as the sources', async () => {
      const shown = await evaluate(
        `const all = [${load}('zk-conn'), ${load}('zk-conn/testing')];` +
          'console.log(JSON.stringify(all.map((module) => Object.keys(module).sort())))',
      );
      expect(JSON.parse(shown)).toEqual([names(index), names(testing)]);
    });

    it('has error classes that keep their names, and are the same ones in both entries', async () => {
      const shown = await evaluate(
        `const a = ${load}('zk-conn'), t = ${load}('zk-conn/testing');
         const wrong = Object.keys(a).filter((n) => /Error$/.test(n) && a[n].name !== n);
         const error = new a.InvalidPathError('x');
         t.MiniServer.start({ bogus: 1 }).catch((refusal) => console.log(JSON.stringify([
           wrong, error.name, refusal instanceof a.InvalidOptionError, refusal.name,
           t.ListenError.prototype instanceof a.ZkError, a.ZkError.is(refusal)])));`,
      );
      expect(JSON.parse(shown)).toEqual([[], 'InvalidPathError', true, 'InvalidOptionError', true, true]);
    });

    it('runs the code that needs p-queue', async () => {
      const shown = await evaluate(
        `const a = ${load}('zk-conn'), t = ${load}('zk-conn/testing');
         (async () => {
           const server = await t.MiniServer.start();
           const conn = await a.connect(server.connectString);
           await conn.ensurePath('/a/b/c');
           await conn.deleteRecursive('/a');
           console.log(await conn.exists('/a'), (await conn.close()).confirmed);
           await server.close();
         })();`,
      );
      expect(shown).toBe('null true\n');
    });
  });

  it.each(['mts', 'cts'])('has types that show as values what is one, and nothing else (%s)', (ending) => {
    const file = `.tmp/exports-${process.pid}/names.${ending}`;
    const record = (all: string[]): string =>
      JSON.stringify(Object.fromEntries(all.map((name) => [name, true])));
    fs.mkdirSync(path.dirname(path.join(ROOT, file)), { recursive: true });
    fs.writeFileSync(
      path.join(ROOT, file),
      `import type * as index from 'zk-conn';\nimport type * as testing from 'zk-conn/testing';\n` +
        `export const a: Record<keyof typeof index, true> = ${record(names(index))};\n` +
        `export const b: Record<keyof typeof testing, true> = ${record(names(testing))};\n`,
    );
    try {
      // so that a .cts may be written with `import` and `export`
      const options = { ...compilerOptions('tsconfig.json'), verbatimModuleSyntax: false };
      expect(compile([file], options)).toEqual([]);
    } finally {
      fs.rmSync(path.dirname(path.join(ROOT, file)), { recursive: true });
    }
  });

  it('is one copy for both formats: errors and servers of the one are instances of classes of the other [E3]', async () => {
    const { stdout } = await runNode([
      '--input-type=module',
      '--eval',
      `import * as esm from 'zk-conn';
       import * as testing from 'zk-conn/testing';
       import { createRequire } from 'node:module';
       const require = createRequire(process.cwd() + '/');
       const cjs = require('zk-conn');
       const error = new cjs.InvalidPathError('x');
       const same = [[esm, cjs], [testing, require('zk-conn/testing')]].map(([a, b]) =>
         Object.keys(a).every((name) => a[name] === b[name]));
       console.log(error instanceof esm.ZkError, esm.ZkError.is(error), ...same);`,
    ]);
    expect(stdout).toBe('true true true true\n');
  });

  it.each(['zk-conn', 'zk-conn/testing'])(
    "leaves nothing behind that keeps a process alive: import('%s')",
    async (name) => {
      const { code, signal, stdout, stderr } = await runNode(['--eval', `import('${name}')`]);
      expect({ code, signal, stdout, stderr }).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    },
  );

  it('touches neither the globals nor the process', async () => {
    const { stdout } = await runNode([
      '--input-type=module',
      '--eval',
      `const look = () => JSON.stringify([Reflect.ownKeys(globalThis).length, process.eventNames(), process.exitCode]);
       const before = look();
       await import('zk-conn');
       await import('zk-conn/testing');
       console.log(look() === before);`,
    ]);
    expect(stdout).toBe('true\n');
  });
});
