import { describe, expect, it } from 'vitest';
import { InvalidPathError, OPEN_ACL_UNSAFE, op, type Conn } from '../../../src/index.js';
import { pathProblem } from '../../../src/protocol/paths.js';
import { failure, type ContractTarget } from '../target.js';

/** Ends of paths, good and bad; the server and we must agree on each. */
const NAMES = [
  'a',
  '.',
  '..',
  '...',
  '.a',
  'a.',
  'a b',
  ' ',
  'ä',
  '漢',
  '\u0000',
  '\u0001',
  '\u001f',
  '\u0020',
  '\u007e',
  '\u007f',
  '\u009f',
  '\u00a0',
  '\ud7ff',
  '\ue000',
  '\uf8ff',
  '\uf900',
  '\uffef',
  '\ufff0',
  '\uffff',
  '\u{1f600}',
];

const CALLS: Readonly<Record<string, (conn: Conn, path: string) => Promise<unknown>>> = {
  get: (conn, path) => conn.get(path),
  getW: (conn, path) => conn.getW(path),
  exists: (conn, path) => conn.exists(path),
  existsW: (conn, path) => conn.existsW(path),
  children: (conn, path) => conn.children(path),
  childrenW: (conn, path) => conn.childrenW(path),
  getAcl: (conn, path) => conn.getAcl(path),
  setAcl: (conn, path) => conn.setAcl(path, OPEN_ACL_UNSAFE),
  sync: (conn, path) => conn.sync(path),
  create: (conn, path) => conn.create(path),
  createWithStat: (conn, path) => conn.createWithStat(path),
  set: (conn, path) => conn.set(path, 'x'),
  delete: (conn, path) => conn.delete(path),
  ensurePath: (conn, path) => conn.ensurePath(path),
  deleteRecursive: (conn, path) => conn.deleteRecursive(path),
  call: (conn, path) => conn.call('getData', { path, watch: false }),
};

const BAD = [
  '',
  'a',
  'a/b',
  '/a/',
  '//',
  '/a//b',
  '/.',
  '/a/..',
  '/a/./b',
  '/\0',
  '/\u0001',
  '/\u{1f600}',
  '/\ud800',
];

export function paths(target: ContractTarget): void {
  describe('bad paths', () => {
    it.each(Object.entries(CALLS))('%s refuses them here, and sends nothing', async (_name, call) => {
      const { conn, link } = await target.cuttable();
      const { writes } = link;
      for (const path of BAD) {
        const error = await failure(call(conn, path));
        expect(error).toBeInstanceOf(InvalidPathError);
        expect(error.outcome).toBe('not-sent');
      }
      expect(link.writes).toBe(writes);
    });

    it.each(['create', 'set', 'delete', 'check'] as const)('op.%s throws for them', (name) => {
      for (const path of BAD) expect(() => op[name](path, undefined as never)).toThrow(InvalidPathError);
    });

    it('delete refuses the root here', async () => {
      const conn = await target.connect();
      expect(await failure(conn.delete('/'))).toBeInstanceOf(InvalidPathError);
      expect(await failure(conn.deleteRecursive('/'))).toBeInstanceOf(InvalidPathError);
    });
  });

  describe('names', () => {
    it.each(NAMES.map((name) => [JSON.stringify(name), name] as const))(
      '%s is good for us exactly if it is for the server',
      async (_shown, name) => {
        const client = await target.raw();
        const path = target.at(`/${name}`);
        const node = { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 };
        const { errno } = await client.call('create', node);
        expect(errno).toBe(pathProblem(path) === null ? 0 : -8);
      },
    );
  });
}
