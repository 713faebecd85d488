import { Conn, type ConnOptions, type ZkError } from '../../src/index.js';

/** What the first attempt to connect fails with. */
export async function firstFailure(servers: string, options: ConnOptions): Promise<ZkError> {
  await using conn = new Conn(servers, options);
  const failed = new Promise<ZkError>((resolve) => conn.once('connectError', ({ error }) => resolve(error)));
  conn.connect().catch(() => undefined);
  return await failed;
}
