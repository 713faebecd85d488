/** Whole subtrees: make, walk, copy, limit and delete them; and a part of the tree as if it were all. */
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

await playground(async (servers) => {
  const conn = await connect(servers);

  // many processes may do this at the same time
  await Promise.all([conn.ensurePath('/shop/fruit'), conn.ensurePath('/shop/bread')]);
  for (const name of ['apple', 'pear']) await conn.create(`/shop/fruit/${name}`, `a fine ${name}`);

  for await (const { path, data } of conn.walk('/shop', { data: true, order: 'depth' })) {
    console.log(path, data === null ? '' : `"${data}"`);
  }

  const { created } = await conn.copyTree('/shop', '/backup', {
    onProgress: ({ created: sofar, path }) => sofar === 1 && console.log(`copying ${path}`),
  });
  console.log(`${created} nodes copied`);

  // a view shares connection and session; its paths are its own
  const fruit = conn.chroot('/shop/fruit');
  console.log(`${fruit.chrootPath} has ${(await fruit.children('/')).children.length} children`);
  await fruit.set('/pear', 'sold');

  await conn.setQuota('/shop', { count: 100 });
  console.log(`at most ${(await conn.getQuota('/shop')).limits.count} nodes in /shop`);
  await conn.deleteQuota('/shop');

  for (const path of ['/shop', '/backup'])
    console.log(`${await conn.deleteRecursive(path)} nodes of ${path} deleted`);
  await conn.close();
});
