/**
 * Every call of node-zookeeper-client: …-calls.mjs host:port /root. Prints one line `name: value` per finding. With a
 * third argument it is the child whose session the server ends.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import zookeeper from 'node-zookeeper-client';

const [hosts, root, childPath] = process.argv.slice(2);
const { ACL, CreateMode, Exception, Id, Permission, State } = zookeeper;
const NO_DATA = Buffer.alloc(0);
/** Of those that must not end while the machine is busy, and of the one that is to end. */
const SESSION_MS = 30_000;
const SHORT_SESSION_MS = 6_000;

const say = (name, ...values) =>
  void process.stdout.write(`${name}: ${values.map(String).join(' ')}`.trimEnd() + '\n');
const codes = new Map(
  Object.entries(Exception)
    .filter(([, value]) => typeof value === 'number')
    .map(([k, v]) => [v, k]),
);

/** All that a call gives to its callback, behind the error. */
const on =
  (object) =>
  (name, ...args) =>
    new Promise((resolve, reject) => {
      object[name](...args, (error, ...values) => (error ? reject(error) : resolve(values)));
    });

async function refused(name, attempt) {
  const said = await attempt().then(
    (values) => `no error: ${String(values)}`,
    (error) => (error.getCode ? codes.get(error.getCode()) : error.message),
  );
  say(name, said);
}

function watcher() {
  let fired;
  const event = new Promise((resolve) => (fired = resolve));
  const tell = async (name) => {
    const { name: type, path } = await event;
    say(name, type, path.slice(root.length));
  };
  return { fired, tell };
}

async function connected(timeout = SESSION_MS) {
  const client = zookeeper.createClient(hosts, { sessionTimeout: timeout });
  client.connect();
  await once(client, 'connected');
  return client;
}

async function closed(client) {
  client.close();
  await once(client, 'disconnected');
}

const digest = (user, password) =>
  `${user}:${createHash('sha1').update(`${user}:${password}`).digest('base64')}`;

if (childPath !== undefined) await child();
else await parent();

/** Owns a node with a short session, and tells what becomes of it. */
async function child() {
  const client = await connected(SHORT_SESSION_MS);
  await on(client)('create', childPath, CreateMode.EPHEMERAL);
  say('created');
  client.on('state', (state) => say('state', state.name));
  await once(client, 'expired');
  client.close();
  process.exit(0);
}

async function parent() {
  const [a, b] = await Promise.all([connected(), connected()]);
  const [zk, other] = [on(a), on(b)];
  say('state', a.getState().name, a.getState() === State.SYNC_CONNECTED);
  say('session', a.getSessionId().length, a.getSessionPassword().length, a.getSessionTimeout());
  await nodes(a, zk);
  await sequences(zk);
  await trees(zk);
  await watches(zk, other);
  await security(zk, other, a);
  await transactions(a, zk);
  await chroot(zk);
  await expiry(zk);
  await Promise.all([closed(a), closed(b)]);
  say('closed', a.getState().name);
  say('done');
}

