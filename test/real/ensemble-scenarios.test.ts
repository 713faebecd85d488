/** What the mini-ensemble does was seen on real ones: the same scenarios. */
import { ensembleScenarios } from '../support/ensemble-scenarios.js';
import { realStage } from '../support/ensemble-stage.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('an ensemble', (version) => ensembleScenarios(() => realStage(version)));
