/** Random programs about who somebody is: by certificate, by SASL, or by what a server demands. */
import * as fc from 'fast-check';
import { digestId } from '../../src/protocol/acls.js';
import type { Release } from '../support/zookeeper-jars.js';
import { commandsFor, create, GENERAL, type Theme } from './arbitrary.js';
import type { Where } from './forbidden.js';
import { CLIENTS, type Command, type Fields, type Program } from './program.js';
import { SASL_TOKENS, type SaslToken } from './sasl.js';
import { of, OPEN, weighted, type Arb } from './values.js';

const entry = (perms: number, scheme: string, id: string): Fields => ({ perms, scheme, id });

const IDS = {
  x509: [
    'CN=client,OU=tests,O=zk-conn',
    'CN=localhost',
    'CN=other',
    'CN=client',
    'cn=localhost',
    'nonsense',
    '',
  ],
  sasl: ['bob', 'ann', 'eve', 'bob@REALM', 'bob/host@REALM', 'a@b@c', ''],
} as const;
type Scheme = keyof typeof IDS;

const ofScheme = (scheme: Scheme): Arb<readonly Fields[]> =>
  fc
    .record({
      perms: of(31, 31, 1, 15, 16),
      id: weighted([6, of(...IDS[scheme].slice(0, 2))], [1, of(...IDS[scheme])]),
      more: of(null, OPEN, [entry(1, 'world', 'anyone')]),
    })
    .map(({ perms, id, more }) => [entry(perms, scheme, id), ...(more ?? [])]);

const acls = (schemes: readonly Scheme[]): Arb<readonly Fields[]> =>
  weighted<readonly Fields[]>(
    [3, of(...schemes).chain(ofScheme)],
    [3, of([entry(31, 'auth', '')], [entry(15, 'auth', ''), entry(16, 'world', 'anyone')])],
    [1, of([entry(31, 'digest', digestId('u:p'))], OPEN)],
  );

const client = fc.integer({ min: 0, max: CLIENTS - 1 });

/** A whole exchange in order, or steps without any. */
const exchange: Arb<readonly Command[]> = fc
  .record({
    by: client,
    tokens: weighted<readonly SaslToken[]>(
      [6, of(['empty', 'bob'] as const, ['junk', 'ann'] as const, ['bob', 'bob'] as const)],
      [4, fc.tuple(of('empty' as const, 'junk' as const), of(...SASL_TOKENS))],
      [2, fc.array(of(...SASL_TOKENS), { minLength: 1, maxLength: 4 })],
    ),
  })
  .map(({ by, tokens }) => tokens.map((token): Command => ({ by, do: 'sasl', token })));

const packets: Arb<readonly Command[]> = fc
  .record({
    by: client,
    scheme: of('x509', 'sasl', 'digest', 'digest'),
    auth: of('', 'u:p', 'CN=client', 'bob'),
  })
  .map((packet): readonly Command[] => [{ do: 'auth', ...packet }]);

const owned = (schemes: readonly Scheme[]): Arb<readonly Command[]> =>
  fc
    .record({
      by: client,
      op: of('create' as const, 'setACL' as const),
      path: of('$/a', '$/b', '$/a/x', '$/c'),
      acl: acls(schemes),
    })
    .map(({ by, op, path, acl }): readonly Command[] => [
      op === 'create'
        ? { by, do: 'call', op, q: { path, data: 'x', acl, flags: 0 } }
        : { by, do: 'call', op, q: { path, acl, version: -1 } },
    ]);

const asking: Arb<readonly Command[]> = fc
  .record({ by: client, op: of('whoAmI' as const, 'getACL' as const), path: of('$/a', '$/b', '$/a/x') })
  .map(({ by, op, path }): readonly Command[] => [
    { by, do: 'call', op, q: op === 'whoAmI' ? {} : { path } },
  ]);

const THEME: Theme = { ...GENERAL, openAcl: 30, setAcl: 6, attach: 5, auth: 4 };

/** Programs of clients that have identities, or get them, of these schemes. */
export function identified(release: Release, schemes: readonly Scheme[], where?: Where): Arb<Program> {
  const others = commandsFor(THEME, release, where)
    // has a command of its own, which understands the answer
    .filter((command) => command.do !== 'call' || command.op !== 'sasl')
    .map((command): readonly Command[] => [command]);
  const chunk = weighted(
    [4, others],
    [2, owned(schemes)],
    [1, asking],
    [1, packets],
    [schemes.includes('sasl') ? 2 : 0, exchange],
  );
  return fc
    .array(chunk, { minLength: 3, maxLength: 40, size: 'max' })
    .map((chunks) => [...['$/a'].map(create), ...chunks.flat()]);
}

/** Programs on servers that demand an identity: most begin with one. */
export function demanding(release: Release): Arb<Program> {
  const entrance = weighted([3, exchange], [3, packets]);
  return fc
    .record({
      first: fc.array(entrance, { maxLength: 4 }),
      rest: fc.array(
        weighted(
          [5, identified(release, ['sasl'], 'demanded').map((each) => each.slice(1, 8))],
          [2, entrance],
        ),
        { minLength: 1, maxLength: 5 },
      ),
    })
    .map((c) => [...c.first.flat(), ...c.rest.flat()]);
}
