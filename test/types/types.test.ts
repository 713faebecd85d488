/**
 * The types that users meet. `expectTypeOf` is checked by the compiler alone, so this file is compiled here too: by the
 * last test, which also has the files of must-not-compile/ refused, on the sources and on what was built of them.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import {
  CreateMode,
  Perms,
  connect,
  op,
  parseConfig,
  type Acl,
  type AclResult,
  type CallableOpName,
  type ChildrenResult,
  type CloseResult,
  type ClosedReason,
  type Conn,
  type ConnEvents,
  type CallOptions,
  type ConnOptions,
  type ConnWarning,
  type ConnectErrorEvent,
  type ConnectionState,
  type Created,
  type CreatedInMulti,
  type EnsembleConfig,
  type ErrorName,
  type GetResult,
  type Identity,
  type KeeperState,
  type Operation,
  type Outcome,
  type ReconfigChange,
  type ResultsOf,
  type SessionChange,
  type Stat,
  type StateEvent,
  type Transaction,
  type Watch,
  type WatchEvent,
  type WatcherType,
  type ZkError,
  type ZnodeData,
} from '../../src/index.js';
import type { MiniServer, MiniServerOptions, SessionView } from '../../src/testing.js';
import { ROOT, SOURCE_PATHS, assertBuilt, compile, compilerOptions, filesBelow } from '../package/support.js';

describe('reading', () => {
  it('gives data that may be null, and a Stat', () => {
    expectTypeOf<Conn['get']>().toEqualTypeOf<(path: string, options?: CallOptions) => Promise<GetResult>>();
    expectTypeOf<GetResult['data']>().toEqualTypeOf<Buffer | null>();
    expectTypeOf<GetResult['stat']>().toEqualTypeOf<Stat>();
    expectTypeOf<Conn['children']>().returns.resolves.toEqualTypeOf<ChildrenResult>();
    expectTypeOf<ChildrenResult['children']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Conn['getAcl']>().returns.resolves.toEqualTypeOf<AclResult>();
    expectTypeOf<AclResult['acl']>().toEqualTypeOf<readonly Acl[]>();
    expectTypeOf<Conn['sync']>().returns.resolves.toEqualTypeOf<string>();
  });

  it('gives null for a node that does not exist', () => {
    expectTypeOf<Conn['exists']>().toEqualTypeOf<
      (path: string, options?: CallOptions) => Promise<Stat | null>
    >();
  });

  it('has a W twin for each call that can watch: the same result, and a watch', () => {
    type Get = Awaited<ReturnType<Conn['getW']>>;
    expectTypeOf<Get['data']>().toEqualTypeOf<GetResult['data']>();
    expectTypeOf<Get['stat']>().toEqualTypeOf<Stat>();
    expectTypeOf<Get['watch']>().toEqualTypeOf<Watch>();
    type Exists = Awaited<ReturnType<Conn['existsW']>>;
    expectTypeOf<Exists['stat']>().toEqualTypeOf<Stat | null>();
    expectTypeOf<Exists['watch']>().toEqualTypeOf<Watch>();
    type Children = Awaited<ReturnType<Conn['childrenW']>>;
    expectTypeOf<Children['children']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<Children['watch']>().toEqualTypeOf<Watch>();
    type Config = Awaited<ReturnType<Conn['getConfigW']>>;
    expectTypeOf<Config['servers']>().toEqualTypeOf<EnsembleConfig['servers']>();
    expectTypeOf<Config['watch']>().toEqualTypeOf<Watch>();
    expectTypeOf<Extract<keyof Conn, `${string}W`>>().toEqualTypeOf<
      'getW' | 'existsW' | 'childrenW' | 'getConfigW'
    >();
  });

  it('gives watches that are promises and iterables of one event', () => {
    expectTypeOf<Watch['event']>().toEqualTypeOf<Promise<WatchEvent>>();
    expectTypeOf<Watch>().toExtend<AsyncIterable<WatchEvent> & AsyncDisposable & Disposable>();
    expectTypeOf<WatchEvent['type']>().toEqualTypeOf<
      'NodeCreated' | 'NodeDeleted' | 'NodeDataChanged' | 'NodeChildrenChanged'
    >();
    expectTypeOf<WatchEvent['zxid']>().toEqualTypeOf<bigint | undefined>();
  });
});

describe('writing', () => {
  it('takes bytes, text or null', () => {
    expectTypeOf<ZnodeData>().toEqualTypeOf<Uint8Array | string | null>();
    expectTypeOf<Conn['create']>().parameter(1).toEqualTypeOf<ZnodeData | undefined>();
    expectTypeOf<Conn['set']>().parameters.toEqualTypeOf<
      [path: string, data: ZnodeData, version?: number, options?: CallOptions]
    >();
  });

  it('gives what was made or changed', () => {
    expectTypeOf<Conn['create']>().returns.resolves.toEqualTypeOf<string>();
    expectTypeOf<Conn['createWithStat']>().returns.resolves.toEqualTypeOf<Created>();
    expectTypeOf<Conn['set']>().returns.resolves.toEqualTypeOf<Stat>();
    expectTypeOf<Conn['setAcl']>().returns.resolves.toEqualTypeOf<Stat>();
    expectTypeOf<Conn['delete']>().returns.resolves.toBeVoid();
  });

  it('has create modes by name', () => {
    expectTypeOf(CreateMode.EPHEMERAL).toEqualTypeOf<'EPHEMERAL'>();
    expectTypeOf<keyof typeof CreateMode>().toEqualTypeOf<CreateMode>();
    expectTypeOf<CreateMode>()
      .extract<`${string}TTL`>()
      .toEqualTypeOf<'PERSISTENT_WITH_TTL' | 'PERSISTENT_SEQUENTIAL_WITH_TTL'>();
    expectTypeOf(Perms.ALL).toEqualTypeOf<31>();
  });

  it('has ids of 64 bits as bigint, and times and versions as number', () => {
    expectTypeOf<Stat['czxid' | 'mzxid' | 'pzxid' | 'ephemeralOwner']>().toEqualTypeOf<bigint>();
    expectTypeOf<Stat['version' | 'cversion' | 'aversion' | 'numChildren']>().toEqualTypeOf<number>();
    expectTypeOf<Conn['sessionId' | 'lastZxid']>().toEqualTypeOf<bigint>();
  });
});

describe('multiRead', () => {
  it('gives a tuple: for each read its result or an error', () => {
    const run = (conn: Conn) => conn.multiRead([op.get('/a'), op.children('/b')]);
    expectTypeOf(run).returns.resolves.toEqualTypeOf<[GetResult | ZkError, readonly string[] | ZkError]>();
    const nothing = (conn: Conn) => conn.multiRead([]);
    expectTypeOf(nothing).returns.resolves.toEqualTypeOf<[]>();
  });
});

describe('the ensemble', () => {
  it('has typed results', () => {
    expectTypeOf<Conn['whoAmI']>().returns.resolves.toEqualTypeOf<readonly Identity[]>();
    expectTypeOf<Conn['getEphemerals']>().parameter(0).toEqualTypeOf<string | undefined>();
    expectTypeOf<Conn['countDescendants']>().returns.resolves.toBeNumber();
    expectTypeOf<Conn['checkWatches']>().parameter(1).toEqualTypeOf<WatcherType>();
    expectTypeOf<Conn['checkWatches']>().returns.resolves.toBeBoolean();
    expectTypeOf<Conn['removeWatches']>().parameter(1).toEqualTypeOf<WatcherType>();
    expectTypeOf<Conn['removeWatches']>().returns.resolves.toBeVoid();
    expectTypeOf<EnsembleConfig['version']>().toBeBigInt();
    expectTypeOf(parseConfig).returns.toEqualTypeOf<EnsembleConfig>();
    expectTypeOf<ReconfigChange['leaving']>().toEqualTypeOf<readonly number[] | undefined>();
  });
});

describe('multi', () => {
  /** Only to be asked for its type. */
  const results = <const T extends readonly Operation<unknown>[]>(_list: T): ResultsOf<T> => [] as never;

  it('gives a tuple with the type of each operation [E17]', () => {
    expectTypeOf(
      results([
        op.create('/a'),
        op.createWithStat('/b'),
        op.set('/c', 'x'),
        op.delete('/d'),
        op.check('/e', 3),
      ]),
    ).toEqualTypeOf<[string, CreatedInMulti, Stat, undefined, undefined]>();
    expectTypeOf(results([])).toEqualTypeOf<[]>();
    expectTypeOf<CreatedInMulti['stat']>().toEqualTypeOf<Stat | null>();
  });

  it('infers it from a literal, without `as const`', () => {
    const run = (conn: Conn) => conn.multi([op.set('/a', 'x'), op.create('/b')]);
    expectTypeOf(run).returns.resolves.toEqualTypeOf<[Stat, string]>();
  });

  it('gives a list for a list whose length is not known', () => {
    const run = (conn: Conn, paths: string[]) => conn.multi(paths.map((name) => op.delete(name)));
    expectTypeOf(run).returns.resolves.toEqualTypeOf<undefined[]>();
  });

  it('is collected by a transaction, which knows what was added', () => {
    const run = (conn: Conn) =>
      conn
        .transaction()
        .check('/a')
        .create('/b', 'x', { mode: 'EPHEMERAL' })
        .createWithStat('/c')
        .set('/d', null)
        .delete('/e')
        .add(op.create('/f'))
        .commit();
    expectTypeOf(run).returns.resolves.toEqualTypeOf<
      [undefined, string, CreatedInMulti, Stat, undefined, string]
    >();
    expectTypeOf<Conn['transaction']>().returns.toEqualTypeOf<Transaction>();
    expectTypeOf<Transaction['commit']>().returns.resolves.toEqualTypeOf<[]>();
  });
});

