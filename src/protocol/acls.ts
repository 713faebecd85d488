/** ACL constants and the digest identity (Java `ZooDefs.Ids`, `DigestAuthenticationProvider`). */
import { createHash } from 'node:crypto';
import { Perms } from './constants.js';
import type { Acl } from './records.js';

/** Everybody may do everything. The default of `create`. */
export const OPEN_ACL_UNSAFE: readonly Acl[] = Object.freeze([
  Object.freeze({ perms: Perms.ALL, scheme: 'world', id: 'anyone' }),
]);

/** Everybody may read, nobody may write. */
export const READ_ACL_UNSAFE: readonly Acl[] = Object.freeze([
  Object.freeze({ perms: Perms.READ, scheme: 'world', id: 'anyone' }),
]);

/** The identities that this connection has authenticated (`addAuth`) may do everything. */
export const CREATOR_ALL_ACL: readonly Acl[] = Object.freeze([
  Object.freeze({ perms: Perms.ALL, scheme: 'auth', id: '' }),
]);

/**
 * The identity that the scheme `digest` gives to `user:password`: `user:` + base64(SHA-1(`user:password`)), with the
 * user up to the first colon.
 */
export function digestId(userPassword: string | Uint8Array): string {
  const bytes =
    typeof userPassword === 'string' ? Buffer.from(userPassword, 'utf8') : Buffer.from(userPassword);
  const user = bytes.toString('utf8').split(':', 1)[0] ?? '';
  return `${user}:${createHash('sha1').update(bytes).digest('base64')}`;
}

/** An ACL entry for `user:password` by the scheme `digest`. */
export function digestAcl(perms: number, userPassword: string): Acl {
  return { perms, scheme: 'digest', id: digestId(userPassword) };
}
