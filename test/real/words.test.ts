/** Four-letter words: the mini-server answers them line by line as a real server does, in many states. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MiniEnsemble, MiniServer } from '../../src/testing.js';
import { FOUR_LETTER_WORDS } from '../../src/protocol/words.js';
import { makeCertificates, secureConfig } from '../support/certificates.js';
import { tlsWord } from '../support/tls-word.js';
import { fourLetterWord, RawClient, type Address } from '../support/raw-client.js';
import { startEnsemble, type RealEnsemble } from '../support/real-ensemble.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';
import { masked } from '../support/word-masks.js';
import { playWords } from '../support/word-states.js';

/** What `mntr` of a leader tells of its learners, which is not there here; and of who wrote the configuration. */
const OF_LEARNERS = /^zk_\w+_(\d+_\w+|zookeeper_write_per_namespace)\t.*\n/gm;

onEveryRelease('four-letter words of members', (version) => {
  const emulate = version.startsWith('3.9') ? '3.9' : '3.8';
  let real: RealEnsemble;
  beforeAll(async () => {
    real = await startEnsemble({ version });
  });
  afterAll(() => real.stop());

  it('are answered by leader and follower as by real ones', async () => {
    await using mini = await MiniEnsemble.start({ emulate });
    const answers = async (members: readonly { readonly host: string; readonly port: number }[]) => {
      const found: Record<string, string> = {};
      for (const member of members) {
        const role = /Mode: (\w+)/.exec(await fourLetterWord(member, 'srvr'))?.[1] ?? '';
        for (const word of [
          'ruok',
          'isro',
          'srst',
          'srvr',
          'stat',
          'cons',
          'conf',
          'dump',
          'wchs',
          'mntr',
          'crst',
        ]) {
          const text = await fourLetterWord(member, word);
          found[`${role}: ${word}`] = masked(word, text, { sessions: new Map() })
            .replace(OF_LEARNERS, '')
            // its configuration has ports of other lengths
            .replace(/^(zk_approximate_data_size\t)\d+/gm, '$1#')
            .replace(/^(Zxid|version)(: 0x|=)[0-9a-f]+/gm, '$1#')
            .replace(/^server\.(\d)=.*/gm, 'server.$1')
            .replace(/^(serverId|tickTime|initLimit|syncLimit)=\d+/gm, '$1=#');
        }
      }
      return found;
    };
    const following = (await real.followers()).slice(0, 1);
    const expected = await answers([await real.leader(), ...following]);
    const { members } = mini;
    const leader = members.find(({ role }) => role === 'leader')!;
    const follower = members.find(({ role }) => role === 'follower')!;
    expect(await answers([leader, follower])).toEqual(expected);
  });
});

onEveryRelease('four-letter words', (version) => {
  const emulate = version.startsWith('3.9') ? '3.9' : '3.8';
  const servers: RealServer[] = [];
  const started = async (config: Readonly<Record<string, string>>): Promise<RealServer> => {
    const server = await startRealServer({ version, config });
    servers.push(server);
    return server;
  };
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  it('are answered as the real server answers them', async () => {
    const real = await playWords(await started({}));
    await using mini = await MiniServer.start({ emulate });
    expect(await playWords(mini)).toEqual(real);
  });

  it('are answered on a plain and a secure port alike', async () => {
    using made = makeCertificates();
    const real = await startRealServer({
      version,
      config: (spare) => secureConfig(made, spare[0], 'none'),
    });
    servers.push(real);
    const { key, cert } = made.server;
    await using mini = await MiniServer.start({ emulate, tls: { key, cert }, securePort: 0 });
    const answers = async (plain: Address, securePort: number): Promise<Record<string, string>> => {
      const found: Record<string, string> = {};
      // neither says anything of its own accord, which would be counted
      const client = await RawClient.open(plain, { timeOut: 60_000 });
      const tls = { ca: made.ca };
      const secure = await RawClient.open({ port: securePort, tls }, { timeOut: 60_000 });
      const sessions = new Map([
        ['plain', client.session!.sessionId],
        ['secure', secure.session!.sessionId],
      ]);
      await fourLetterWord(plain, 'srst');
      for (const word of ['ruok', 'conf', 'cons', 'stat', 'dump', 'srvr', 'crst', 'none', 'hash', 'stmk']) {
        found[`plain ${word}`] = masked(word, await fourLetterWord(plain, word), { sessions });
        const text = await tlsWord({ port: securePort }, word, made.ca);
        found[`secure ${word}`] = masked(word, text, { sessions });
      }
      found['at last'] = masked('cons', await fourLetterWord(plain, 'cons'), { sessions });
      client.destroy();
      secure.destroy();
      return found;
    };
    const expected = await answers(real, real.spare[0]!);
    expect(await answers(mini, mini.securePort!)).toEqual(expected);
  });

  it('that are not in the whitelist, or come too late, or are none', async () => {
    const real = await started({ '4lw.commands.whitelist': 'srvr' });
    await using mini = await MiniServer.start({ emulate, fourLetterWords: ['srvr'] });
    for (const server of [real, mini]) {
      const refused = (word: string): string =>
        `${word} is not executed because it is not in the whitelist.\n`;
      for (const word of FOUR_LETTER_WORDS.filter((each) => each !== 'srvr')) {
        expect(await fourLetterWord(server, word)).toBe(refused(word));
      }
      for (const none of ['abcd', 'SRVR', 'srv\n', '\n\n\n\n', '\x7f\xff\xff\xff']) {
        expect(await fourLetterWord(server, none)).toBe('');
      }
      const client = await RawClient.open(server);
      client.sendBytes('srvr');
      expect(await client.frame()).toBeNull();
    }
  });
});