async function nodes(a, zk) {
  const [node, owned] = [`${root}/a`, `${root}/e`];
  const cut = (path) => path.slice(root.length);
  say('create', cut((await zk('create', node, Buffer.from('hello'), CreateMode.PERSISTENT))[0]));
  say('create ephemeral', cut((await zk('create', owned, Buffer.from('owned'), CreateMode.EPHEMERAL))[0]));
  say('create with nothing', cut((await zk('create', `${root}/n`))[0]));
  const [data, stat] = await zk('getData', node);
  say('getData', data, stat.version, stat.dataLength, stat.numChildren, stat.czxid.equals(stat.mzxid));
  say('getData of nothing', (await zk('getData', `${root}/n`))[0]);
  say('setData', (await zk('setData', node, Buffer.from('world'), 0))[0].version);
  say('setData of any version', (await zk('setData', node, NO_DATA))[0].version);
  const [names, of] = await zk('getChildren', root);
  say('getChildren', names.sort().join(), of.numChildren, of.cversion);
  say('exists', (await zk('exists', node))[0].version, (await zk('exists', `${root}/none`))[0]);
  const owner = (await zk('exists', owned))[0].ephemeralOwner;
  say('owned by me', owner.equals(a.getSessionId()));
  await refused('create again', () => zk('create', node));
  await refused('create below nothing', () => zk('create', `${root}/none/x`));
  await refused('create below ephemeral', () => zk('create', `${owned}/x`));
  await refused('setData of a wrong version', () => zk('setData', node, NO_DATA, 7));
  await refused('getData of no node', () => zk('getData', `${root}/none`));
  await refused('getChildren of no node', () => zk('getChildren', `${root}/none`));
  await refused('getACL of no node', () => zk('getACL', `${root}/none`));
  await refused('remove of a wrong version', () => zk('remove', node, 0));
  await refused('remove with children', () => zk('remove', root));
  await refused('remove of no node', () => zk('remove', `${root}/none`));
  say('remove', (await zk('remove', node, 2)).length, (await zk('exists', node))[0]);
  await zk('remove', `${root}/n`);
  const big = Buffer.alloc(1_000_000, 'x');
  await zk('create', `${root}/big`, big);
  say('big', (await zk('getData', `${root}/big`))[0].equals(big));
  await zk('remove', `${root}/big`);
}

async function sequences(zk) {
  const top = (await zk('create', `${root}/seq`))[0];
  for (const mode of ['PERSISTENT_SEQUENTIAL', 'EPHEMERAL_SEQUENTIAL', 'PERSISTENT_SEQUENTIAL']) {
    const [path] = await zk('create', `${top}/n-`, NO_DATA, CreateMode[mode]);
    say(
      mode,
      path.slice(top.length),
      Number((await zk('exists', path))[0].ephemeralOwner.readBigInt64BE()) !== 0,
    );
  }
}

async function trees(zk) {
  say('mkdirp', (await zk('mkdirp', `${root}/x/y/z`, Buffer.from('each')))[0].slice(root.length));
  say('mkdirp again', (await zk('mkdirp', `${root}/x/y/z/w`))[0].slice(root.length));
  say('its data', (await zk('getData', `${root}/x`))[0], (await zk('getData', `${root}/x/y/z/w`))[0]);
  const list = async () =>
    (await zk('listSubTreeBFS', `${root}/x`))[0].map((path) => path.slice(root.length));
  // it looks one level deep, and so does what stands on it
  say('listSubTreeBFS', (await list()).join());
  await refused('removeRecursive', () => zk('removeRecursive', `${root}/x`));
  for (const path of ['/y/z/w', '/y/z']) await zk('remove', `${root}/x${path}`);
  await zk('removeRecursive', `${root}/x`);
  say('removeRecursive of one level', (await zk('exists', `${root}/x`))[0]);
}

async function watches(zk, other) {
  const node = `${root}/w`;
  let seen = watcher();
  await zk('exists', node, seen.fired);
  await other('create', node);
  await seen.tell('created');
  seen = watcher();
  const kids = watcher();
  await zk('getData', node, seen.fired);
  await zk('getChildren', node, kids.fired);
  await other('setData', node, Buffer.from('1'));
  await seen.tell('changed');
  await other('create', `${node}/x`);
  await kids.tell('children changed');
  await other('remove', `${node}/x`);
  const all = [watcher(), watcher(), watcher()];
  await zk('exists', node, all[0].fired);
  await zk('getData', node, all[1].fired);
  await zk('getChildren', node, all[2].fired);
  await other('remove', node);
  for (const [index, each] of all.entries())
    await each.tell(`deleted ${['exists', 'getData', 'getChildren'][index]}`);
}

