/**
 * Where releases of ZooKeeper answer differently, and why. The cases are the same for all of them; what they expect is
 * looked up here.
 */
import { versionAtLeast } from '../support/targets.js';

/** What a release does. */
export interface VersionFacts {
  /** The header of a watch event has the zxid of its change, else -1. ZOOKEEPER-4655, 3.9.0. */
  readonly eventsCarryZxid: boolean;
  /** `exists` of a node that is there needs READ. ZOOKEEPER-2590, 3.8.4 and 3.9.3. */
  readonly existsNeedsRead: boolean;
  /**
   * A `check` outside of a multi is unknown and ends the connection. In 3.8.0 it is carried out, but only its errors
   * are answered.
   */
  readonly checkAloneIsUnknown: boolean;
  /**
   * Events on a node are sent only to those who may READ it when they happen. ZOOKEEPER-4799, 3.8.4 and 3.9.2; Debian's
   * 3.8.0 has it too.
   */
  readonly eventsNeedRead: boolean;
  /**
   * A create in a multi with impossible flags makes the whole request unreadable. In 3.8.0 it is the error of that
   * operation, BadArguments.
   */
  readonly multiReadsCreatesStrictly: boolean;
  /** create2 in a multi results in path and Stat. Before 3.9.0 it comes back as create, without a Stat. */
  readonly create2InMultiHasStat: boolean;
  /**
   * A session may have a one-shot, a persistent and a recursive watch on one path, and the watcher types 4 and 5 name the
   * last two. Before, the later one takes the place of the earlier in each table, and types 1 and 2 name whatever is
   * there. ZOOKEEPER-4466 and ZOOKEEPER-4472, 3.9.0.
   */
  readonly watchModesStandSideBySide: boolean;
  /**
   * checkWatches asks for watches of its own connection. 3.8.0 also says yes to those of another; its tables were
   * rewritten with ZOOKEEPER-4466, 3.9.0.
   */
  readonly checkWatchesAsksForOwn: boolean;
  /**
   * deleteContainer, which servers ask each other for, is done for a client too, even to a plain node. 3.8.0 reads its path
   * from the wrong place and always answers BadArguments.
   */
  readonly deleteContainerObeys: boolean;
  /**
   * addWatch, checkWatches and removeWatches take a null for a path like any other. Before ZOOKEEPER-4466, 3.9.0, a server
   * that has taken one cannot bear it: it never ends that connection, and hangs with it.
   */
  readonly watchesOfNullAreFine: boolean;
}

/** @param version for example `3.8.0` */
export function versionFacts(version: string): VersionFacts {
  const from = (wanted: string): boolean => versionAtLeast(version, wanted);
  return {
    eventsCarryZxid: from('3.9.0'),
    existsNeedsRead: from('3.9.3') || (from('3.8.4') && !from('3.9.0')),
    eventsNeedRead: from('3.9.2') || (from('3.8.4') && !from('3.9.0')) || version === '3.8.0',
    checkAloneIsUnknown: from('3.9.0'),
    multiReadsCreatesStrictly: from('3.9.0'),
    create2InMultiHasStat: from('3.9.0'),
    watchModesStandSideBySide: from('3.9.0'),
    checkWatchesAsksForOwn: from('3.9.0'),
    deleteContainerObeys: from('3.9.0'),
    watchesOfNullAreFine: from('3.9.0'),
  };
}
