/**
 * In which order a real server has the identities of a connection: they are the keys of a `ConcurrentHashMap` (Java
 * `ServerCnxn.authInfo`), and `whoAmI` and the ACL that stands for `auth` show them in the order of its buckets.
 */
import type { AuthId } from './access.js';
import { hashOfText, inBucketOrderBy } from './java-hash.js';

/** The same identities, those of one bucket in the order in which they came. */
export function inBucketOrder(ids: readonly AuthId[]): readonly AuthId[] {
  return inBucketOrderBy(ids, hashOfId);
}

/** Java `org.apache.zookeeper.data.Id.hashCode`. */
function hashOfId({ scheme, id }: AuthId): number {
  const ofScheme = Math.imul(37, 17) + hashOfText(scheme);
  return (Math.imul(37, ofScheme) + hashOfText(id)) | 0;
}
