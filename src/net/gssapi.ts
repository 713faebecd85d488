/** The SASL mechanism GSSAPI (Kerberos 5, RFC 4752) by way of the npm package `kerberos`, which the user brings along. */
import { InvalidOptionError, SaslError } from '../protocol/errors.js';
import type { SaslConversation, SaslMechanism, SaslTarget } from './sasl.js';

/** What {@link gssapi} needs of a client context of the package `kerberos`. Tokens are base64. */
export interface KerberosClient {
  readonly contextComplete: boolean;
  /** Gives null, or an empty text, where there is nothing to say. */
  step(challenge: string): PromiseLike<string | null>;
  /** Gives the protected message, without its protection. */
  unwrap(challenge: string): PromiseLike<string>;
  /** Protects a message; the option `user` makes it the answer of RFC 4752, 3.1 for that identity. */
  wrap(challenge: string, options?: { readonly user?: string }): PromiseLike<string>;
}

/** What {@link gssapi} needs of the module `kerberos`, version 2. */
export interface KerberosModule {
  initializeClient(
    service: string,
    options?: { readonly principal?: string; readonly mechOID?: number },
  ): PromiseLike<KerberosClient>;
}

/** Options of {@link gssapi}. */
export interface GssapiOptions {
  /** The package, as you have imported it: `import kerberos from 'kerberos'`. */
  readonly kerberos: KerberosModule;
  /** First part of the server's principal, `zookeeper/<host>`. Default `zookeeper`. */
  readonly service?: string | undefined;
  /** Second part of the server's principal. Default: the host as the connect string has it. */
  readonly hostName?: string | ((target: SaslTarget) => string) | undefined;
  /** Who we are, where the ticket cache has several. Default: whoever is its default. */
  readonly principal?: string | undefined;
}

const KEYS = ['kerberos', 'service', 'hostName', 'principal'] as const;

/** Bit of the security layers of RFC 4752: none, the only one that ZooKeeper has a use for. */
const NO_LAYER = 1;

/**
 * Authenticates by Kerberos, with the ticket that `kinit` or a keytab has put into the cache of this process:
 * `sasl: gssapi({ kerberos })`. What follows the exchange is neither signed nor encrypted by it: use TLS as well.
 * @throws InvalidOptionError
 */
export function gssapi(options: GssapiOptions): SaslMechanism {
  const { kerberos, service = 'zookeeper', hostName, principal } = checkOptions(options);
  return {
    name: 'GSSAPI',
    async start(target) {
      const host = typeof hostName === 'function' ? hostName(target) : (hostName ?? target.host);
      const client = await kerberos.initializeClient(
        `${service}@${host}`,
        principal === undefined ? {} : { principal },
      );
      return new Conversation(client, bytesOf(await client.step('')));
    },
  };
}

/** First the tokens of the context, then one more each way about the security layer. */
class Conversation implements SaslConversation {
  complete = false;
  #client: KerberosClient | null;

  constructor(
    client: KerberosClient,
    readonly initialToken: Uint8Array,
  ) {
    this.#client = client;
  }

  async respond(challenge: Uint8Array): Promise<Uint8Array> {
    const client = this.#client;
    if (client === null) throw new SaslError('GSSAPI: the conversation is over');
    const token = Buffer.from(challenge).toString('base64');
    // an empty token is nothing that a context could be fed with, nor an offer: it only gives us the word
    if (!client.contextComplete) return bytesOf(await client.step(token));
    if (challenge.length === 0) return new Uint8Array(0);
    const offer = bytesOf(await client.unwrap(token));
    if (offer.length !== 4 || ((offer[0] as number) & NO_LAYER) === 0) {
      throw new SaslError('GSSAPI: the server does not offer to go on without a security layer');
    }
    // no layer, no size; the identity is that of the ticket
    const answer = await client.wrap(Buffer.from([NO_LAYER, 0, 0, 0]).toString('base64'));
    this.complete = true;
    return bytesOf(answer);
  }

  dispose(): void {
    this.#client = null;
  }
}

function bytesOf(base64: string | null | undefined): Uint8Array {
  // the package gives null for nothing
  return base64 === null || base64 === undefined ? new Uint8Array(0) : Buffer.from(base64, 'base64');
}

function checkOptions(options: GssapiOptions): GssapiOptions {
  const given = options as unknown as Record<string, unknown> | null | undefined;
  const module = given?.['kerberos'] as Partial<KerberosModule> | null | undefined;
  if (typeof module?.initializeClient !== 'function') {
    throw new InvalidOptionError(
      "gssapi: needs { kerberos }, the npm package of that name: import kerberos from 'kerberos'",
    );
  }
  for (const key of Object.keys(given ?? {})) {
    if (!(KEYS as readonly string[]).includes(key)) {
      throw new InvalidOptionError(`gssapi: unknown option '${key}'; known are ${KEYS.join(', ')}`);
    }
  }
  const isText = (value: unknown): boolean =>
    value === undefined || (typeof value === 'string' && value !== '');
  const { service, hostName, principal } = options;
  if (!isText(service) || !isText(principal) || !(isText(hostName) || typeof hostName === 'function')) {
    throw new InvalidOptionError(
      'gssapi: service, hostName and principal must be texts with something in them',
    );
  }
  return options;
}
