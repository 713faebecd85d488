/** The shape of the API: promises, exact numbers, and errors that say where they come from. */
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  BadVersionError,
  ConnClosedError,
  ConnectionError,
  ConnectionLossError,
  InvalidPathError,
  KeeperError,
  NoNodeError,
  ProtocolError,
  RequestTimeoutError,
  SessionError,
  SessionExpiredError,
  UsageError,
  ZkError,
} from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { STAT } from '../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../support/scripted-server.js';
import { compilerOptions } from '../docs/public-surface.js';
import { pathOf } from '../docs/pages.js';

const ENTRIES = ['src/index.ts', 'src/testing.ts'];
let program: ts.Program;
let checker: ts.TypeChecker;

beforeAll(() => {
  program = ts.createProgram(ENTRIES.map(pathOf), compilerOptions());
  checker = program.getTypeChecker();
});

/** What an entry of the package exports, as the compiler sees it. */
function exportsOf(entry: string): readonly ts.Symbol[] {
  const module = checker.getSymbolAtLocation(program.getSourceFile(pathOf(entry))!)!;
  return checker
    .getExportsOfModule(module)
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
}

/** Is it there for everybody? */
function isPublic(member: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (member.declarations ?? []).every((node) => (ts.getCombinedModifierFlags(node) & hidden) === 0);
}