describe('call', () => {
  it('is typed by the name of the operation', () => {
    const get = (conn: Conn) => conn.call('getData', { path: '/a', watch: false });
    expectTypeOf(get).returns.resolves.toExtend<{ data: Buffer | null; stat: Stat }>();
    const children = (conn: Conn) => conn.call('getChildren', { path: '/a', watch: false });
    expectTypeOf(children).returns.resolves.toExtend<{ children: readonly string[] }>();
  });

  it('has no name for what the session sends by itself', () => {
    expectTypeOf<'create' | 'getData' | 'setACL'>().toExtend<CallableOpName>();
    expectTypeOf<
      Extract<CallableOpName, 'auth' | 'ping' | 'setWatches' | 'closeSession' | 'check' | 'multi'>
    >().toBeNever();
  });
});

describe('a Conn', () => {
  it('has events with payloads', () => {
    expectTypeOf<ConnEvents>().toEqualTypeOf<{
      state: StateEvent;
      connection: ConnectionState;
      session: SessionChange;
      watch: WatchEvent;
      connectError: ConnectErrorEvent;
      warning: ConnWarning;
    }>();
    expectTypeOf<ConnectionState>().toEqualTypeOf<'CONNECTED' | 'SUSPENDED' | 'RECONNECTED' | 'LOST'>();
    expectTypeOf<SessionChange['what']>().toEqualTypeOf<'new' | 'resumed' | 'expired'>();
    expectTypeOf<StateEvent['cause']>().toEqualTypeOf<ZkError | undefined>();
    expectTypeOf<ConnectErrorEvent['error']>().toEqualTypeOf<ZkError>();
    const listen = (conn: Conn): void => {
      conn.on('state', (event) => {
        expectTypeOf(event).toEqualTypeOf<StateEvent>();
      });
      conn.once('connection', (event) => {
        expectTypeOf(event).toEqualTypeOf<ConnectionState>();
      });
      expectTypeOf(conn.off('watch', () => undefined)).toEqualTypeOf<Conn>();
    };
    expectTypeOf(listen).returns.toBeVoid();
  });

  it('has a beginning and an end', () => {
    expectTypeOf(connect).parameters.toEqualTypeOf<
      [connectString: string, options?: ConnOptions, callOptions?: CallOptions]
    >();
    expectTypeOf(connect).returns.resolves.toEqualTypeOf<Conn>();
    expectTypeOf<Conn['close']>().returns.resolves.toEqualTypeOf<CloseResult>();
    expectTypeOf<Conn['closed']>().toEqualTypeOf<Promise<ClosedReason>>();
    expectTypeOf<ClosedReason['state']>().toEqualTypeOf<'Closed' | 'Expired' | 'AuthFailed'>();
    expectTypeOf<Conn['state']>().toEqualTypeOf<KeeperState>();
    expectTypeOf<Conn>().toExtend<AsyncDisposable>();
  });

  it('takes `undefined` for an option that is absent', () => {
    expectTypeOf<
      { [K in keyof ConnOptions]-?: undefined extends ConnOptions[K] ? never : K }[keyof ConnOptions]
    >().toBeNever();
  });
});

