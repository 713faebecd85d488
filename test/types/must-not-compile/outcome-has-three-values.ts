/** An error says one of three things about what may have happened. */
import type { ZkError } from 'zk-conn';

export function handle(error: ZkError): void {
  if (error.outcome === 'failed') return; // TS2367
  error.outcome = 'rejected'; // TS2540
}
