/** Which server comes next, and what another list of servers does to what was chosen already. */
import { describe, expect, it } from 'vitest';
import { Choices } from '../../../src/net/choices.js';
import { RoundRobinHostProvider } from '../../../src/net/host-provider.js';
import { address } from '../../support/driver-world.js';

const choicesOf = (...hosts: string[]): Choices =>
  new Choices(new RoundRobinHostProvider(hosts.map(address), () => 0.999));

describe('what was chosen', () => {
  it('is the same until it was tried', async () => {
    const choices = choicesOf('a', 'b');
    const { server } = await choices.next();
    expect((await choices.next()).server).toEqual(server);
    choices.tried();
    expect((await choices.next()).server).not.toEqual(server);
  });

  it('from an old list is void with a new one, also if it is preferred', async () => {
    const choices = choicesOf('a', 'b');
    choices.prefer(address('b'));
    choices.update([address('x')], undefined);
    expect((await choices.next()).server).toEqual(address('x'));
  });

  it('from an old list is void with a new one, if it was not tried', async () => {
    const choices = choicesOf('a', 'b');
    await choices.next();
    choices.update([address('x')], undefined);
    expect((await choices.next()).server).toEqual(address('x'));
  });

  it('and is being asked for when the list changes is asked for anew', async () => {
    const choices = choicesOf('a', 'b');
    const asked = choices.next();
    choices.update([address('x')], undefined);
    expect((await asked).server).toEqual(address('x'));
  });
});