describe('errors', () => {
  it('say what may have happened, and where', () => {
    expectTypeOf<ZkError['outcome']>().toEqualTypeOf<Outcome>();
    expectTypeOf<Outcome>().toEqualTypeOf<'rejected' | 'not-sent' | 'unknown'>();
    expectTypeOf<ZkError['path' | 'op']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<'NoNode' | 'BadVersion' | 'SessionExpired'>().toExtend<ErrorName>();
  });
});

describe('a MiniServer', () => {
  it('can be started, looked into and disposed of', () => {
    expectTypeOf<typeof MiniServer.start>().parameters.toEqualTypeOf<[options?: MiniServerOptions]>();
    expectTypeOf<MiniServer['connectString']>().toEqualTypeOf<string>();
    expectTypeOf<MiniServer['expireSession']>().toEqualTypeOf<(id: bigint) => boolean>();
    expectTypeOf<MiniServer['sessions']>().toEqualTypeOf<readonly SessionView[]>();
    expectTypeOf<MiniServer>().toExtend<AsyncDisposable>();
  });

  it('speaks of the same Stat and Acl as the client', () => {
    type Node = NonNullable<ReturnType<MiniServer['tree']['get']>>;
    expectTypeOf<Node['stat']>().toEqualTypeOf<Stat>();
    expectTypeOf<Node['acl']>().toEqualTypeOf<readonly Acl[]>();
  });
});

