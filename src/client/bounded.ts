/** Work that is done a few pieces at a time. The only importer of p-queue. */
import type PQueue from 'p-queue';

export class Bounded {
  private failed = false;
  private failure: unknown;

  private constructor(private readonly queue: PQueue) {}

  /** @param concurrency pieces under way at once */
  static async of(concurrency: number): Promise<Bounded> {
    // loaded when it is needed: it is an ES module, which CommonJS can only import this way, and few calls need it
    const { default: Queue } = await import('p-queue');
    return new Bounded(new Queue({ concurrency }));
  }

  /** Resolves when a further piece need not wait for long. @throws what a piece threw; nothing is under way then */
  async room(): Promise<void> {
    if (!this.failed) await this.queue.onSizeLessThan(1);
    if (this.failed) await this.done();
  }

  /** Adds a piece. They begin in this order; once one has thrown, no other begins. */
  start(piece: () => Promise<void>): void {
    if (this.failed) return;
    void this.queue.add(() => this.run(piece));
  }

  /** Resolves when all is done. @throws what a piece threw, when nothing is under way any more */
  async done(): Promise<void> {
    await this.queue.onIdle();
    if (this.failed) throw this.failure;
  }

  private async run(piece: () => Promise<void>): Promise<void> {
    try {
      await piece();
    } catch (error) {
      if (this.failed) return;
      this.failed = true;
      this.failure = error;
      this.queue.clear();
    }
  }
}
