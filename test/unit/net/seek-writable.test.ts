/** The search for a writable server, and listeners that leave the read-only one while they are told of it. */
import { expect, it } from 'vitest';
import type { Dialer } from '../../../src/net/transport.js';
import { Driver } from '../../../src/net/driver.js';
import { RoundRobinHostProvider } from '../../../src/net/host-provider.js';
import type { SessionEvent } from '../../../src/session/ports.js';
import { JuteWriter } from '../../../src/protocol/jute.js';
import { writeConnectResponse } from '../../../src/protocol/records.js';
import { DEFAULT_CONFIG, framed } from '../../support/core-world.js';
import { address } from '../../support/driver-world.js';
import { ScriptedServer, settle } from '../../support/scripted-server.js';

function handshake(readOnly: boolean): Buffer {
  const w = new JuteWriter();
  const session = { protocolVersion: 0, timeOut: 9000, sessionId: 7n, passwd: Buffer.alloc(16, 7), readOnly };
  writeConnectResponse(w, session);
  return framed(w);
}

/** A driver on a read-only server; `heard` gets its events. Each server that is asked is one more link. */
async function onReadOnly(
  heard: (event: SessionEvent, driver: Driver) => void = () => undefined,
): Promise<{ driver: Driver; server: ScriptedServer }> {
  const server = new ScriptedServer();
  const dialer: Dialer = server.dialer;
  const driver: Driver = new Driver({
    hostProvider: new RoundRobinHostProvider([address('a'), address('b')], () => 0.999),
    dialer,
    clock: server.clock,
    random: () => 0.5,
    onEvent: (event) => heard(event, driver),
    config: { ...DEFAULT_CONFIG, sessionTimeoutMs: 9000, readOnly: true },
  });
  driver.start();
  await settle();
  await server.link.connect();
  await server.link.send(handshake(true));
  await settle();
  return { driver, server };
}

const isReadOnlyState = (event: SessionEvent): boolean =>
  event.type === 'state' && event.state === 'ConnectedReadOnly';

it('begins with the session, and ends where it can write', async () => {
  const { driver, server } = await onReadOnly();
  await server.clock.advance(100);
  expect(server.dialed).toEqual(['a:1', 'b:1']);
  await server.link.connect();
  expect(String(server.link.written[0])).toBe('isro');
  await server.link.send(Buffer.from('rw'));
  await server.link.end();
  expect(server.dialed).toEqual(['a:1', 'b:1', 'b:1']);
  await server.link.connect();
  await server.link.send(handshake(false));
  expect(driver.core.state).toBe('SyncConnected');
  driver.detach();
  await settle();
  expect(server.clock.timers).toBe(0);
});

it.each<[string, (driver: Driver) => void, number]>([
  ['detaches', (driver) => driver.detach(), 1],
  // one more attempt, and nobody is asked anything
  ['reconnects', (driver) => driver.reconnect(undefined), 2],
  ['takes another list', (driver) => void driver.updateServers([address('x')]), 2],
])('does not begin if a listener %s', async (_what, act, dials) => {
  let acted = false;
  const { driver, server } = await onReadOnly((event, on) => {
    if (!isReadOnlyState(event) || acted) return;
    acted = true;
    act(on);
  });
  expect(acted).toBe(true);
  await server.clock.advance(1000);
  expect(server.dialed).toHaveLength(dials);
  expect(server.links.flatMap(({ written }) => written.map(String))).not.toContain('isro');
  driver.detach();
  await settle();
  expect(server.clock.timers).toBe(0);
});

it('of an old list is begun anew', async () => {
  const { driver, server } = await onReadOnly();
  await server.clock.advance(100);
  const asked = server.link;
  expect(asked.name).toBe('b:1');
  await asked.connect();
  driver.updateServers([address('a')]);
  await settle();
  expect([asked.destroyed, driver.core.state]).toEqual([true, 'ConnectedReadOnly']);
  await server.clock.advance(100);
  expect(server.dialed).toEqual(['a:1', 'b:1', 'a:1']);
  driver.detach();
  await settle();
  expect(server.clock.timers).toBe(0);
});

it('does nothing while the session is being closed', async () => {
  const { driver, server } = await onReadOnly();
  await server.clock.advance(100);
  await server.link.connect();
  driver.close();
  await server.link.send(Buffer.from('rw'));
  await server.link.end();
  expect([driver.core.phase.name, server.dialed.length]).toEqual(['closing', 2]);
  await server.clock.advance(DEFAULT_CONFIG.closeTimeoutMs);
  expect(driver.core.phase.name).toBe('closed');
});
