/** SASL as a server answers that has no SASL: any token ends the exchange well, and proves nothing. */
import type { Handler } from './handler.js';
import { refuse } from './refusal.js';

/** A null token is more than such a server can bear: it hangs up. */
export const sasl: Handler<'sasl'> = (_ctx, { token }) => {
  if (token === null) refuse('Marshalling');
  return { token: null };
};
