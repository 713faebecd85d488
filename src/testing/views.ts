/** What a test may look at: copies that do not change when the server does. */
import type { Acl, Stat } from '../protocol/records.js';
import type { DataTree } from './data-tree.js';
import type { ServerState } from './server-state.js';

/** A node at the time it was looked at. */
export interface NodeView {
  readonly data: Buffer | null;
  readonly stat: Stat;
  /** As it is stored; nothing is hidden. */
  readonly acl: readonly Acl[];
  /** Names, sorted. */
  readonly children: readonly string[];
}

/** Read-only door to the nodes. */
export interface TreeView {
  /** The node, or `undefined` if there is none. ACLs are not asked. */
  get(path: string): NodeView | undefined;
  /** Every path, sorted; those below `/zookeeper` too. */
  paths(): readonly string[];
}

/** A session at the time it was looked at. */
export interface SessionView {
  readonly id: bigint;
  /** What was negotiated, in ms. */
  readonly timeoutMs: number;
  /** Is there a connection that is attached to it? */
  readonly connected: boolean;
  /** Paths of its ephemeral nodes, in the order of their creation. */
  readonly ephemerals: readonly string[];
}

/** A view that always shows the tree as it is when it is asked. */
export function viewTree(tree: DataTree): TreeView {
  return {
    get: (path) => {
      const node = tree.get(path);
      if (node === undefined) return undefined;
      return {
        data: node.data === null ? null : Buffer.from(node.data),
        stat: node.stat(),
        acl: node.acl.map((entry) => ({ ...entry })),
        children: [...node.children].sort(),
      };
    },
    paths: () => [...tree.paths()].sort(),
  };
}

/** The live sessions, in the order of their creation. */
export function viewSessions({ sessions, tree }: ServerState): readonly SessionView[] {
  return [...sessions].map((session) => ({
    id: session.id,
    timeoutMs: session.timeoutMs,
    connected: session.link !== null,
    ephemerals: tree.ephemeralsOf(session.id),
  }));
}
