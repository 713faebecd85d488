/** Walks over a subtree: an iterator written by hand, which reads a little ahead of whoever takes from it. */
import { NoNodeError } from '../protocol/errors.js';
import { joinPath } from '../protocol/paths.js';
import type { Stat } from '../protocol/records.js';
import type { CallOptions } from './arguments.js';
import type { ChildrenResult, GetResult } from './calls.js';

/** Options of `walk`. */
export interface WalkOptions extends CallOptions {
  /**
   * `breadth` (the default): level by level. `depth`: each node is followed by all that is below it. A parent comes
   * before its children either way, and children in the order of their names.
   */
  readonly order?: 'breadth' | 'depth' | undefined;
  /** Reads under way at once. Default: 16. */
  readonly concurrency?: number | undefined;
  /** Read the data too. Default: false. */
  readonly data?: boolean | undefined;
}

/** A node, as `walk` found it. */
export interface WalkedNode {
  readonly path: string;
  readonly stat: Stat;
  /** Names of its children, sorted. */
  readonly children: readonly string[];
}

/** What `walk` gives with `data: true`. */
export interface WalkedNodeWithData extends WalkedNode {
  readonly data: Buffer | null;
}

/** Reads of a node that are needed here. */
export interface NodeReader {
  get(path: string, options?: CallOptions): Promise<GetResult>;
  children(path: string, options?: CallOptions): Promise<ChildrenResult>;
}

interface Entry<N> {
  readonly path: string;
  /** null until it is read ahead. */
  reading: Promise<N | null> | null;
}

/** The nodes of a subtree, its root first. Nothing is read before somebody asks for the next one. */
export class Walk<N extends WalkedNode> implements AsyncIterableIterator<N, undefined> {
  /** What is still to come: from `head` on for breadth, from the end for depth. */
  private readonly ahead: Entry<N>[];
  private head = 0;
  private over = false;
  private turn: Promise<unknown> = Promise.resolve();

  /** @param read gives null for a node that is not there any more */
  constructor(
    root: string,
    private readonly depthFirst: boolean,
    private readonly concurrency: number,
    private readonly read: (path: string) => Promise<N | null>,
  ) {
    this.ahead = [{ path: root, reading: null }];
  }

  /** The next node. Rejects once, which ends the walk. */
  next(): Promise<IteratorResult<N, undefined>> {
    const turn = this.turn.then(() => this.step());
    this.turn = turn.catch(() => undefined);
    return turn;
  }

  /** What `break` does: nothing more is read. */
  return(): Promise<IteratorResult<N, undefined>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** `await using`: ends the walk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private async step(): Promise<IteratorResult<N, undefined>> {
    for (let entry = this.take(); entry !== undefined; entry = this.take()) {
      let node: N | null;
      try {
        node = await entry.reading;
      } catch (error) {
        // whoever has broken off meanwhile does not want to know
        if (this.over) break;
        this.end();
        throw error;
      }
      if (node === null) continue;
      // broken off while we waited
      if (this.isOver()) break;
      this.add(node);
      return { value: node, done: false };
    }
    this.end();
    return { value: undefined, done: true };
  }

  private isOver(): boolean {
    return this.over;
  }

  /** The next entry, which is being read, as those behind it are. */
  private take(): Entry<N> | undefined {
    const { ahead, depthFirst, concurrency } = this;
    const left = ahead.length - this.head;
    for (let i = 0; i < Math.min(left, concurrency); i++) {
      const entry = (depthFirst ? ahead[ahead.length - 1 - i] : ahead[this.head + i]) as Entry<N>;
      if (entry.reading !== null) continue;
      entry.reading = this.read(entry.path);
      // it may fail before it is its turn, or when nobody is there any more
      entry.reading.catch(() => undefined);
    }
    if (depthFirst) return ahead.pop();
    const entry = ahead[this.head];
    if (entry === undefined) return undefined;
    // cut now and then: taking the first off each time would move all the others
    if (++this.head >= 1024 && this.head * 2 > ahead.length) {
      ahead.splice(0, this.head);
      this.head = 0;
    }
    return entry;
  }

  private add({ path, children }: N): void {
    const entries = children.map((name): Entry<N> => ({ path: joinPath(path, name), reading: null }));
    if (this.depthFirst) entries.reverse();
    for (const entry of entries) this.ahead.push(entry);
  }

  private end(): void {
    this.over = true;
    this.ahead.length = 0;
    this.head = 0;
  }
}

/**
 * Reads one node for a walk.
 * @param options asked for before each call
 */
export async function readNode(
  conn: NodeReader,
  path: string,
  withData: true,
  options: () => CallOptions,
): Promise<WalkedNodeWithData>;
export async function readNode(
  conn: NodeReader,
  path: string,
  withData: boolean,
  options: () => CallOptions,
): Promise<WalkedNode>;
export async function readNode(
  conn: NodeReader,
  path: string,
  withData: boolean,
  options: () => CallOptions,
): Promise<WalkedNode | WalkedNodeWithData> {
  if (!withData) {
    const { children, stat } = await conn.children(path, options());
    return { path, stat, children: [...children].sort() };
  }
  const { data, stat } = await conn.get(path, options());
  // most nodes are leaves, and one call is enough for those
  const children = stat.numChildren === 0 ? [] : (await conn.children(path, options())).children;
  return { path, stat, children: [...children].sort(), data };
}

/** Gives null where `read` finds no node: somebody has deleted it meanwhile. */
export async function unlessVanished<T>(read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof NoNodeError) return null;
    throw error;
  }
}
