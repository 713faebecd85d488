/** The types at work: results by operation, errors by class, and `await using`, which closes by itself. */
/* eslint-disable no-console -- an example prints */
import { MultiError, connect, op, type Conn, type ConnOptions, type Stat } from 'zk-conn';
import { MiniServer } from 'zk-conn/testing';

const options: ConnOptions = { sessionTimeoutMs: 10_000 };

/** null if there is no such node; any other error is the caller's. */
async function versionOf(conn: Conn, path: string): Promise<number | null> {
  const stat: Stat | null = await conn.exists(path);
  return stat === null ? null : stat.version;
}

/** Two changes as one. The results are a tuple, each with the type of its operation. */
async function publish(conn: Conn, text: string): Promise<{ path: string; version: number }> {
  const [path, stat] = await conn
    .transaction()
    .create('/news-', text, { mode: 'EPHEMERAL_SEQUENTIAL' })
    .set('/latest', text)
    .commit();
  return { path, version: stat.version };
}

async function main(servers: string): Promise<void> {
  await using conn = await connect(servers, options);
  await conn.create('/latest', null, { mode: 'EPHEMERAL' });
  console.log(
    `version of /latest: ${await versionOf(conn, '/latest')}, of /nobody: ${await versionOf(conn, '/nobody')}`,
  );

  const { path, version } = await publish(conn, 'it works');
  console.log(`published ${path}, /latest is at version ${version}`);

  try {
    await conn.multi([op.check('/latest', 0), op.delete('/latest')]);
  } catch (error) {
    if (!(error instanceof MultiError)) throw error;
    console.log(`operation ${error.index} failed: ${error.code}, ${error.outcome}`);
  }
}

const real = process.env['ZK_SERVERS'];
if (real === undefined) {
  await using server = await MiniServer.start();
  await main(server.connectString);
} else {
  await main(real);
}
