/** The calls on quotas, which stand outside of any chroot: each one line over what `quota.ts` does. */
import { checkCallOptions, type CallOptions } from './arguments.js';
import { Budget } from './budget.js';
import { rejecting, type Caller } from './caller.js';
import { ZnodeCalls } from './calls.js';
import {
  QUOTA_LIMITS,
  checkLimitNames,
  checkLimits,
  checkQuotaPath,
  deleteQuota,
  getQuota,
  setQuota,
  type Quota,
  type QuotaLimit,
  type QuotaLimits,
} from './quota.js';
import { StreamCalls } from './stream-calls.js';

/** The calls on znodes and streams, and those on quotas. */
export abstract class QuotaCalls extends StreamCalls {
  /**
   * Limits a subtree, or changes its limits; those that are not named stay as they are, `null` takes one away. The
   * path is an absolute one for the server: under a chroot that is put before it. Hard limits need server 3.7.
   * @throws NoNodeError; InvalidPathError (`/`, `/zookeeper/quota`); InvalidArgumentError if a node above or below has
   * a quota; NoAuthError
   */
  setQuota(path: string, limits: Partial<QuotaLimits>, options?: CallOptions): Promise<void> {
    return rejecting(() => {
      const { serverPath, conn, next } = this.quotaCall(path, 'setQuota', options);
      return setQuota(conn, serverPath, path, checkLimits(limits, path), next);
    });
  }

  /** Limits and usage of a subtree that {@link setQuota} has limited; null if it has no quota of its own. */
  getQuota(path: string, options?: CallOptions): Promise<Quota | null> {
    return rejecting(() => {
      const { serverPath, conn, next } = this.quotaCall(path, 'getQuota', options);
      return getQuota(conn, serverPath, next);
    });
  }

  /**
   * Takes limits away, all of them by default; with the last one goes the quota itself.
   * @returns false if there was none
   * @throws BadVersionError if others change the quota again and again meanwhile
   */
  deleteQuota(
    path: string,
    which: readonly QuotaLimit[] = QUOTA_LIMITS,
    options?: CallOptions,
  ): Promise<boolean> {
    return rejecting(() => {
      const { serverPath, conn, next } = this.quotaCall(path, 'deleteQuota', options);
      return deleteQuota(conn, serverPath, path, checkLimitNames(which, path), next);
    });
  }

  /** @internal Checks the options of a call that is made of many. */
  protected budget(given: unknown, op: string, path: string, own: readonly string[] = []): Budget {
    return new Budget(this.caller.clock, checkCallOptions(given, op, path, own), op, path);
  }

  private quotaCall(
    path: string,
    op: string,
    options: CallOptions | undefined,
  ): { readonly serverPath: string; readonly conn: ZnodeCalls; readonly next: () => CallOptions } {
    const serverPath = this.caller.toServer(path, 'node', op);
    checkQuotaPath(serverPath, op, path);
    const budget = this.budget(options, op, path);
    return { serverPath, conn: new Unrooted(this.caller.unrooted()), next: () => budget.next() };
  }
}

/** Calls by the server's own paths. */
export class Unrooted extends ZnodeCalls {
  constructor(protected readonly caller: Caller) {
    super();
  }
}
