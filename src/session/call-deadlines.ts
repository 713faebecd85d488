/**
 * Which calls give up next. Most are answered long before that, so a call costs one comparison when it is made; only when a
 * deadline has come are those that are still under way put in order, each of them once.
 */
import type { PendingRequest, RequestRing } from './pending.js';

export class CallDeadlines {
  /** Those that are in order: a binary heap, the earliest first. */
  private heap: PendingRequest[] = [];
  /** How many of them are settled: never more than half, since each keeps alive what its caller got. */
  private settledCount = 0;
  /** None of the others gives up before this; it may be too early, never too late. */
  private unsorted = Infinity;

  /** No call gives up before this; it may be too early, never too late. */
  get earliest(): number {
    const first = this.heap[0];
    return first !== undefined && first.deadline < this.unsorted ? first.deadline : this.unsorted;
  }

  /** How many are in order, the settled among them. */
  get sorted(): number {
    return this.heap.length;
  }

  /** A call was taken. */
  add(deadline: number): void {
    if (deadline < this.unsorted) this.unsorted = deadline;
  }

  /**
   * Those who have waited for too long, in the order of the calls.
   * @param rings all calls under way; new ones come in at the end of each
   */
  passed(now: number, rings: readonly RequestRing[]): PendingRequest[] {
    if (now < this.earliest) return [];
    if (now >= this.unsorted) this.sort(rings);
    const passed: PendingRequest[] = [];
    for (let first = this.heap[0]; first !== undefined; first = this.heap[0]) {
      if (!first.settled && first.deadline > now) break;
      this.takeFirst();
      first.ordered = null;
      if (first.settled) this.settledCount--;
      else passed.push(first);
    }
    return passed.sort(byCall);
  }

  /** One of those that are in order is settled. */
  settled(): void {
    this.settledCount++;
    if (this.settledCount * 2 <= this.heap.length) return;
    // what is sorted is a heap
    this.heap = this.heap.filter(({ settled }) => !settled).sort((a, b) => a.deadline - b.deadline);
    this.settledCount = 0;
  }

  /** Puts in order what has come since the last time: the end of each ring. */
  private sort(rings: readonly RequestRing[]): void {
    this.unsorted = Infinity;
    for (const ring of rings) {
      for (let i = ring.length - 1; i >= 0; i--) {
        const pending = ring.at(i) as PendingRequest;
        if (pending.isTimed) break;
        pending.isTimed = true;
        if (pending.settled || pending.deadline === Infinity) continue;
        pending.ordered = this;
        this.insert(pending);
      }
    }
  }

  private insert(pending: PendingRequest): void {
    const { heap } = this;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as PendingRequest;
      if (parent.deadline <= pending.deadline) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = pending;
  }

  private takeFirst(): void {
    const { heap } = this;
    const last = heap.pop() as PendingRequest;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && deadlineAt(heap, below + 1) < deadlineAt(heap, below)) below++;
      if (last.deadline <= deadlineAt(heap, below)) break;
      heap[at] = heap[below] as PendingRequest;
      at = below;
    }
    heap[at] = last;
  }
}

function deadlineAt(heap: readonly PendingRequest[], index: number): number {
  return (heap[index] as PendingRequest).deadline;
}

/** xids go round; those of calls that wait at the same time lie close together. */
function byCall(a: PendingRequest, b: PendingRequest): number {
  const distance = a.xid - b.xid;
  return Math.abs(distance) > 0x3fffffff ? -distance : distance;
}