async function security(zk, other, a) {
  const show = ([acls, stat]) =>
    [...acls.map(({ permission, id }) => `${id.scheme}:${id.id}:${permission}`), stat.aversion].join(' ');
  const node = (await zk('create', `${root}/acl`, Buffer.from('hidden')))[0];
  say('getACL', show(await zk('getACL', node)));
  a.addAuthInfo('digest', Buffer.from('ann:secret'));
  await refused('setACL of a wrong version', () => zk('setACL', node, ACL.CREATOR_ALL_ACL, 3));
  say('setACL', (await zk('setACL', node, ACL.CREATOR_ALL_ACL, 0))[0].aversion);
  say('becomes the identity', show(await zk('getACL', node)) === `digest:${digest('ann', 'secret')}:31 1`);
  await refused('getData without right', () => other('getData', node));
  await refused('setData without right', () => other('setData', node, NO_DATA));
  await refused('setACL without right', () => other('setACL', node, ACL.OPEN_ACL_UNSAFE));
  await refused('create without right', () => other('create', `${node}/x`));
  await refused('getACL without right', () => other('getACL', node));
  say('getData with right', (await zk('getData', node))[0]);
  const three = [
    new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE),
    new ACL(Permission.WRITE, new Id('digest', 'bob:hash')),
    new ACL(Permission.ADMIN, new Id('digest', digest('ann', 'secret'))),
  ];
  await zk('setACL', node, three);
  say('getACL of a reader', show(await other('getACL', node)));
  say(
    'getACL of an admin',
    show(await zk('getACL', node)) ===
      `world:anyone:1 digest:bob:hash:2 digest:${digest('ann', 'secret')}:16 2`,
  );
  await zk('setACL', node, ACL.READ_ACL_UNSAFE);
  await refused('setData of what is to read', () => zk('setData', node, NO_DATA));
  await refused('create with a bad scheme', () =>
    zk('create', `${root}/bad`, [new ACL(31, new Id('nobody', 'x'))]),
  );
  await refused('create with creator of nobody', () => other('create', `${root}/bad`, ACL.CREATOR_ALL_ACL));
  say(
    'create by its creator',
    (await zk('create', `${root}/mine`, ACL.CREATOR_ALL_ACL))[0].slice(root.length),
  );
  const root2 = await connected();
  root2.addAuthInfo('digest', Buffer.from('super:test'));
  say('super user', (await on(root2)('setData', node, Buffer.from('1')))[0].version);
  await closed(root2);
  const bad = await connected();
  const failed = once(bad, 'authenticationFailed');
  bad.addAuthInfo('nobody', Buffer.from('x'));
  await failed;
  say('addAuthInfo of a bad scheme', bad.getState().name);
  bad.close();
}

async function transactions(a, zk) {
  const node = (await zk('create', `${root}/tx`, Buffer.from('0')))[0];
  const commit = (build) => on(build(a.transaction()))('commit');
  const [results] = await commit((t) =>
    t
      .create(`${node}/a`, NO_DATA)
      .create(`${node}/n-`, NO_DATA, CreateMode.PERSISTENT_SEQUENTIAL)
      .setData(node, Buffer.from('1'), 0)
      .check(node, 1)
      .remove(`${node}/a`),
  );
  say(
    'transaction',
    results.map(({ type, path, stat }) => [type, path?.slice(node.length), stat?.version].join('')).join(),
  );
  say('after it', (await zk('getData', node))[0], (await zk('getChildren', node))[0].join());
  const error = (result) => codes.get(result.err) ?? result.err;
  const attempt = a.transaction().create(`${node}/b`, NO_DATA).check(node, 9).remove(`${node}/none`);
  await new Promise((resolve) => {
    attempt.commit((refusal, all) => {
      say('transaction refused', codes.get(refusal.getCode()), all.map(error).join());
      resolve();
    });
  });
  say('nothing is left', (await zk('exists', `${node}/b`))[0]);
  say('transaction of nothing', (await commit((t) => t))[0].length);
}

async function chroot(zk) {
  const client = zookeeper.createClient(`${hosts}${root}`, { sessionTimeout: SESSION_MS });
  client.connect();
  await once(client, 'connected');
  say('chroot', (await on(client)('create', '/in'))[0], (await zk('exists', `${root}/in`))[0] !== null);
  await closed(client);
}

async function expiry(zk) {
  const path = `${root}/of-child`;
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), hosts, root, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  const gone = watcher();
  await zk('exists', path, gone.fired);
  child.kill('SIGSTOP');
  await gone.tell('ephemeral of a stopped process');
  const heard = [];
  lines.on('line', (line) => heard.push(line));
  const ended = once(lines, 'close');
  child.kill('SIGCONT');
  await ended;
  say('it hears', heard.join(', '));
}
