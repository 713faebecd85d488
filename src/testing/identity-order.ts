/**
 * In which order a real server has the identities of a connection: they are the keys of a `ConcurrentHashMap` (Java
 * `ServerCnxn.authInfo`), and `whoAmI` and the ACL that stands for `auth` show them in the order of its buckets.
 */
import type { AuthId } from './access.js';

/** Buckets of a table that has not grown yet; it grows once three quarters of them have an entry. */
const FEWEST_BUCKETS = 16;

/** The same identities, those of one bucket in the order in which they came. */
export function inBucketOrder(ids: readonly AuthId[]): readonly AuthId[] {
  let buckets = FEWEST_BUCKETS;
  while (ids.length >= buckets * 0.75) buckets *= 2;
  const bucket = (id: AuthId): number => {
    const hash = hashOfId(id);
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return [...ids].sort((a, b) => bucket(a) - bucket(b));
}

/** Java `org.apache.zookeeper.data.Id.hashCode`. */
function hashOfId({ scheme, id }: AuthId): number {
  const ofScheme = Math.imul(37, 17) + hashOf(scheme);
  return (Math.imul(37, ofScheme) + hashOf(id)) | 0;
}

/** Java `String.hashCode`. */
function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}
