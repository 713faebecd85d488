/** The ensembles that the tests start: three members, one killed, one paused, one added. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect } from '../../src/index.js';
import { startEnsemble, type RealEnsemble } from '../support/real-ensemble.js';
import { fourLetterWord } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('an ensemble of our own', (version) => {
  let ensemble: RealEnsemble;

  beforeAll(async () => {
    ensemble = await startEnsemble({ version });
  });

  afterAll(async () => {
    await ensemble.stop();
    for (const { host, port } of ensemble.members) expect(await fourLetterWord(host, port, 'ruok')).toBe('');
  });

  it('has three members of that version, one of which leads', async () => {
    expect(ensemble.members).toHaveLength(3);
    const modes = await Promise.all(ensemble.members.map((member) => member.mode()));
    expect(modes.sort()).toEqual(['follower', 'follower', 'leader']);
    const { host, port } = await ensemble.leader();
    expect(await fourLetterWord(host, port, 'srvr')).toContain(`Zookeeper version: ${version}`);
    expect(await ensemble.followers()).toHaveLength(2);
  });

  it('elects another leader when that one is killed, and takes it back', async () => {
    const first = await ensemble.leader();
    await first.kill();
    expect(await first.mode()).toBe('');
    const second = await ensemble.leader();
    expect(second).not.toBe(first);
    expect(await ensemble.followers()).toHaveLength(1);
    await first.start();
    expect(await first.mode()).toBe('follower');
    expect(await ensemble.followers()).toHaveLength(2);
  });

  it('is there for a Conn, and its data on every member', async () => {
    const conn = await connect(ensemble.connectString);
    await conn.create('/a', 'x');
    await conn.close();
    for (const member of ensemble.members) {
      const reader = await connect(member.connectString);
      await reader.sync('/a');
      expect(String((await reader.get('/a')).data)).toBe('x');
      await reader.close();
    }
  });

  it('takes a fourth server, which follows', async () => {
    const fourth = await ensemble.addMember();
    expect(fourth.id).toBe(4);
    expect(fourth.joining).toMatch(/^server\.4=127\.0\.0\.1:\d+:\d+:participant;127\.0\.0\.1:\d+$/);
    expect(await fourth.mode()).toMatch(/follower|observer/);
    await fourth.stop();
  });
});
