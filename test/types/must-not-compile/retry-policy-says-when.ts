/** A policy says when to try again. */
import type { RetryPolicy } from 'zk-conn';

export const policy: RetryPolicy = { delayMs: () => 'soon' }; // TS2322
