/** What is done to a server before it is asked its four-letter words, and what it answers, masked. */
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { operations } from '../../src/protocol/operations.js';
import { FOUR_LETTER_WORDS } from '../../src/protocol/words.js';
import { fourLetterWord, RawClient, type Address } from './raw-client.js';
import { masked } from './word-masks.js';

/** Answers by state and word. */
export type Answers = Readonly<Record<string, string>>;

const MASK_BYTES = Buffer.from([0, 0, 0, 0, 0, 0, 1, 0x12]).toString('latin1');
const create = { data: Buffer.from('xyz'), acl: OPEN_ACL_UNSAFE, flags: 0 };
/** All but those that change what the others tell. */
const WORDS = FOUR_LETTER_WORDS.filter((word) => !['srst', 'crst', 'stmk', 'envi'].includes(word));

/** Goes through all states. A fresh server is expected, which nobody else uses. */
export async function playWords(address: Address): Promise<Answers> {
  const answers: Record<string, string> = {};
  const sessions = new Map<string, bigint>();
  const ask = async (state: string, word: string, behind = ''): Promise<void> => {
    const text = await fourLetterWord(address, word + behind);
    answers[`${state}: ${word}`] = masked(word, text, { sessions });
  };
  // a real server counts what it has sent a moment after it was sent
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await fourLetterWord(address, 'ruok');
  };
  const askSettled = async (state: string, word: string): Promise<void> => {
    await settle();
    await ask(state, word);
  };
  const askAll = async (state: string): Promise<void> => {
    await settle();
    for (const word of WORDS) await ask(state, word);
  };
  const open = async (name: string): Promise<RawClient> => {
    // as long as a server gives: nobody pings
    const client = await RawClient.open(address, { timeOut: 60_000 });
    sessions.set(name, client.session!.sessionId);
    return client;
  };

  // whoever started it may have asked already
  await ask('reset', 'srst');
  await askAll('nobody there');

  const one = await open('one');
  await askAll('a session that has done nothing');
  await one.call('create', { ...create, path: '/a' });
  await one.call('create', { ...create, path: '/a/e', flags: 1 });
  await one.call('create2', { ...create, path: '/a/s-', flags: 3 });
  await one.call('exists', { path: '/none', watch: true });
  await one.call('exists', { path: '/a', watch: false });
  await one.call('getData', { path: '/a', watch: true });
  await one.call('getChildren', { path: '/a', watch: true });
  await askAll('watches and ephemerals');

  const two = await open('two');
  await two.call('addWatch', { path: '/a', mode: 1 });
  await two.call('addWatch', { path: '/b', mode: 0 });
  await two.call('getChildren2', { path: '/a', watch: true });
  await two.call('getACL', { path: '/a' });
  await two.call('setData', { path: '/a', data: Buffer.from('longer than before'), version: -1 });
  await two.call('create', { ...create, path: '/none', data: null });
  await two.call('setACL', { path: '/none', acl: OPEN_ACL_UNSAFE, version: -1 });
  await two.call('delete', { path: '/none', version: -1 });
  await two.drainEvents();
  await one.drainEvents();
  await askAll('two clients, after events');

  await two.call('delete', { path: '/not there', version: -1 });
  await askSettled('a write was refused', 'cons');
  await two.call('getData', { path: '/not there', watch: false });
  await askSettled('a read was refused', 'cons');
  for (const [name, request] of [
    ['sync', { path: '/a' }],
    ['getEphemerals', { prefixPath: '/' }],
    ['getAllChildrenNumber', { path: '/' }],
    ['removeWatches', { path: '/b', type: 3 }],
    ['multi', { ops: [] }],
    ['multiRead', { ops: [] }],
    ['setWatches', { relativeZxid: 0n, dataWatches: [], existWatches: [], childWatches: [] }],
    ['auth', { type: 0, scheme: 'digest', auth: Buffer.from('a:b') }],
    ['whoAmI', {}],
  ] as const) {
    await two.call(name, request as never);
    await askSettled(`after ${name}`, 'cons');
  }
  const ops = [
    { op: operations.create, request: { ...create, path: '/m' } },
    { op: operations.setData, request: { path: '/m', data: null, version: 0 } },
    { op: operations.delete, request: { path: '/m', version: 1 } },
  ];
  await two.call('multi', { ops });
  await askSettled('after a multi', 'cons');
  await two.call('multi', { ops: ops.slice(1) });
  await askSettled('after a multi that failed', 'cons');
  for (const [path, data] of [
    ['/zookeeper/quota/a', ''],
    ['/zookeeper/quota/a/zookeeper_limits', 'count=100,bytes=1000'],
    // as long as what takes its place, which a real server does not look at again
    ['/zookeeper/quota/a/zookeeper_stats', 'count=3,bytes=24'],
    ['/zookeeper/quota/a/s', ''],
    ['/zookeeper/quota/a/s/zookeeper_limits', 'count=-1,bytes=-1=;byteHardLimit=7,countHardLimit=9'],
    ['/zookeeper/quota/none', ''],
    ['/zookeeper/quota/none/zookeeper_limits', 'count=5,bytes=-1'],
  ] as const) {
    await two.call('create', { ...create, path, data: Buffer.from(data) });
  }
  await two.call('create', { ...create, path: '/a/counted' });
  await askAll('a quota');

  const wrong = await RawClient.open(address);
  await wrong.call('auth', { type: 0, scheme: 'none such', auth: Buffer.from('a') });
  await wrong.hungUp();
  sessions.set('wrong', wrong.session!.sessionId);
  await askAll('credentials were refused');

  await ask('reset', 'crst');
  await ask('connections reset', 'cons');
  await askAll('after crst');
  await ask('reset', 'srst');
  await ask('just reset', 'srvr');
  await askAll('after srst');
  await one.call('ping', {}, -2);
  await two.call('getData', { path: '/a', watch: false });
  await askAll('requests after both resets');

  const again = await RawClient.reattach(address, one);
  await one.hungUp();
  await askSettled('attached anew', 'cons');
  await again.call('closeSession', {});
  await again.hungUp();
  await askAll('a session was closed');

  const owner = await open('brief');
  await owner.call('create', { ...create, path: '/gone', flags: 1 });
  await two.call('exists', { path: '/gone', watch: true });
  // what it owns is made and watched by now: from here on its end may come as soon as it likes
  const { sessionId, passwd } = owner.session!;
  const brief = await RawClient.open(address, { sessionId, passwd, timeOut: 1000 });
  await owner.hungUp();
  brief.destroy();
  await two.event();
  await askAll('a session has expired');

  for (const [word, behind] of [
    ['ruok', '\n'],
    ['ruok', 'ruok'],
    ['isro', ' and more\r\n'],
    ['stmk', MASK_BYTES],
    ['stmk', ''],
    ['none', ''],
    ['RUOK', ''],
  ] as const) {
    await ask(`with ${JSON.stringify(behind)} behind it`, word, behind);
  }
  await ask('mask set', 'gtmk');
  answers['in pieces'] = await inPieces(address, ['r', 'uo', 'k']);
  await ask('at last', 'envi');
  await askAll('at last');
  two.destroy();
  return answers;
}

/** Sends a word in several writes, each of which has left before the next. */
async function inPieces(address: Address, pieces: readonly string[]): Promise<string> {
  const { connect } = await import('node:net');
  const socket = connect({ host: address.host ?? '127.0.0.1', port: address.port });
  socket.setNoDelay(true);
  for (const piece of pieces) {
    await new Promise<void>((resolve, reject) =>
      socket.write(piece, (error) => {
        if (error) reject(error);
        else setImmediate(resolve);
      }),
    );
  }
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}
