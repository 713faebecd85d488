/** The order in which Java has the entries of a hash table, where a client can see it (`ConcurrentHashMap`). */

/** Buckets of a table that has not grown yet; it grows once three quarters of them have an entry. */
const FEWEST_BUCKETS = 16;

/** The same entries, those of one bucket in the order in which they came. @param hashOf Java's `hashCode` of an entry */
export function inBucketOrderBy<T>(entries: readonly T[], hashOf: (entry: T) => number): readonly T[] {
  let buckets = FEWEST_BUCKETS;
  while (entries.length >= buckets * 0.75) buckets *= 2;
  const bucket = (entry: T): number => {
    const hash = hashOf(entry);
    return (hash ^ (hash >>> 16)) & (buckets - 1);
  };
  return [...entries].sort((a, b) => bucket(a) - bucket(b));
}

/** Java `String.hashCode`. */
export function hashOfText(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(31, hash) + text.charCodeAt(i)) | 0;
  return hash;
}
