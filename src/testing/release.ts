/** As which release of ZooKeeper a mini-server answers, where releases differ in what they know. */
import type { AnyOp } from '../protocol/op.js';

/** The release that everything else here is modelled on. */
export const MODELLED_RELEASE = '3.9.3';

/** Is a release, such as `3.8.0`, this one or a later one? Missing parts count as 0. */
export function isFrom(release: string, wanted: string): boolean {
  const [a, b] = [release, wanted].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Has the operation come with this release or before it? */
export function knows(release: string, row: AnyOp): boolean {
  return isFrom(release, row.since);
}

/** Do watch events carry the zxid of their change in the header (ZOOKEEPER-4655)? */
export function hasEventZxids(release: string): boolean {
  return isFrom(release, '3.9');
}
