/** SASL. The refusals of this handler are told by the request pipeline in SASL's own way. */
import type { Handler } from './handler.js';
import { withSuper } from './access.js';
import { refuse } from './refusal.js';

/**
 * Without users a server has no SASL: any token ends the exchange well, and proves nothing.
 * @throws Refusal AuthFailed, or SessionClosedRequireSaslAuth where SASL is demanded; Marshalling for what a server does
 * not bear: it hangs up
 */
export const sasl: Handler<'sasl'> = ({ state: { options }, caller, saslExchange }, { token }) => {
  if (saslExchange === null) return token === null ? refuse('Marshalling') : { token: null };
  const step = saslExchange.step(token);
  switch (step.kind) {
    case 'accepted':
      caller.addAuthIds(withSuper('sasl', step.username, options.superUser));
      return { token: step.token };
    case 'challenge':
      return { token: step.token };
    case 'refused':
      return refuse(
        options.enforcedAuthSchemes.includes('sasl') ? 'SessionClosedRequireSaslAuth' : 'AuthFailed',
      );
    default:
      return refuse('Marshalling');
  }
};
