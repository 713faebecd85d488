/** What parts of the user's own, a host provider or a dialer, give is looked at before it is used. */
import { InvalidArgumentError } from '../protocol/errors.js';
import type { HostChoice } from './host-provider.js';
import type { Transport } from './transport.js';

/** The provider may be the user's own. */
export function checkChoice(choice: HostChoice): HostChoice {
  const { host, port } = (choice as Partial<HostChoice> | undefined)?.server ?? {};
  if (typeof host !== 'string' || host === '' || typeof port !== 'number') {
    throw new InvalidArgumentError('the host provider did not give { server: { host, port }, retryStart }');
  }
  return choice;
}

/** Whatever was thrown, as an Error whose message can be read. */
export function asError(thrown: unknown): Error {
  try {
    if (!(thrown instanceof Error)) return new Error(String(thrown));
    if (typeof (thrown.message as unknown) === 'string') return thrown;
  } catch {
    // a getter, or an object without a text
  }
  return new Error('something was thrown that says nothing', { cause: thrown });
}

/** The dialer may be the user's own. */
export function checkTransport(transport: Transport): Transport {
  const given = transport as Partial<Transport> | undefined;
  if (typeof given?.write === 'function' && typeof given.destroy === 'function') return transport;
  throw new InvalidArgumentError('the dialer did not give { write, destroy }');
}

/** A number that the user's own code gives; `fallback` for what makes no sense, and for an exception. */
export function usersNumber(
  give: () => number,
  makesSense: (n: number) => boolean,
  fallback: number,
): number {
  try {
    const n = give();
    return makesSense(n) ? n : fallback;
  } catch {
    return fallback;
  }
}

/** Runs code of the user's: its error is the user's, and must not cost the connection. */
export function usersCode(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}

/** What a dialer passes on as bytes; an error for anything else. */
export function bytesOf(chunk: unknown): Buffer | Error {
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return new InvalidArgumentError('the dialer gave something else than bytes');
}
