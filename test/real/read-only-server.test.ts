/** What the mini-server does in read-only mode was seen on real servers: the same scenarios. */
import { readOnlyScenarios } from '../support/read-only-scenarios.js';
import { startEnsemble } from '../support/real-ensemble.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('a server in read-only mode', (version) =>
  readOnlyScenarios(async () => {
    const ensemble = await startEnsemble({ version, config: { localSessionsEnabled: 'true' } });
    const [survivor] = await ensemble.followers();
    await Promise.all(ensemble.members.filter((each) => each !== survivor).map((each) => each.kill()));
    await survivor!.becomes('read-only');
    return { port: survivor!.port, stop: () => ensemble.stop() };
  }),
);
