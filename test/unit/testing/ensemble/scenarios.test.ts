/** The scenarios that real ensembles have gone through, on a mini-ensemble. */
import { describe } from 'vitest';
import { ensembleScenarios } from '../../../support/ensemble-scenarios.js';
import { miniStage } from '../../../support/ensemble-stage.js';

describe('on a mini-ensemble', () => ensembleScenarios(miniStage));
