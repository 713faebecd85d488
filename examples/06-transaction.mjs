/** Several changes as one: all of them, or none. */
import { MultiError, connect, op } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const conn = await connect(servers);
  await conn.create('/from', '100');
  await conn.create('/to', '0');

  // each result has the type of its operation: [undefined, Stat, Stat, string]
  const { stat } = await conn.get('/from');
  const [, from, to, receipt] = await conn.multi([
    op.check('/from', stat.version),
    op.set('/from', '70'),
    op.set('/to', '30'),
    op.create('/receipt-', '30 moved', { mode: 'PERSISTENT_SEQUENTIAL' }),
  ]);
  console.log(`moved: from is at version ${from.version}, to at ${to.version}, ${receipt}`);

  // the same, collected call by call; this one must fail, for the version that is checked is gone
  try {
    await conn.transaction().set('/to', '60').check('/from', stat.version).delete('/from').commit();
  } catch (error) {
    if (!(error instanceof MultiError)) throw error;
    console.log(`refused at operation ${error.index}: ${error.code}`);
    for (const { op: name, path, errno } of error.results) console.log(`  ${name} ${path}: ${errno}`);
  }
  console.log(`nothing was changed: to holds ${(await conn.get('/to')).data.toString()}`);

  await conn.close();
});
