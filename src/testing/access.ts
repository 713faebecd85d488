/**
 * Who somebody is and what that permits: the schemes `world`, `auth`, `digest`, `ip`, `sasl` and `super` (Java
 * `PrepRequestProcessor.fixupACL`, `ZooKeeperServer.checkACL`, `DigestAuthenticationProvider`).
 */
import { digestId } from '../protocol/acls.js';
import { Perms } from '../protocol/constants.js';
import type { Acl } from '../protocol/records.js';
import { inAddressRange, isAddressRange } from './ip-address.js';
import { refuse } from './refusal.js';
import { lenientText, present } from './server-reader.js';

/** One identity of a connection. */
export interface AuthId {
  readonly scheme: string;
  readonly id: string;
}

interface Provider {
  /** Identities that the bytes of an auth packet give, or null if they are refused. */
  readonly authenticate: (
    auth: Uint8Array | null,
    superDigest: string | undefined,
  ) => readonly AuthId[] | null;
  /** May the id stand in an ACL? */
  readonly isValid: (id: string) => boolean;
  /** Does the identity `id` meet the entry `aclId`? */
  readonly matches: (aclId: string, id: string) => boolean;
  /** Does it count for the scheme `auth`? */
  readonly isAuthenticated: boolean;
}

const PROVIDERS: ReadonlyMap<string, Provider> = new Map<string, Provider>([
  [
    'digest',
    {
      authenticate: (auth, superDigest) => {
        if (auth === null) return null;
        const id = digestId(lenientText(auth));
        const identity = { scheme: 'digest', id };
        return id === superDigest ? [{ scheme: 'super', id: '' }, identity] : [identity];
      },
      isValid: (id) => parts(id) === 2,
      matches: (aclId, id) => aclId === id,
      isAuthenticated: true,
    },
  ],
  [
    'ip',
    {
      // the connection has its address from the start, whatever it says
      authenticate: () => [],
      isValid: isAddressRange,
      matches: inAddressRange,
      isAuthenticated: false,
    },
  ],
  [
    'sasl',
    {
      // by the SASL exchange alone, never by an auth packet
      authenticate: () => null,
      isValid: isSaslName,
      matches: (aclId, id) => aclId === id,
      isAuthenticated: true,
    },
  ],
  [
    'x509',
    {
      // a connection has its certificate, or none, from the start
      authenticate: () => null,
      isValid: (id) => /^\s*([\w.]+\s*=|$)/.test(id),
      matches: (aclId, id) => aclId === id,
      isAuthenticated: true,
    },
  ],
]);

/** A name without a realm may be anything; with one it is `service/host@REALM` (Java `KerberosName`). */
export function isSaslName(id: string): boolean {
  return !id.includes('@') || /^[^/@]*(\/[^/@]*)?@[^/@]*$/.test(id);
}

/** Pieces between colons, not counting empty ones at the end (Java `String.split`). */
function parts(id: string): number {
  const pieces = id.split(':');
  while (pieces.length > 0 && pieces.at(-1) === '') pieces.pop();
  return pieces.length;
}

/**
 * Judges an auth packet.
 * @param superDigest the digest identity that makes a superuser, or `undefined` if nobody can be
 * @param own what the connection has already: its certificate may be referred to once more
 * @returns identities to add to the connection, or null for AuthFailed. Schemes are case-sensitive
 */
export function authenticate(
  scheme: string,
  auth: Uint8Array | null,
  superDigest: string | undefined,
  own: readonly AuthId[] = [],
): readonly AuthId[] | null {
  if (scheme === 'x509' && own.some((id) => id.scheme === scheme)) return [];
  return PROVIDERS.get(scheme)?.authenticate(auth, superDigest) ?? null;
}

/** The identity, and that of a superuser if it is the one that may do everything. */
export function withSuper(scheme: string, id: string, superUser: string | undefined): readonly AuthId[] {
  const identity = { scheme, id };
  return id === superUser ? [identity, { scheme: 'super', id: '' }] : [identity];
}

/** Does the ACL give one of `perms` to one of these identities? An empty ACL permits everything. */
export function isPermitted(acl: readonly Acl[], perms: number, ids: readonly AuthId[]): boolean {
  if (acl.length === 0) return true;
  for (const entry of acl) {
    if ((entry.perms & perms) === 0) continue;
    if (entry.scheme === 'world' && entry.id === 'anyone') return true;
    const provider = PROVIDERS.get(entry.scheme);
    if (provider === undefined) continue;
    for (const { scheme, id } of ids) {
      if (scheme === entry.scheme && provider.matches(entry.id, id)) return true;
    }
  }
  return ids.some((id) => id.scheme === 'super');
}

/** @throws Refusal NoAuth */
export function demand(acl: readonly Acl[], perms: number, ids: readonly AuthId[]): void {
  if (!isPermitted(acl, perms, ids)) refuse('NoAuth');
}

/**
 * The ACL that is stored for one that a client sent: duplicates are gone, `auth` stands for the connection's identities.
 * @param hasSasl is there a provider of the scheme `sasl`?
 * @param secure does the server speak TLS? else it does not know `x509`
 * @throws Refusal InvalidAcl
 */
export function fixupAcl(
  acl: readonly Acl[] | null,
  ids: readonly AuthId[],
  hasSasl: boolean,
  secure = false,
): readonly Acl[] {
  const fixed: Acl[] = [];
  for (const entry of unique(acl ?? [])) {
    if (entry.scheme === 'world' && present(entry.id) === 'anyone') {
      fixed.push(entry);
    } else if (entry.scheme === 'auth') {
      const own = ids.filter(({ scheme }) => PROVIDERS.get(scheme)?.isAuthenticated === true);
      if (own.length === 0) refuse('InvalidAcl');
      fixed.push(...own.map(({ scheme, id }) => ({ perms: entry.perms, scheme, id })));
    } else {
      const isKnown = entry.scheme === 'sasl' ? hasSasl : entry.scheme !== 'x509' || secure;
      if (!isKnown || PROVIDERS.get(entry.scheme)?.isValid(present(entry.id)) !== true) refuse('InvalidAcl');
      fixed.push(entry);
    }
  }
  if (fixed.length === 0) refuse('InvalidAcl');
  return fixed;
}

/** The ACL as somebody without ADMIN sees it: the hash of a digest is replaced by `x`. */
export function maskedAcl(acl: readonly Acl[], ids: readonly AuthId[]): readonly Acl[] {
  if (isPermitted(acl, Perms.ADMIN, ids)) return acl;
  return acl.map((entry) =>
    entry.scheme === 'digest' ? { ...entry, id: entry.id.replace(/:.*/, ':x') } : entry,
  );
}

/** The name in an identity, without what proves it (Java `AuthenticationProvider.getUserName`). */
export function userName(scheme: string, id: string): string {
  return scheme === 'digest' ? (id.split(':')[0] as string) : id;
}

function unique(acl: readonly Acl[]): readonly Acl[] {
  return acl.filter(
    (entry, i) =>
      acl.findIndex((e) => e.perms === entry.perms && e.scheme === entry.scheme && e.id === entry.id) === i,
  );
}
