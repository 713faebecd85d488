/** All checks, by name. Each plays with a client, and throws if that does something which it must not. */
import type { BuiltClient } from './build.js';
import { CONNECTION_CHECKS } from './connection-checks.js';
import { REQUEST_CHECKS } from './request-checks.js';

export const CHECKS = { ...CONNECTION_CHECKS, ...REQUEST_CHECKS } as const satisfies Record<
  string,
  (client: BuiltClient) => Promise<void>
>;

export type CheckName = keyof typeof CHECKS;
