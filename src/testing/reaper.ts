/** Deletes containers that have lost their last child and TTL nodes whose time is up (Java `ContainerManager`). */
import type { DataNode } from './data-tree.js';
import { hashOfText, inBucketOrderBy } from './java-hash.js';
import type { ServerState } from './server-state.js';

/** One round. Also deletes what became empty by it only in the next round, like the original. */
export function reapMortals(state: ServerState): void {
  const now = state.clock.wallMs();
  const { containerMaxNeverUsedIntervalMs } = state.options;
  const over = state.tree.mortals().filter((path) => {
    const node = state.tree.get(path);
    return node !== undefined && isOver(node, now, containerMaxNeverUsedIntervalMs);
  });
  // they are put into a hash set
  for (const path of inBucketOrderBy(over, hashOfText)) state.reap(path);
}

/** Containers that never had a child are left alone unless there is a time for them. */
function isOver(node: DataNode, nowMs: number, neverUsedMs: number): boolean {
  if (node.numChildren > 0) return false;
  if (node.lifetime.kind === 'container') {
    return node.cversion > 0 || (neverUsedMs > 0 && nowMs - node.mtime > neverUsedMs);
  }
  return node.lifetime.kind === 'ttl' && nowMs - node.mtime > node.lifetime.ttlMs;
}
