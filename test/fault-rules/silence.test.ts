/** A good `check` by itself is not answered: what is asked for behind it, and rules about it, must not wait for that. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KINDS, applied, startWorld, type Scribe, type World } from './fault-world.js';

describe.each(KINDS)('on a %s', (kind) => {
  let world: World;
  let client: Scribe;

  beforeEach(async () => {
    world = await startWorld(kind, { emulate: '3.8' });
    client = await world.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const check = (path: string, xid: number): void => void client.send('check', { path, version: -1 }, xid);

  it('an answer in the place of the server comes when it is known that there will be none to the check', async () => {
    const rule = world.faults.when({ path: '/t/2' }).reply('NoAuth');
    check('/t', 50);
    client.createAll();
    expect(await client.untilPing()).toEqual(['1 ok', '2 NoAuth', '3 ok', '4 ok', 'ping']);
    expect(rule.count).toBe(1);
    expect(applied(world.server)).toEqual(['1', '3', '4']);
    // a mini-server has said all there is to say; of another one that is known when the next answer comes
    check('/t', 51);
    world.faults.when({ path: '/t/1' }).reply('NoAuth');
    client.send('delete', { path: '/t/1', version: -1 }, 52);
    if (kind === 'proxy') client.send('ping', {}, -2);
    await client.until((seen) => seen.includes('52 NoAuth'));
  });

  it('the error of a check comes before it, in order', async () => {
    world.faults.when({ path: '/t/1' }).reply('NoAuth');
    check('/none', 50);
    client.createAll(2);
    expect(await client.untilPing()).toEqual(['50 NoNode', '1 NoAuth', '2 ok', 'ping']);
    const replies = world.faults.log.frames({ op: 'check', direction: 'toClient' });
    expect(replies.map(({ xid, path }) => [xid, path])).toEqual([[50, '/none']]);
  });

  it('a cut before what is asked for behind it happens', async () => {
    world.faults.when({ path: '/t/2' }).cut('beforeApplied');
    check('/t', 50);
    client.createAll();
    expect(await client.untilEnd()).toEqual(['1 ok', 'reset']);
    expect(applied(world.server)).toEqual(['1']);
  });

  it.each(['beforeAnswered', 'afterAnswered'] as const)('it is cut %s all the same', async (point) => {
    const rule = world.faults.when({ op: 'check' }).cut(point);
    check('/t', 50);
    client.send('ping', {}, -2);
    expect((await client.untilEnd()).at(-1)).toBe('reset');
    expect(await rule.reached).toMatchObject({ op: 'check', path: '/t' });
  });

  it('credentials are answered at once, and say nothing of a check before them', async () => {
    world.faults.when({ path: '/t/1' }).reply('NoAuth');
    check('/none', 50);
    client.send('auth', { type: 0, scheme: 'digest', auth: Buffer.from('a:b') }, -4);
    client.createAll(1);
    const seen = await client.untilPing();
    expect(seen.filter((line) => !line.startsWith('-4'))).toEqual(['50 NoNode', '1 NoAuth', 'ping']);
  });
});