describe('the methods of a Conn', () => {
  it('give promises, or things that one waits for, and take no callbacks [E1]', () => {
    const conn = exportsOf('src/index.ts').find(({ name }) => name === 'Conn')!;
    const wrong: string[] = [];
    let methods = 0;
    let promises = 0;
    for (const member of checker.getDeclaredTypeOfSymbol(conn).getProperties()) {
      if (!isPublic(member) || ['on', 'once', 'off'].includes(member.name)) continue;
      for (const signature of checker.getTypeOfSymbol(member).getCallSignatures()) {
        methods++;
        const result = checker.typeToString(signature.getReturnType());
        if (result.startsWith('Promise<')) promises++;
        for (const parameter of signature.getParameters()) {
          const given = checker.getNonNullableType(checker.getTypeOfSymbol(parameter));
          const parts = given.isUnion() ? given.types : [given];
          // work to be done gives a promise itself; a callback would be told the result
          const told = parts
            .flatMap((part) => part.getCallSignatures())
            .filter((call) => !checker.typeToString(call.getReturnType()).startsWith('Promise'));
          if (told.length > 0) wrong.push(`${member.name}(${parameter.name}) is a callback`);
        }
        // what asks a server and gives no promise would have to call back
        if (/^(void|undefined|any|unknown)$/.test(result) && !/^(ref|unref)$/.test(member.name))
          wrong.push(`${member.name} gives ${result}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(methods).toBeGreaterThan(20);
    expect(promises).toBeGreaterThan(18);
  });
});

describe('the types', () => {
  it.each(ENTRIES)('of all that %s exports are known to their last part: no any [E2]', (entry) => {
    const exported = exportsOf(entry);
    const loose: string[] = [];
    const look = (type: ts.Type, where: string, depth: number): void => {
      if (type.flags & ts.TypeFlags.Any) {
        loose.push(where);
        return;
      }
      if (depth === 0) return;
      for (const signature of [...type.getCallSignatures(), ...type.getConstructSignatures()]) {
        look(signature.getReturnType(), `${where}()`, 0);
        for (const parameter of signature.getParameters())
          look(checker.getTypeOfSymbol(parameter), `${where}(${parameter.name})`, 0);
      }
      for (const member of type.getProperties()) {
        // what is of the language's own types is theirs
        if (!isPublic(member)) continue;
        const own = (member.declarations ?? []).every(
          (node) => !/node_modules/.test(node.getSourceFile().fileName),
        );
        if (own) look(checker.getTypeOfSymbol(member), `${where}.${member.name}`, depth - 1);
      }
    };
    for (const symbol of exported) {
      if (symbol.flags & ts.SymbolFlags.Value) look(checker.getTypeOfSymbol(symbol), symbol.name, 2);
      if (symbol.flags & ts.SymbolFlags.Type) look(checker.getDeclaredTypeOfSymbol(symbol), symbol.name, 2);
    }
    expect(loose).toEqual([]);
    expect(exported.length).toBeGreaterThan(5);
  });
});

describe('numbers of 64 bits', () => {
  const MAX = 2n ** 63n - 1n;

  it('are exact up to 2^63 - 1, times are numbers of ms, and ids are hexadecimal where they are shown [E4]', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const connecting = conn.connect();
    await settle();
    await server.link.welcome({ sessionId: MAX });
    await connecting;
    expect(conn.sessionId).toBe(9_223_372_036_854_775_807n);
    const read = conn.get('/a');
    await settle();
    const ctime = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    const sent = { ...STAT, czxid: MAX, mzxid: MAX - 1n, pzxid: 2n ** 53n + 1n, ephemeralOwner: MAX, ctime };
    await server.link.answer(server.link.takeOne(), { data: null, stat: sent }, MAX);
    const { stat } = await read;
    expect(stat).toEqual(sent);
    expect(conn.lastZxid).toBe(MAX);
    expect(new Date(stat.ctime).toISOString()).toBe('2026-01-02T03:04:05.678Z');
    expect(JSON.parse(JSON.stringify(stat))).toMatchObject({
      czxid: '0x7fffffffffffffff',
      mzxid: '0x7ffffffffffffffe',
      pzxid: '0x20000000000001',
      ephemeralOwner: '0x7fffffffffffffff',
      ctime,
    });
    expect(JSON.parse(JSON.stringify(conn))).toMatchObject({ sessionId: '0x7fffffffffffffff' });
    await server.close(conn);
    // and what a Java server shows as negative
    const other = new ScriptedServer();
    const negative = other.conn();
    const again = negative.connect();
    await settle();
    await other.link.welcome({ sessionId: -2n });
    await again;
    expect(JSON.parse(JSON.stringify(negative))).toMatchObject({ sessionId: '0xfffffffffffffffe' });
    await other.close(negative);
  });
});

describe('an error', () => {
  it('of each kind has its class, name, code, operation and path, and the reason behind it [E15]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ captureStack: true });
    function callHere(): Promise<unknown> {
      return conn.get('/none');
    }
    const noNode = rejectionOf(callHere());
    const badVersion = rejectionOf(conn.set('/a', 'x', 7));
    const timeout = rejectionOf(conn.exists('/slow', { timeoutMs: 10 }));
    const lost = rejectionOf(conn.create('/c'));
    await settle();
    const [get, set] = server.link.take();
    await server.link.refuse(get!, Errno.NoNode);
    await server.link.refuse(set!, Errno.BadVersion);
    await server.clock.advance(10);
    await server.link.fail(new Error('ECONNRESET'));
    const expired = rejectionOf(conn.delete('/d'));
    await server.link.connect();
    await server.link.accept({ sessionId: 0n, timeOut: 0 });
    const usage = rejectionOf(conn.get('no slash'));
    await conn.close();
    const closed = rejectionOf(conn.children('/late'));

    const kinds = [
      [await noNode, [NoNodeError, KeeperError], 'ZK_NO_NODE', -101, 'getData', '/none', 'rejected'],
      [await badVersion, [BadVersionError, KeeperError], 'ZK_BAD_VERSION', -103, 'setData', '/a', 'rejected'],
      [
        await timeout,
        [RequestTimeoutError, ConnectionError],
        'ZK_REQUEST_TIMEOUT',
        -122,
        'exists',
        '/slow',
        'unknown',
      ],
      [
        await lost,
        [ConnectionLossError, ConnectionError],
        'ZK_CONNECTION_LOSS',
        -4,
        'create',
        '/c',
        'unknown',
      ],
      [
        await expired,
        [SessionExpiredError, SessionError],
        'ZK_SESSION_EXPIRED',
        -112,
        'delete',
        '/d',
        'not-sent',
      ],
      [
        await usage,
        [InvalidPathError, UsageError],
        'ZK_INVALID_PATH',
        undefined,
        'getData',
        'no slash',
        'not-sent',
      ],
      [
        await closed,
        [ConnClosedError, SessionError],
        'ZK_CLOSED',
        undefined,
        'getChildren2',
        '/late',
        'not-sent',
      ],
    ] as const;
    const families = [KeeperError, ConnectionError, SessionError, UsageError, ProtocolError];
    for (const [error, [own, family], code, errno, operation, path, outcome] of kinds) {
      expect(error).toBeInstanceOf(ZkError);
      expect(error).toBeInstanceOf(own);
      expect(families.filter((each) => error instanceof each)).toEqual([family]);
      expect(error).toMatchObject({ name: own.name, code, errno, op: operation, path, outcome });
      expect((error as Error).message).toContain(path);
    }
    expect((await lost) as Error).toMatchObject({ cause: { cause: { message: 'ECONNRESET' } } });
    // with captureStack: the line of the caller, not only that of the socket
    expect(((await noNode) as Error).stack).toContain('callHere');
  });
});
