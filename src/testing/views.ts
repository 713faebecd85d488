/** What a test may look at: copies that do not change when the server does. */
import type { Acl, Stat } from '../protocol/records.js';
import type { DataTree } from './data-tree.js';
import type { ServerState } from './server-state.js';

/** A node at the time it was looked at. */
export interface NodeView {
  readonly data: Buffer | null;
  /** The data as UTF-8 text; empty if there is none. */
  readonly text: string;
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
  /**
   * A node and all that is below it as an object to compare with: the data of each path as text. Without what is below
   * `/zookeeper`, unless that is asked for. Empty if there is no such node.
   */
  toObject(root?: string): Readonly<Record<string, string>>;
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
        text: textOf(node.data),
        stat: node.stat(),
        acl: node.acl.map((entry) => ({ ...entry })),
        children: [...node.children].sort(),
      };
    },
    paths: () => [...tree.paths()].sort(),
    toObject: (root = '/') => {
      const isWanted = (path: string): boolean => path === root || isBelow(path, root);
      const isAskedFor = root === OWN || isBelow(root, OWN);
      const paths = [...tree.paths()]
        .filter((path) => isWanted(path) && (isAskedFor || !(path === OWN || isBelow(path, OWN))))
        .sort();
      return Object.fromEntries(paths.map((path) => [path, textOf(tree.get(path)?.data ?? null)]));
    },
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

/** What the server keeps for itself. */
const OWN = '/zookeeper';

const isBelow = (path: string, root: string): boolean => root === '/' || path.startsWith(`${root}/`);

const textOf = (data: Buffer | null): string => data?.toString('utf8') ?? '';
