/** What reads give. */
import type { Acl, Stat } from '../protocol/records.js';
import type { Watch } from './watch.js';

/** Result of `get`. */
export interface GetResult {
  /** null if the node was created with null, which is not the same as empty. */
  readonly data: Buffer | null;
  /** Of the node, as it was with these data. */
  readonly stat: Stat;
}

/** Result of `children`. */
export interface ChildrenResult {
  /** Names, not paths, in no particular order. */
  readonly children: readonly string[];
  /** Of the node, as it was with these children. */
  readonly stat: Stat;
}

/** Result of `getAcl`. */
export interface AclResult {
  /** Its entries, in the server's order. */
  readonly acl: readonly Acl[];
  /** Of the node, as it was with this ACL. */
  readonly stat: Stat;
}

/** What a `…W` call adds: the watch, armed on the server. */
export interface Watched {
  /** Fires once; see {@link Watch}. */
  readonly watch: Watch;
}