// ---------------------------------------------------------------- the compiler's own word

const BAD = 'test/types/must-not-compile';
const BAD_FILES = filesBelow(path.join(ROOT, BAD));

/**
 * The errors that a file announces: `// TS2345` at the end of the line that must not compile, with `built TS2741` behind it
 * where the build, which has no internal members, makes another one of it.
 */
function announced(file: string, what: string): string[] {
  const lines = fs.readFileSync(path.join(ROOT, BAD, file), 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    const match = /\/\/ (TS\d+)(?:, built (TS\d+))?$/.exec(line);
    if (match === null) return [];
    const code = (what === 'the build' ? match[2] : undefined) ?? match[1] ?? '';
    return [`${i + 1}: ${code}`];
  });
}

describe('the compiler', () => {
  const options = compilerOptions('tsconfig.json');

  it('agrees with what this file expects', () => {
    expect(compile(['test/types/types.test.ts'], options)).toEqual([]);
  }, 300_000);

  describe.each([
    ['the sources', { paths: SOURCE_PATHS }],
    // by its own name a package finds itself as it was built
    ['the build', {}],
  ])('against %s', (what, resolution) => {
    const complaints = new Map<string, string[]>();

    beforeAll(() => {
      if (what === 'the build') assertBuilt();
      // what is merely not used is not what these files are about
      const settings = { ...options, ...resolution, noUnusedLocals: false, noUnusedParameters: false };
      const found = compile(
        BAD_FILES.map((file) => `${BAD}/${file}`),
        settings,
      );
      for (const { file, line, code } of found.sort((a, b) => a.line - b.line)) {
        const name = path.posix.relative(BAD, file);
        complaints.set(name, [...(complaints.get(name) ?? []), `${line}: TS${code}`]);
      }
    });

    it.each(BAD_FILES)('refuses %s, where it says so and nowhere else', (file) => {
      expect(announced(file, what)).not.toEqual([]);
      expect(complaints.get(file)).toEqual(announced(file, what));
    });

    it('complains about nothing else', () => {
      expect([...complaints.keys()].sort()).toEqual(BAD_FILES);
    });
  });

  it('is not told to look away', () => {
    for (const file of BAD_FILES) {
      expect(fs.readFileSync(path.join(ROOT, BAD, file), 'utf8'), file).not.toMatch(/@ts-|eslint-/);
    }
  });
});
